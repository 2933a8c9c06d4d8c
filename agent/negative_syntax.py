"""Parses negative prompts in the syntax of AUTOMATIC1111's web UI into terms with weights.

Commas, newlines, `BREAK` and `AND` separate terms. A weight may precede `AND`: `cat :1.2 AND dog`. Brackets set
weights, see `generation.prompt_syntax`. Syntax that a list of exclusions cannot express is simplified and reported as a
deviation: prompt editing `[a:b:0.5]`, alternation `[a|b]`, extra networks `<lora:name:0.8>`, and different weights
within a term.

Source: https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..generation.prompt_syntax import MAX_DEPTH, ROUND, parse_prompt
from .terms import to_one_line

_MAX_QUOTED = 3
"""Maximum number of texts that the sentence for one kind of deviation quotes."""

_MAX_SHOWN = 1000
"""Number of characters of a text that are read for its quotation."""

_NETWORK = re.compile(r"<[A-Za-z]\w*:[^<>]*>")
_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)\s*")
_JOINED_BY_AND = re.compile(r"\s*\bAND\b\s*")
_WEIGHED = re.compile(r"(?P<terms>[^:].*?)\s*:\s*(?P<weight>[+-]?(?:\d+(?:\.\d*)?|\.\d+))", re.DOTALL)
_TOKEN = re.compile(r"\\.|[^\\]", re.DOTALL)
_OPENING, _CLOSING = frozenset(",\n([|:"), frozenset(",\n)]|:")


@dataclass(frozen=True)
class WeightedTerm:
    """A term as written, and its weight, which may be out of range."""

    term: str
    weight: float


@dataclass
class Deviations:
    """Deviations from what is written: a mapping from each reason to the texts concerned."""

    texts: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, text: str) -> None:
        """Add a deviation. `reason` is a sentence with `{}` in place of the texts."""
        line = to_one_line(text[:_MAX_SHOWN])
        self.texts.setdefault(reason, []).append(f"“{line if len(line) <= 60 else line[:59] + '…'}”")

    def sentences(self) -> list[str]:
        """A sentence for each reason."""
        return [reason.format(_join_texts(texts)) for reason, texts in self.texts.items()]


EDITED = "Prompt editing is not supported: all of {} is excluded from the first step."
ALTERNATING = "Alternating words are not supported: all of {} is excluded."
NETWORKS = "Left out of the negative prompt, since no LoRA is loaded from there: {}."
FIRST = "Within a term, only the first choice is excluded: {}."
PARTS = "A term has one weight, the highest in it: {}."


def read_terms(text: str, deviations: Deviations) -> Iterator[WeightedTerm]:
    """The terms of a negative prompt, in order, with their weights."""
    printable = "\n".join(filter(None, map(to_one_line, text.split("\n"))))
    for network in _NETWORK.findall(printable):
        deviations.add(NETWORKS, network)
    plain = _without_schedules(_without_and(_NETWORK.sub(",", printable)), deviations)
    pieces: list[WeightedTerm] = []
    for fragment in parse_prompt(plain):
        parts = [None] if fragment.text is None else re.split(r"[,\n]", fragment.text)
        for k, part in enumerate(parts):
            if k or part is None:
                yield from _join_pieces(pieces, deviations)
                pieces = []
            if part:
                pieces.append(WeightedTerm(part, fragment.weight))
    yield from _join_pieces(pieces, deviations)


def _join_pieces(pieces: list[WeightedTerm], deviations: Deviations) -> Iterator[WeightedTerm]:
    """Yield the term that these pieces form, unless it is blank."""
    term = to_one_line("".join(piece.term for piece in pieces))
    if not term:
        return
    weights = {_round_weight(piece.weight) for piece in pieces if piece.term.strip()}
    if len(weights) > 1:
        deviations.add(PARTS, term)
    yield WeightedTerm(term, max(weights))


def _round_weight(weight: float) -> float:
    """Round to two decimals if the weight comes only from brackets without numbers, else to four."""
    if weight <= 0:
        return weight
    brackets = math.log(weight) / math.log(ROUND)
    return round(weight, 2 if math.isclose(brackets, round(brackets), abs_tol=1e-6) else 4)


def _without_and(text: str) -> str:
    """The text with `a :1.2 AND b` as `(a:1.2), b`."""
    parts = _JOINED_BY_AND.split(text)
    if len(parts) == 1:
        return text
    matches = [_WEIGHED.fullmatch(part.strip()) for part in parts]
    pairs = zip(parts, matches, strict=True)
    return ", ".join(f"({match['terms']}:{match['weight']})" if match else part for part, match in pairs)


@dataclass
class _Bracket:
    """An open bracket at token `at`, the visible token before it, and the bars and colons directly inside it."""

    at: int
    before: str
    marks: list[int] = field(default_factory=list)


def _without_schedules(text: str, deviations: Deviations) -> str:
    """Replace `[a:b:0.5]` and `[a|b]` by `a, b`, or by the first choice within a longer term."""
    tokens = _TOKEN.findall(text)
    opened: list[_Bracket] = []
    before = ","
    for k, token in enumerate(tokens):
        if token in ("(", "["):
            opened.append(_Bracket(k, before))
        elif token in ("|", ":") and opened:
            opened[-1].marks.append(k)
        elif token in (")", "]") and opened:
            bracket = opened.pop()
            if token == "]" and tokens[bracket.at] == "[" and len(opened) < MAX_DEPTH:
                _resolve(tokens, bracket, k, deviations)
                visible = (tokens[at] for at in range(k, bracket.at - 1, -1) if tokens[at].strip(" "))
                before = next(visible, bracket.before)
                continue
        before = token if token.strip(" ") else before
    return "".join(tokens)


def _resolve(tokens: list[str], bracket: _Bracket, end: int, deviations: Deviations) -> None:
    """Rewrite a square bracket in place if it is prompt editing or an alternation rather than a weight."""
    bars = [k for k in bracket.marks if tokens[k] == "|"]
    if bars:
        marks, reason = bars, ALTERNATING
    elif bracket.marks and _NUMBER.fullmatch("".join(tokens[bracket.marks[-1] + 1 : end])):
        marks, reason = bracket.marks, EDITED
    else:
        return
    whole = "".join(tokens[bracket.at : end + 1])
    if reason == EDITED:
        _erase(tokens, marks[-1] + 1, end)
    tokens[bracket.at] = tokens[end] = ""
    if _is_alone(tokens, bracket, end):
        deviations.add(reason, whole)
        for mark in marks:
            tokens[mark] = ","
        return
    deviations.add(FIRST, whole)
    starts = [bracket.at + 1, *(mark + 1 for mark in marks)]
    parts = list(zip(starts, [*marks, end], strict=True))
    first = next((part for part in parts if "".join(tokens[slice(*part)]).strip()), parts[0])
    _erase(tokens, bracket.at, first[0])
    _erase(tokens, first[1], end)


def _is_alone(tokens: list[str], bracket: _Bracket, end: int) -> bool:
    """Whether a bracket is a whole term."""
    after = next((tokens[k] for k in range(end + 1, len(tokens)) if tokens[k].strip(" ")), ",")
    return bracket.before in _OPENING and after in _CLOSING


def _erase(tokens: list[str], start: int, end: int) -> None:
    tokens[start:end] = [""] * (end - start)


def _join_texts(texts: Iterable[str]) -> str:
    texts = list(dict.fromkeys(texts))
    more = len(texts) - _MAX_QUOTED
    return ", ".join(texts[:_MAX_QUOTED]) + (f" and {more} more" if more > 0 else "")

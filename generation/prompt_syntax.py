"""Weights in prompts, with the syntax of AUTOMATIC1111's web UI.

`(x)` weighs 1.1, `[x]` weighs 1/1.1, `(x:1.3)` weighs 1.3. Weights nest and multiply. A backslash escapes a
bracket or a backslash; before any other character it is dropped. `BREAK` starts a new chunk. An unclosed
bracket extends to the end of the text. A closing bracket without an opening one is an ordinary character. Any text
parses, in linear time, and all weights are finite.

Source: https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features#attentionemphasis
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

ROUND, SQUARE = 1.1, 1 / 1.1
MAX_DEPTH = 40
"""Brackets nested deeper than this don't change weights: 1.1 to this power is far outside any useful weight."""
_MAX_FACTOR = 1e6
"""The largest number in `(x:1.3)`. With `MAX_DEPTH`, all weights are finite."""

_TOKEN = re.compile(
    r"""
      \\(?P<escaped>[()\[\]\\]|)
    | :\s*(?P<weight>[+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*\)
    | (?P<bracket>[()\[\]])
    | (?P<break>\bBREAK\b)
    | (?P<text>:|[^\\()\[\]:B]+|B)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Fragment:
    """A run of text with one weight, or the start of a new chunk (`text` is None)."""

    text: str | None
    weight: float = 1.0


BREAK = Fragment(None)


def parse_prompt(prompt: str) -> list[Fragment]:
    """The fragments of a prompt in order, with neighbours of equal weight joined; `[Fragment("")]` if empty."""
    texts: list[str | None] = []
    weights: list[float] = []
    opened: dict[str, list[int | None]] = {"(": [], "[": []}  # None: too deep to count

    def scale(start: int | None, factor: float) -> None:
        if start is not None:
            weights[start:] = [weight * factor for weight in weights[start:]]

    for token in _TOKEN.finditer(prompt):
        match token.lastgroup:
            case "bracket" if token["bracket"] in opened:
                is_counted = len(opened["("]) + len(opened["["]) < MAX_DEPTH
                opened[token["bracket"]].append(len(texts) if is_counted else None)
                continue
            case "bracket" if stack := opened["(" if token["bracket"] == ")" else "["]:
                scale(stack.pop(), ROUND if token["bracket"] == ")" else SQUARE)
                continue
            case "weight" if opened["("]:
                scale(opened["("].pop(), _parse_factor(token["weight"]))
                continue
            case "break":
                texts.append(None)
            case "escaped":
                texts.append(token["escaped"] or "")
            case _:
                texts.append(token[0])
        weights.append(1.0)
    for start in opened["("]:
        scale(start, ROUND)
    for start in opened["["]:
        scale(start, SQUARE)
    found = (BREAK if text is None else Fragment(text, weight) for text, weight in zip(texts, weights, strict=True))
    return _join_fragments(found) or [Fragment("")]


def escape_prompt(text: str) -> str:
    """Escape every bracket and backslash, so that `parse(escape(x))` is x at weight 1.

    BREAK cannot be escaped and becomes lower case.
    """
    return re.sub(r"\bBREAK\b", "break", re.sub(r"([()\[\]\\])", r"\\\1", text))


def split_terms(prompt: str) -> list[str]:
    """The terms of a prompt as written: the text between commas outside of brackets."""
    found, begin, depth, literal = [], 0, 0, False
    for k, character in enumerate(prompt):
        if literal:
            literal = False
        elif character == "\\":
            literal = True
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth = max(depth - 1, 0)
        elif character == "," and not depth:
            found.append(prompt[begin:k])
            begin = k + 1
    return [term for term in (each.strip() for each in [*found, prompt[begin:]]) if term]


def _parse_factor(number: str) -> float:
    return max(-_MAX_FACTOR, min(_MAX_FACTOR, float(number)))


def _join_fragments(fragments: Iterable[Fragment]) -> list[Fragment]:
    joined: list[tuple[list[str], float] | None] = []
    for fragment in fragments:
        last = joined[-1] if joined else None
        if fragment.text is None:
            joined.append(None)
        elif last is not None and math.isclose(fragment.weight, last[1]):
            last[0].append(fragment.text)
        else:
            joined.append(([fragment.text], fragment.weight))
    return [BREAK if run is None else Fragment("".join(run[0]), run[1]) for run in joined]

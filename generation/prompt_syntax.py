"""The weights that people write into prompts, read as AUTOMATIC1111's web UI reads them.

`(x)` weighs 1.1, `[x]` weighs 1/1.1, `(x:1.3)` weighs 1.3; they nest and multiply. A backslash takes
the meaning from a bracket, and is dropped before anything else. `BREAK` starts a new chunk. A bracket
that is never closed still counts up to the end of the text, and one that was never opened is a
character like any other.

Source: https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features#attentionemphasis
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

ROUND, SQUARE = 1.1, 1 / 1.1

_TOKEN = re.compile(
    r"""
      \\(?P<escaped>[()\[\]\\]|)
    | :\s*(?P<weight>[+-]?(?:\d+\.?\d*|\.\d+))\s*\)
    | (?P<bracket>[()\[\]])
    | (?P<break>\bBREAK\b)
    | (?P<text>:|[^\\()\[\]:B]+|B)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Fragment:
    """A run of text under one weight, or the start of a new chunk (`text` None)."""

    text: str | None
    weight: float = 1.0


BREAK = Fragment(None)


def parse(prompt: str) -> list[Fragment]:
    """The fragments of a prompt in order, neighbours of equal weight joined; `[Fragment("")]` for nothing."""
    texts: list[str | None] = []
    weights: list[float] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}

    def scale(start: int, factor: float) -> None:
        weights[start:] = [weight * factor for weight in weights[start:]]

    for token in _TOKEN.finditer(prompt):
        match token.lastgroup:
            case "bracket" if token["bracket"] in opened:
                opened[token["bracket"]].append(len(texts))
                continue
            case "bracket" if stack := opened["(" if token["bracket"] == ")" else "["]:
                scale(stack.pop(), ROUND if token["bracket"] == ")" else SQUARE)
                continue
            case "weight" if opened["("]:
                scale(opened["("].pop(), float(token["weight"]))
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
    return _joined(found) or [Fragment("")]


def escape(text: str) -> str:
    """The text with every bracket and backslash taken literally: `parse(escape(x))` is x at weight 1.

    A BREAK, which has no escape, is written small.
    """
    return re.sub(r"\bBREAK\b", "break", re.sub(r"([()\[\]\\])", r"\\\1", text))


def terms(prompt: str) -> list[str]:
    """The terms of a prompt as they are written: what stands between commas that no bracket encloses."""
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


def _joined(fragments: Iterable[Fragment]) -> list[Fragment]:
    joined: list[Fragment] = []
    for fragment in fragments:
        last = joined[-1] if joined else BREAK
        if fragment.text is not None and last.text is not None and math.isclose(fragment.weight, last.weight):
            joined[-1] = Fragment(last.text + fragment.text, last.weight)
        else:
            joined.append(fragment)
    return joined

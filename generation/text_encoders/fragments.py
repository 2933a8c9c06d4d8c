"""From a weighted text to the weights of its tokens, for tokenizers that report offsets."""

import re
from collections.abc import Sequence

from .clip import PromptOptions, parse_fragments

_WORD = re.compile(r"(?<!['’])[^\W\d_]+")


def plain_text(text: str, options: PromptOptions) -> tuple[str, list[float]]:
    """The text without its weights, and the weight of each of its characters."""
    plain, weights = "", []
    for fragment in parse_fragments(text, options.syntax):
        piece = "\n" if fragment.text is None else fragment.text
        plain += piece
        weights += [fragment.weight] * len(piece)
    return plain, weights


def token_weights(
    offsets: Sequence[tuple[int, int]], plain: str, weights: Sequence[float], begin: int = 0
) -> list[float]:
    """The weight of each token: that of the first character in it that is no space.

    `begin` is where `plain` starts in the text that the offsets belong to. Tokens outside of it weigh 1.
    """
    found = []
    for start, end in offsets:
        place = start - begin
        while place < end - begin - 1 and 0 <= place < len(plain) and plain[place].isspace():
            place += 1
        found.append(weights[place] if start < end and 0 <= place < len(plain) else 1.0)
    return found


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower())

"""Normalises terms for comparison: "The Moustaches" and "mustache" are the same term.

Normalised terms are only compared. The user and the model see the term as written.
"""

import re
import unicodedata
from functools import lru_cache

_ARTICLES = frozenset({"a", "an", "the"})
_SPELLINGS = {
    "aeroplane": "airplane",
    "armour": "armor",
    "centre": "center",
    "colour": "color",
    "colourful": "colorful",
    "coloured": "colored",
    "colours": "colors",
    "cosy": "cozy",
    "favourite": "favorite",
    "grey": "gray",
    "greyscale": "grayscale",
    "harbour": "harbor",
    "jewellery": "jewelry",
    "mould": "mold",
    "moustache": "mustache",
    "moustaches": "mustaches",
    "neighbour": "neighbor",
    "plough": "plow",
    "pyjamas": "pajamas",
    "sceptre": "scepter",
    "theatre": "theater",
    "tyre": "tire",
    "tyres": "tires",
    "vapour": "vapor",
    "watercolour": "watercolor",
    "watercolours": "watercolors",
}
_IRREGULAR = {
    "children": "child",
    "feet": "foot",
    "geese": "goose",
    "knives": "knife",
    "leaves": "leaf",
    "men": "man",
    "mice": "mouse",
    "people": "person",
    "shelves": "shelf",
    "teeth": "tooth",
    "wolves": "wolf",
    "women": "woman",
}
_NOT_PLURAL = frozenset(
    {"atlas", "bokeh", "canvas", "christmas", "clothes", "gas", "glasses", "jeans", "lens", "pants", "series"}
)
_SUFFIXES = ("ation", "ated", "iness", "ness", "ish", "ing", "ed", "y", "e")
_JOINERS = "\u200c\u200d"
"""Zero-width joiners of Persian words and emoji: not printable, but part of the text."""
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Blank characters that Unicode classifies as letters or symbols."""


def to_one_line(text: str) -> str:
    """The text on one line with single spaces, without unprintable characters.

    Zero-width characters are removed, except joiners between letters or emoji. Control characters become spaces. A
    blank text becomes empty. Every text from users, language models and files passes this function before it becomes
    part of a term, a prompt, a reply or a record.
    """
    if text.isascii() and text.isprintable():
        return collapse_whitespace(text)
    line = collapse_whitespace(re.sub(f"[{_JOINERS}]+", _keep_joiner, "".join(map(_to_printable, text))))
    return line if any(unicodedata.category(character)[0] not in "MCZ" for character in line) else ""


def is_printable(text: str) -> bool:
    """Whether a text is safe to print on a terminal: it has only printable characters and joiners."""
    return all(character.isprintable() or character in _JOINERS for character in text)


def _to_printable(character: str) -> str:
    if character.isprintable():
        return " " if character in _FILLERS else character
    if character in _JOINERS:
        return character
    return "" if unicodedata.category(character) == "Cf" else " "


def _keep_joiner(match: re.Match[str]) -> str:
    """Reduce the joiners to one if they stand between two characters that they can join, else to none."""
    start, end = match.span()
    neighbours = match.string[max(0, start - 1) : start] + match.string[end : end + 1]
    return match[0][0] if len(neighbours) == 2 and not any(c.isascii() or c.isspace() for c in neighbours) else ""


def collapse_whitespace(text: str) -> str:
    """The text on one line with single spaces."""
    return " ".join(text.split())


@lru_cache(maxsize=4096)
def normalize_term(term: str) -> str:
    """The form that all spellings of a term share: lower case, without articles, American spelling, singular.

    It is not empty unless the term is blank.
    """
    words = unicodedata.normalize("NFKC", term).casefold().replace("-", " ").split()
    content_words = [word for word in words if word not in _ARTICLES] or words
    spelled = [_SPELLINGS.get(word, word) for word in content_words]
    return " ".join([*spelled[:-1], *map(singularize, spelled[-1:])]) or collapse_whitespace(term.casefold())


def singularize(word: str) -> str:
    """Map a lower-case noun and its plural to one form: "fingers" -> "finger", "teeth" -> "tooth".

    If the spelling is ambiguous, both lose an "e" ("nose", "noses" -> "nos"), so the form is not for display.
    """
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or word in _NOT_PLURAL or word.endswith(("ss", "us", "is")):
        return word
    word = word.removesuffix("s")
    if word.endswith("ie") and len(word) > 3:
        return word[:-2] + "y"
    return word[:-1] if re.search(r"(?:[sxz]|ch|sh)e$", word) else word


@lru_cache(maxsize=4096)
def stem_term(term: str) -> str:
    """A looser form than `normalize_term`: "noisy" matches "noise", and "cartoonish" matches "cartoon"."""
    head, _, last = normalize_term(term).rpartition(" ")
    for suffix in _SUFFIXES:
        if last.endswith(suffix) and len(last) - len(suffix) >= 3:
            last = last.removesuffix(suffix)
            break
    last = re.sub(r"([bdgklmnprtz])\1$", r"\1", last).removesuffix("e")
    return f"{head} {last}".strip()

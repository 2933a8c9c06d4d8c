"""When two spellings are one term: "The Moustaches" and "mustache" exclude the same thing.

A key is for comparing only; what is shown and what the model reads stays as it was written.
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
"""Characters that hold Persian words and emoji together; they aren't printable, but belong to the text."""
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Characters that count as letters or symbols, and show nothing."""


def to_one_line(text: str) -> str:
    """The text on one line with single spaces, and nothing in it that can't be printed.

    Characters without a width are left out, but for joiners between letters or emoji that may need them; a control
    character is a space. A text that shows nothing is empty. Every text that people, language models and files bring
    goes through here before it is part of a term, a prompt, a reply or a record.
    """
    if text.isascii() and text.isprintable():
        return collapse_whitespace(text)
    line = collapse_whitespace(re.sub(f"[{_JOINERS}]+", _joiner, "".join(map(_shown, text))))
    return line if any(unicodedata.category(character)[0] not in "MCZ" for character in line) else ""


def is_printable(text: str) -> bool:
    """Whether a text could have come out of `to_one_line`, today's or an earlier one: it commands no terminal."""
    return all(character.isprintable() or character in _JOINERS for character in text)


def _shown(character: str) -> str:
    if character.isprintable():
        return " " if character in _FILLERS else character
    if character in _JOINERS:
        return character
    return "" if unicodedata.category(character) == "Cf" else " "


def _joiner(match: re.Match[str]) -> str:
    """One joiner where it stands between two characters that it may join, else none."""
    around = match.string[: match.start()][-1:] + match.string[match.end() :][:1]
    return match[0][0] if len(around) == 2 and not any(each.isascii() or each.isspace() for each in around) else ""


def collapse_whitespace(text: str) -> str:
    """The text on one line with single spaces."""
    return " ".join(text.split())


@lru_cache(maxsize=4096)
def normalize_term(term: str) -> str:
    """The form two spellings of one term share: lower case, no articles, one spelling, singular.

    Never empty for a term that holds anything but whitespace.
    """
    words = unicodedata.normalize("NFKC", term).casefold().replace("-", " ").split()
    kept = [word for word in words if word not in _ARTICLES] or words
    spelled = [_SPELLINGS.get(word, word) for word in kept]
    return " ".join([*spelled[:-1], *map(singularize, spelled[-1:])]) or collapse_whitespace(term.casefold())


def singularize(word: str) -> str:
    """A lower-case noun folded so that both its numbers are one: "fingers" -> "finger", "teeth" -> "tooth".

    Where the spelling doesn't tell, both lose an "e" ("nose", "noses" -> "nos"): not for display.
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
    """A looser key, so that "noisy" finds "noise" and "cartoonish" finds "cartoon"."""
    head, _, last = normalize_term(term).rpartition(" ")
    for suffix in _SUFFIXES:
        if last.endswith(suffix) and len(last) - len(suffix) >= 3:
            last = last.removesuffix(suffix)
            break
    last = re.sub(r"([bdgklmnprtz])\1$", r"\1", last).removesuffix("e")
    return f"{head} {last}".strip()

"""Compares texts by appearance: finds "gun" written with Cyrillic or fullwidth letters or invisible characters.

The look-alike letters are those of Unicode Technical Standard #39, from the package `confusable-homoglyphs`. Only
letters outside ASCII are folded: the standard also maps "m" to "rn" and "1" to "l", so "burn" would match "bum".
"""

import re
import unicodedata
from functools import lru_cache

from ..generation.prompt_syntax import parse_prompt
from .terms import normalize_term

_NEARLY = dict(zip("đħøłĸκкτтυмвп", "dholkkkttumbn", strict=True))
"""Further look-alike letters, which the standard does not list."""


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """The text in lower case, with look-alike letters as ASCII, without their marks and invisible characters.

    Letters without an ASCII look-alike stay, with their marks.
    """
    if text.isascii():
        return text.lower()
    letters: list[str] = []
    for character in unicodedata.normalize("NFKD", text):
        category = unicodedata.category(character)
        is_mark = category in ("Mn", "Me")
        if category == "Cf" or (is_mark and (not letters or letters[-1].isascii())):
            continue
        letters.append(character if is_mark else _to_ascii(character))
    return "".join(letters).lower()


def has_term(prompt: str, term: str) -> bool:
    """Whether a prompt has a term, in any spelling and in look-alike letters.

    Searches the prompt as written and as a model parses it: "g(u)n" and "gu\\n" match "gun".
    """
    term_words = _words(term)
    size, normalized = len(term_words), normalize_term(" ".join(term_words))
    return size > 0 and any(
        normalize_term(" ".join(words[start : start + size])) == normalized
        for words in _prompt_words(prompt)
        for start in range(len(words))
    )


def looks_like(term: str, other: str) -> bool:
    """Whether `term` is `other` in look-alike letters outside ASCII."""
    return not term.isascii() and normalize_term(folded(term)) == normalize_term(folded(other))


@lru_cache(maxsize=16)
def _prompt_words(prompt: str) -> tuple[list[str], list[str]]:
    """The words of a prompt as written, and as a model parses it. Cached, because a policy checks many terms."""
    parsed = "".join(fragment.text or " " for fragment in parse_prompt(prompt))
    return _words(prompt), _words(parsed)


def _words(text: str) -> list[str]:
    """The runs of letters with their marks, and of digits, as a model's tokenizer splits them."""
    return re.findall(r"\d+|[^\W\d_]+", folded(text))


@lru_cache(maxsize=4096)
def _to_ascii(character: str) -> str:
    """The ASCII letters that a character looks like; the character itself if there are none."""
    if character.isascii():
        return character
    if character.lower() in _NEARLY:
        return _NEARLY[character.lower()]
    from confusable_homoglyphs.confusables import is_confusable  # loads a large file

    matches = is_confusable(character, greedy=True) or [{"homoglyphs": []}]
    homoglyphs = (item["c"] for item in matches[0]["homoglyphs"])
    return next((text for text in homoglyphs if text.isascii() and text.isalpha()), character)

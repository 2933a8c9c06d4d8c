"""Texts compared by how they look: "gun" with a Cyrillic letter, a fullwidth one or an invisible character in it.

The look-alike letters are those of Unicode Technical Standard #39, as the package `confusable-homoglyphs` has them.
Only letters outside ASCII are folded: the standard also takes "rn" for "m" and "1" for "l", so that "burn" would be
a "bum".
"""

import re
import unicodedata
from functools import lru_cache

from ..generation.prompt_syntax import parse_prompt
from .terms import normalize_term

_NEARLY = dict(zip("đħøłĸκкτтυмвп", "dholkkkttumbn", strict=True))
"""Letters that the standard keeps apart from the Latin ones that people put them for."""


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """The text in lower case, in the ASCII letters that it looks like, without marks on them and invisible characters.

    Letters that look like no ASCII letter stay as they are, and so do the marks on those.
    """
    if text.isascii():
        return text.lower()
    found: list[str] = []
    for character in unicodedata.normalize("NFKD", text):
        category = unicodedata.category(character)
        is_mark = category in ("Mn", "Me")
        if category == "Cf" or (is_mark and (not found or found[-1].isascii())):
            continue
        found.append(character if is_mark else _letter(character))
    return "".join(found).lower()


def has_term(prompt: str, term: str) -> bool:
    """Whether a prompt speaks of a term, in any spelling of it and in any letters that look alike.

    The prompt is looked at as it is written, and as a model reads it: "g(u)n" and "gu\\n" are guns.
    """
    wanted = _words(term)
    size, wanted_key = len(wanted), normalize_term(" ".join(wanted))
    return size > 0 and any(
        normalize_term(" ".join(words[start : start + size])) == wanted_key
        for words in _readings(prompt)
        for start in range(len(words))
    )


def looks_like(term: str, other: str) -> bool:
    """Whether a term that isn't all ASCII is another one in look-alike letters."""
    return not term.isascii() and normalize_term(folded(term)) == normalize_term(folded(other))


@lru_cache(maxsize=16)
def _readings(prompt: str) -> tuple[list[str], list[str]]:
    """The words of a prompt as it is written, and as a model reads it; kept, since a policy asks for many terms."""
    read = "".join(fragment.text or " " for fragment in parse_prompt(prompt))
    return _words(prompt), _words(read)


def _words(text: str) -> list[str]:
    """Its runs of letters, with their marks, and of digits: a model's tokenizer parts them likewise."""
    return re.findall(r"\d+|[^\W\d_]+", folded(text))


@lru_cache(maxsize=4096)
def _letter(character: str) -> str:
    """What ASCII letters a character looks like; itself where it looks like none."""
    if character.isascii():
        return character
    if character.lower() in _NEARLY:
        return _NEARLY[character.lower()]
    from confusable_homoglyphs.confusables import is_confusable  # it reads a large file first

    found = is_confusable(character, greedy=True) or [{"homoglyphs": []}]
    alike = (each["c"] for each in found[0]["homoglyphs"])
    return next((text for text in alike if text.isascii() and text.isalpha()), character)

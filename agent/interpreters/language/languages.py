"""Recognises texts in other languages than English, by script and by function words."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from .lexicon import load_lexicon

_MAX_CHARACTERS = 4000
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ASIDES = frozenset({"ok", "okay", "hi", "hello", "please", "pls", "thanks", "bro"})
"""English words that are used in many languages."""
_SCRIPTS = {"DEVANAGARI": "hindi", "BENGALI": "bengali"}
_URDU_LETTERS = frozenset("ٹڈڑںےہھۓۂ")
_RUSSIAN_ONLY = frozenset("іїєґўђјљњћџѓќѕ")
"""Cyrillic letters that are not in the Russian alphabet."""


@dataclass(frozen=True)
class Language:
    """A language: its function words, and a sentence that asks for English."""

    name: str
    reply: str
    words: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    """Function words that also occur in English or in names."""


@cache
def load_languages() -> Mapping[str, Language]:
    """The languages of `prompts/languages.toml` by their names."""
    text = resources.files("notthat.prompts").joinpath("languages.toml").read_text(encoding="utf-8")
    return {
        name: Language(name, data["reply"], frozenset(data.get("words", ())), frozenset(data.get("shared", ())))
        for name, data in tomllib.loads(text).items()
    }


def detect_foreign_language(text: str) -> Language | None:
    """The language of a text that is not in English; None if it is, or if that is not clear.

    A foreign noun or name in an English sentence doesn't make it foreign. Languages without a sentence of their own
    are answered in English.
    """
    words = _read_words(text)
    latin = [word for word in words if word[0] <= "\u024f"]
    others = [word for word in words if word[0] > "\u024f"]
    if others:
        is_english = any(word in load_lexicon().single_words | _english() for word in latin if word not in _ASIDES)
        return None if is_english else load_languages()[_language_of_script("".join(others))]
    return _detect_latin(latin)


def is_foreign_function_word(word: str) -> bool:
    """Whether a lower-case word is a function word of another language, and no English word."""
    return any(word in language.words for language in _foreign_languages())


def is_shared_function_word(word: str) -> bool:
    """Whether a lower-case word is a function word of other languages that may occur in names, and no English noun."""
    is_shared = any(word in language.shared for language in _foreign_languages())
    return is_shared and word not in load_languages()["english"].shared


def _read_words(text: str) -> list[str]:
    text = unicodedata.normalize("NFC", text[:_MAX_CHARACTERS]).lower().replace("’", "'")
    return _WORD.findall(re.sub(r"\"[^\"]*\"|“[^”]*”|«[^»]*»", " ", text))


def _detect_latin(words: list[str]) -> Language | None:
    english = sum(word in _english() for word in words)
    best, best_count = None, 0
    for language in _foreign_languages():
        own = sum(word in language.words for word in words)
        count = own + sum(word in language.shared for word in words)
        if own and count > best_count and (count >= 2 or not _has_english_word(words, language)):
            best, best_count = language, count
    return best if best_count > english else None


def _has_english_word(words: Iterable[str], language: Language) -> bool:
    return any(word in load_lexicon().single_words for word in words if word not in language.words | language.shared)


def _foreign_languages() -> Iterable[Language]:
    return (language for name, language in load_languages().items() if name != "english")


@cache
def _english() -> frozenset[str]:
    return load_languages()["english"].words


def _language_of_script(letters: str) -> str:
    """The language of letters that are not Latin; English for a script without a sentence of its own."""
    scripts = [unicodedata.name(letter, "").split(" ")[0] for letter in letters]
    if any(script in ("HIRAGANA", "KATAKANA") for script in scripts):
        return "japanese"
    script = max(set(scripts), key=scripts.count)
    if script == "CJK":
        return "chinese"
    if script == "ARABIC":
        return "urdu" if _URDU_LETTERS & set(letters) else "arabic" if not set("پچژگ") & set(letters) else "english"
    if script == "CYRILLIC":
        return "english" if _RUSSIAN_ONLY & set(letters) else "russian"
    return _SCRIPTS.get(script, "english")

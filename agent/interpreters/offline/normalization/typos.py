"""Corrects typos and text-speak, word by word."""

import re
from collections.abc import Iterable
from functools import cache

from ...language.lexicon import load_lexicon
from ..grammar.rules import load_grammar_words

_NO_WORD_BEGINS_SO = re.compile(
    r"[bcdfgjkmpqtvwxz][bcdfgjkmnpqtvxz]|h[bcdfgjklmnpqrtvwxz]|[bfgmpv]w|[lnr][bcdfghjkmpqrtvwxz]"
)
"""Letters that no English word starts with. Only three-letter words that match are corrected: "hta", "bwo"."""
_LACKS_E = re.compile(r"(?:[^aeiou][aeiou]k|v|[aein]c|dg|z)$")
"""The end of a word that lost its final "e": "smok", "glov", "fac"."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEAR = {
    letter: "".join(_ROWS[other][max(0, at - 1) : at + 2] for other in range(max(0, row - 1), min(3, row + 2)))
    for row, letters in enumerate(_ROWS)
    for at, letter in enumerate(letters)
}
"""Letter -> the keys around it."""
_NEAR |= {vowel: _NEAR[vowel] + "aeiouy" for vowel in "aeiouy"}  # vowels are often confused


def repair_typos(word: str, vocabulary: frozenset[str]) -> str:
    """The word with text-speak expanded, or with a typo corrected to a word of the vocabulary."""
    lower = _undouble_end(_shorten(word.lower(), vocabulary), vocabulary)
    if lower in load_lexicon().chat:
        return load_lexicon().chat[lower]
    if _is_possessive(lower, vocabulary):
        return word
    if lower in vocabulary:
        return word if lower == word.lower() else lower
    return _repair_word(lower, vocabulary) or (word if lower == word.lower() else lower)


def _is_possessive(word: str, vocabulary: frozenset[str]) -> bool:
    """Whether a word is the possessive of a known thing: "the glove's fingers"."""
    owner = word.removesuffix("'s")
    known = (owner in vocabulary, f"{owner}s" in vocabulary, owner in _load_exceptions())
    return owner != word and len(owner) > 2 and any(known)


def _undouble_end(word: str, vocabulary: frozenset[str]) -> str:
    """Remove a doubled final letter: "hatt" -> "hat", "awayy" -> "away"."""
    if (
        len(word) < 4
        or word[-1] != word[-2]
        or word in vocabulary
        or word in _load_exceptions()
        or word in load_lexicon().chat
    ):
        return word
    shortened = word[:-1]
    return (
        shortened if shortened in vocabulary or shortened in _load_exceptions() or word[-1] in "ahijkquvwxy" else word
    )


@cache
def load_vocabulary() -> frozenset[str]:
    """The words to which typos are corrected."""
    words = load_lexicon().words
    lists = ("commands", "verbs", "things", "faults", "body", "writing", "wrongness", "praise", "settings")
    phrases = {phrase for name in lists for phrase in words[name]} | set(load_lexicon().kind_phrases)
    return _extract_long_words(phrases) - words["protected"]


@cache
def _load_exceptions() -> frozenset[str]:
    """Words that are never corrected: all words of the grammar and the lexicon."""
    known = load_lexicon()
    phrases = {phrase for words in known.words.values() for phrase in words} | set(known.names) | set(known.opposites)
    phrases |= {sign for signs in known.symptoms.values() for sign in signs} | set(known.camera) | set(known.past)
    return _extract_long_words(phrases) | load_grammar_words()


def _extract_long_words(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(word for phrase in phrases for word in re.findall(r"[a-z']+", phrase) if len(word) > 2)


def _shorten(word: str, vocabulary: frozenset[str]) -> str:
    """Shorten repeated letters: "stilllll" -> "still", "wayyy" -> "way"."""
    if not re.search(r"(.)\1\1", word):
        return word
    doubled = re.sub(r"(.)\1{2,}", r"\1\1", word)
    return doubled if doubled in vocabulary else re.sub(r"(.)\1{2,}", r"\1", word)


def _repair_word(word: str, vocabulary: frozenset[str]) -> str | None:
    """The known word at an edit distance of one, most likely typos first. None if there is no such word.

    A short word is only corrected if two letters are swapped, or if the result is a command.
    """
    if len(word) < 3 or word in _load_exceptions() or (len(word) == 3 and not _NO_WORD_BEGINS_SO.match(word)):
        return None
    transpositions = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    if found := sorted(transpositions & vocabulary, key=lambda candidate: (candidate[0] != word[0], candidate)):
        return found[0]
    if len(word) == 3:
        return None
    commands = load_lexicon().words["verbs"] | (load_lexicon().words["commands"] if len(word) > 4 else frozenset())
    insertions = {word[:i] + letter + word[i:] for i in range(1, len(word) + (len(word) > 4)) for letter in _LETTERS}
    if found := sorted(insertions & commands):
        return found[0]
    if _LACKS_E.search(word) and not vocabulary.isdisjoint((f"{word}e", f"{word}es")):
        return f"{word}e"
    if len(word) == 4:
        return None
    undoubled_words = {word[:i] + word[i + 1 :] for i in range(1, len(word)) if word[i] == word[i - 1]}
    if found := sorted(candidate for candidate in undoubled_words & vocabulary if len(candidate) > 4):
        return found[0]
    if _is_inflected(word, vocabulary):
        return None
    doubled_words = {word[:i] + word[i] + word[i:] for i in range(1, len(word))}
    substitutions = {word[:i] + letter + word[i + 1 :] for i in range(len(word)) for letter in _NEAR.get(word[i], "")}
    deletions = {word[:i] + word[i + 1 :] for i in range(1, len(word))}
    common_words = commands | load_lexicon().words["body"] | load_lexicon().words["wrongness"]
    if found := sorted(word for word in doubled_words & vocabulary if len(word) > 4):
        return found[0]
    for candidates in (insertions, substitutions, deletions):
        if found := sorted(candidate for candidate in candidates & common_words if len(candidate) > 4):
            return found[0]
    return None


def _is_inflected(word: str, vocabulary: frozenset[str]) -> bool:
    """Whether a word is a known word with a suffix: "plants", "chained", "stormy"."""
    stems = (word.removesuffix(end) for end in ("s", "es", "d", "ed", "r", "er", "ers", "y", "ly", "ing", "al"))
    return any(stem != word and (stem in vocabulary or f"{stem}e" in vocabulary) for stem in stems) or (
        not vocabulary.isdisjoint((f"{word}s", f"{word}y", f"{word}d", f"{word}r"))
    )

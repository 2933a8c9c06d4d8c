"""The lexicon of `prompts/lexicon`, loaded once on first use."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from ...terms import normalize_term, singularize
from .toml_tables import read_tables


@dataclass(frozen=True)
class Lexicon:
    """Word lists by their names in the files. All words are lower case."""

    chat: Mapping[str, str]
    words: Mapping[str, frozenset[str]]
    names: Mapping[str, str]
    opposites: Mapping[str, str]
    counts: Mapping[str, int]
    kinds: Mapping[str, tuple[str, ...]]
    kind_names: Mapping[str, str]
    same: tuple[frozenset[str], ...]
    made: Mapping[str, str]
    camera: Mapping[str, str]
    past: Mapping[str, str]
    symptoms: Mapping[str, tuple[str, ...]]
    guards: Mapping[str, tuple[str, ...]]
    requests: Mapping[str, tuple[str, ...]]
    lists: Mapping[str, tuple[str, ...]]

    @cached_property
    def kind_phrases(self) -> frozenset[str]:
        """Every phrase of any kind, as spelled in the lexicon."""
        return frozenset(phrase for phrases in self.kinds.values() for phrase in phrases)

    @cached_property
    def kind_of_word(self) -> dict[str, str]:
        """Normalized word -> its kind. A word with two kinds gets the first."""
        kinds: dict[str, str] = {}
        for kind, words in self.kinds.items():
            for word in words:
                kinds.setdefault(normalize_term(word), kind)
        return kinds

    def find_kind(self, phrase: str) -> str | None:
        """The kind of a phrase, by its longest known ending: "an old oil painting" is a style."""
        words = normalize_term(phrase).split()
        endings = (" ".join(words[start:]) for start in range(len(words)))
        return next((self.kind_of_word[ending] for ending in endings if ending in self.kind_of_word), None)

    def is_same(self, term: str, other: str) -> bool:
        """Whether two terms exclude the same thing."""
        term, other = normalize_term(term), normalize_term(other)
        return term == other or not self.find_groups(term).isdisjoint(self.find_groups(other))

    def find_groups(self, term: str) -> frozenset[int]:
        """Indexes of the synonym groups that contain a normalized term."""
        return self._groups.get(term, frozenset())

    @cached_property
    def _groups(self) -> dict[str, frozenset[int]]:
        terms = {term for group in self.same for term in group}
        return {term: frozenset(at for at, group in enumerate(self.same) if term in group) for term in terms}

    @cached_property
    def single_words(self) -> frozenset[str]:
        """Every single word of the lexicon: common English words."""
        phrases = {phrase for words in self.words.values() for phrase in words} | set(self.names) | self.kind_phrases
        return frozenset(word for phrase in phrases for word in re.findall(r"[^\W\d_]+(?:'[a-z]+)?", phrase))

    def pattern(self, name: str) -> str:
        """A regular expression for one word of a list, without groups or anchors."""
        return any_word_pattern(self.words[name])

    def is_praised(self, phrase: str) -> bool:
        """Whether a noun phrase contains praise: "better picture", but not "his top hat" or "the fire"."""
        things = self.words["praise_or_thing"]
        return self.is_praise(" ".join(word for word in phrase.lower().split() if word not in things))

    def is_praise(self, text: str) -> bool:
        """Whether a text contains a word of praise."""
        return any(word in self.words["praise"] for word in re.findall(r"[a-z']+", text.lower()))


def any_word_pattern(words: Iterable[str]) -> str:
    """A regular expression for any of the words, longest first."""
    return "(?:" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + ")"


@cache
def load_lexicon() -> Lexicon:
    return _build_lexicon(read_tables("lexicon"))


def _build_lexicon(data: Mapping[str, Any]) -> Lexicon:
    return Lexicon(
        chat=data["chat"],
        words={name: frozenset(words) for name, words in data["words"].items()},
        names=data["names"],
        opposites=data["opposites"],
        counts={singularize(part): count for part, count in data["counts"].items()},
        kinds={kind: tuple(words) for kind, words in data["kinds"].items()},
        kind_names=data["kind_names"],
        made=data["made"],
        camera=data["camera"],
        past=data["past"],
        symptoms={term: tuple(signs) for term, signs in data["symptoms"].items()},
        guards={name: tuple(words) for name, words in data["guards"].items()},
        lists={name: tuple(words) for name, words in data["lists"].items()},
        requests={name: tuple(words) for name, words in data["requests"].items()},
        same=tuple(frozenset(map(normalize_term, group)) for group in data["same"]["groups"]),
    )

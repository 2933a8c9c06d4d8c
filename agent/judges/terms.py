"""What kind of thing a term names: an object, or a style or fault of the whole picture."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from ... import prompts
from ..interpreters.language.lexicon import load_lexicon
from ..terms import normalize_term, singularize

_NO_OBJECTS = frozenset(
    [
        *("season", "time", "style", "decor", "framing", "age", "tone", "facing", "quantity", "shape", "size", "light"),
        *("color", "material", "emotion", "posture"),
    ]
)
"""Kinds of the lexicon that are of the whole picture, or qualities of an object: a detector finds no place for them."""


@dataclass(frozen=True)
class Pair:
    """Two opposite descriptions of a picture: with what a term names, and without."""

    there: str
    gone: str


def find_pair(term: str) -> Pair | None:
    """The descriptions for a style or a fault; None for other terms."""
    return _pairs().get(normalize_term(term))


def is_seen(term: str) -> bool:
    """Whether a picture can show what a term names at all; “bad vibes” it can't."""
    words = normalize_term(term).split()
    return find_pair(term) is not None or (bool(words) and not {singularize(words[-1]), words[-1]} & _unseen_words())


def is_object(term: str) -> bool:
    """Whether a term names something that a picture shows at a place, such as “mustache”, not “cartoon” or “vibes”."""
    if find_pair(term) is not None or not is_seen(term):
        return False
    return load_lexicon().find_kind(term) not in _NO_OBJECTS


@cache
def _pairs() -> dict[str, Pair]:
    return {
        normalize_term(term): Pair(pair["there"], pair["gone"]) for pair in _table()["pairs"] for term in pair["terms"]
    }


@cache
def _unseen_words() -> frozenset[str]:
    words = load_lexicon().words
    lists = (words["whole_picture"], words["looks"], words["wrongness"], words["faults"], _table()["unseen"]["nouns"])
    return frozenset(normalize_term(word) for each in lists for word in each)


@cache
def _table() -> dict[str, Any]:
    text = resources.files(prompts).joinpath("judges.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)

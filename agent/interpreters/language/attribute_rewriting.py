"""Pure functions that change how a prompt describes a thing that it mentions."""

import re

from . import prompt_rewriting
from .lexicon import load_lexicon

_ARTICLE = re.compile(r"^(?:an?|the|his|her|its|their)\s+", re.I)
_DESCRIBING = frozenset(
    ["color", "material", "age", "size", "shape", "print", "hair", "emotion", "weather", "decor", "light", "quantity"]
)
"""Kinds of attributes that a thing has only one of."""
_STOPS = frozenset(
    [
        "a",
        "an",
        "the",
        "his",
        "her",
        "its",
        "their",
        "and",
        "or",
        "of",
        "in",
        "on",
        "at",
        "with",
        "by",
        "for",
        "to",
        "from",
        "under",
        "over",
        "near",
        "behind",
        "wearing",
        "holding",
    ]
)
_YEARS = re.compile(
    r"(?:(?:about|around|roughly|nearly|almost|over|at least|some|in (?:his|her|their))\s+)*"
    r"(?P<years>(?:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -]\w+)?|\d{1,3}|ten"
    r"|eleven|twelve|\w+teen"
    r"|five|six|seven|eight|nine))(?P<unit>(?:[ -]years?[ -](?:old|of age)| yo)?)$",
    re.I,
)
_GROWN = {"boy": "man", "girl": "woman", "child": "person", "kid": "person", "baby": "person", "toddler": "person"}
_CHILD = {"man": "boy", "woman": "girl", "person": "child"}


def modify_noun(prompt: str, phrase: str) -> str | None:
    """ "Blue hair" changes the red hair of the prompt. None if the prompt mentions no hair."""
    *qualities, head = _ARTICLE.sub("", phrase).split() or [""]
    non_qualities = load_lexicon().words["quantifiers"] | load_lexicon().words["cuts"] | _STOPS
    if not 0 < len(qualities) <= 3 or non_qualities & {word.lower() for word in qualities} or len(head) < 3:
        return None
    singular = head[:-1] if head.endswith("s") and len(head) > 3 else head
    if singular.lower() not in prompt.lower():
        return None
    match = re.search(
        rf"(?P<before>(?:[\w-]+\s+){{0,3}})(?<![\w-])(?P<head>{re.escape(singular)}(?:s|es)?)(?![\w-])", prompt, re.I
    )
    if match is None:
        return None
    before = match["before"].split()
    phrase_start = next((at for at in range(len(before), 0, -1) if before[at - 1].lower() in _STOPS), 0)
    kept = _drop_conflicting(before[phrase_start:], qualities, head)
    words = [
        *before[:phrase_start],
        *qualities,
        *kept,
        head if kept != before[phrase_start:] or qualities else match["head"],
    ]
    return prompt_rewriting.fix_articles(f"{prompt[: match.start()]}{' '.join(words)}{prompt[match.end() :]}")


def _drop_conflicting(existing: list[str], qualities: list[str], head: str) -> list[str]:
    """The words before a noun, without those that the new qualities replace."""
    kinds = {_kind_of_word(word, head) for word in [*qualities, " ".join(qualities)]}
    described_kinds = kinds & _DESCRIBING
    if not described_kinds and len(existing) == 1 and _kind_of_word(existing[0], head) not in _DESCRIBING:
        return []  # "chocolate frosting" replaces "vanilla frosting"
    duplicates = {word.lower() for word in qualities}
    return [
        word for word in existing if _kind_of_word(word, head) not in described_kinds and word.lower() not in duplicates
    ]


def _kind_of_word(word: str, head: str) -> str | None:
    kind = load_lexicon().find_kind(word)
    return "hair" if kind == "color" and head.lower() == "hair" else kind


def set_age(prompt: str, wish: str) -> str | None:
    """ "About eighty years old" makes a boy a man of that age. None without an age, or if the subject is no person."""
    match = _YEARS.fullmatch(wish.strip())
    number = _parse_number(match["years"]) if match else None
    if match is None or number is None or (not match["unit"] and number < 13):
        return None
    subject = prompt_rewriting.find_subject(prompt)[0]
    head = re.sub(r"^(?:an?|the)\s+", "", subject.lower()).split()[-1:]
    if not head or load_lexicon().find_kind(head[0]) != "person":
        return None
    noun = (_GROWN if number > 17 else _CHILD if number < 13 else {}).get(head[0], head[0])
    years = match["years"].replace(" ", "-")
    return prompt_rewriting.replace_subject(prompt, prompt_rewriting.fix_articles(f"a {years}-year-old {noun}"))


_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_UNITS = ("five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def _parse_number(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    first = re.split(r"[ -]", text.lower())[0]
    if first in _TENS:
        return 10 * (_TENS.index(first) + 2)
    return _UNITS.index(first) + 5 if first in _UNITS else 15

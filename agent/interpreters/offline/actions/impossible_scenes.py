"""What a clause tells and no picture should show: an arm from a back, a head on backwards, a man in three chairs."""

import re

from ....terms import singular
from ...edit_draft import Draft
from ...language.lexicon import lexicon
from ...language.noun_phrases import is_noun_phrase, term_of
from ..defect_names import SIDES
from ..grammar.rules import Reading
from .registry import act
from .unwanted_objects import intruder

_OF_EVERY_THING = frozenset(
    ["bottom", "base", "stem", "wheels", "handle", "roof", "spokes", "strings", "blades", "rim", "hull", "trunk"]
)
"""Parts that a thing can't be without."""
_FLOAT_BY_NATURE = frozenset(
    [
        "balloon",
        "cloud",
        "boat",
        "ship",
        "duck",
        "leaf",
        "bubble",
        "drone",
        "kite",
        "feather",
        "swan",
        "astronaut",
        "lily",
        "bird",
        "moon",
        "sun",
        "planet",
        "star",
        "butterfly",
        "bee",
        "smoke",
        "mist",
        "fog",
        "petal",
        "snowflake",
        "helicopter",
        "plane",
    ]
)


def floats(term: str) -> bool:
    """Whether a thing may well be in the air or on water."""
    return singular(term.split()[-1]) in _FLOAT_BY_NATURE


@act
def grown_extra(said: Reading, draft: Draft) -> bool:
    """ "Grandpa is growing an extra arm out of his back"."""
    part = singular(said["PART"].lower())
    if part not in lexicon().words["body"] | set(lexicon().counts):
        return False
    return draft.exclude_term(f"extra {part}s" if part not in {"foot", "tooth"} else f"extra {said['PART'].lower()}")


@act
def without_part(said: Reading, draft: Draft) -> bool:
    """ "Half the kids have no face", "the vase has no bottom"; "she has a hand" says nothing."""
    part = said["PART"].lower()
    known = lexicon().words["body"] | set(lexicon().counts) | _OF_EVERY_THING
    is_lost = re.search(rf"\b(?:no|lacks?|missing)\b(?: \w+)? {re.escape(part)}\b|^where\b", said.clause, re.I)
    if part == "smile" or part not in known or not is_lost or lexicon().is_praise(said.clause):
        return False
    return draft.exclude_term(f"missing {part}")


@act
def twice(said: Reading, draft: Draft) -> bool:
    """ "Same man appears in three chairs"."""
    term = term_of(said.thing)
    return term is not None and not lexicon().is_praise(said.clause) and draft.exclude_term(f"duplicate {term}")


@act
def on_backwards(said: Reading, draft: Draft) -> bool:
    """ "Number 8 has his head on backwards"."""
    term = term_of(said.thing)
    if (
        term is None
        or lexicon().is_praise(said.clause)
        or re.search(r"\b(?:should|must) (?!be fired|be ashamed)", said.clause)
    ):
        return False
    return draft.exclude_term(f"bad {re.sub(rf'^{SIDES} ', '', term)}")


@act
def too_many_counted(said: Reading, draft: Draft) -> bool:
    """ "I count five strings": one doesn't count what is right."""
    term = term_of(said["THING"])
    if term is None or not term.endswith("s") or len(term.split()) > 2 or lexicon().is_praise(said.clause):
        return False
    return draft.exclude_term(f"extra {term}")


@act
def broken(said: Reading, draft: Draft) -> bool:
    """ "The bow has snapped in two"."""
    term = term_of(said["THING"])
    if term is None or draft.wants("broken") or not is_noun_phrase(said["THING"]):
        return False
    return draft.exclude_term(f"broken {term}")


@act
def in_mid_air(said: Reading, draft: Draft) -> bool:
    """ "One of the shepherds is floating a foot off the stage"; a balloon may."""
    term = term_of(said["THING"])
    if term is None or lexicon().is_praise(said.clause) or draft.wants("floating"):
        return False
    if floats(term):
        return True
    if re.search(r"\bhanging (?:over|above|next|beside|there)", said.clause, re.I):
        return False
    return draft.exclude_term("floating")


@act
def placed(said: Reading, draft: Draft) -> bool:
    """ "A delivery van is parked across the drive", where no van is asked for."""
    term = term_of(said["THING"])
    if draft.praised:  # "a cat is sitting on the bench, nice"
        return True
    return term is not None and not draft.wants(term) and intruder(said, draft)


@act
def seen(said: Reading, draft: Draft) -> bool:
    """ "I'm seeing reflections in the marble"."""
    term = term_of(said["THING"])
    if term is None or term in {"it", "things", "double", "improvement", "progress"} or draft.wants(term):
        return False
    return intruder(said, draft)


@act
def was_excluded(said: Reading, draft: Draft) -> bool:
    """ "I excluded them!": what is out is seen all the same."""
    known = draft.spoken_of(said["THING"])
    if known is None or re.search(
        r"\b(?:by (?:mistake|accident)|wrongly|too hard|too much|because)\b", said.clause, re.I
    ):
        return False
    return draft.strengthen(known)

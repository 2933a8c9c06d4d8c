"""Descriptions of impossible scenes: an arm that grows from a back, a head on backwards, one man in three chairs."""

import re

from ....terms import singularize
from ...edit_draft import EditDraft
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term, is_noun_phrase
from ..defect_names import SIDES
from ..grammar.rules import RuleMatch
from .registry import action
from .unwanted_objects import complain_intruder

_ESSENTIAL_PARTS = frozenset(
    ["bottom", "base", "stem", "wheels", "handle", "roof", "spokes", "strings", "blades", "rim", "hull", "trunk"]
)
"""Parts that every thing has."""
_FLOATING_THINGS = frozenset(
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


def can_float(term: str) -> bool:
    """Whether a thing can be in the air or on water."""
    return singularize(term.split()[-1]) in _FLOATING_THINGS


@action
def complain_grown_extra(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Grandpa is growing an extra arm out of his back"."""
    part = singularize(match["PART"].lower())
    if part not in load_lexicon().words["body"] | set(load_lexicon().counts):
        return False
    return draft.exclude_term(f"extra {part}s" if part not in {"foot", "tooth"} else f"extra {match['PART'].lower()}")


@action
def complain_without_part(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Half the kids have no face", "the vase has no bottom"; "she has a hand" is no complaint."""
    part = match["PART"].lower()
    known = load_lexicon().words["body"] | set(load_lexicon().counts) | _ESSENTIAL_PARTS
    is_missing = re.search(rf"\b(?:no|lacks?|missing)\b(?: \w+)? {re.escape(part)}\b|^where\b", match.clause, re.I)
    if part == "smile" or part not in known or not is_missing or load_lexicon().is_praise(match.clause):
        return False
    return draft.exclude_term(f"missing {part}")


@action
def complain_twice(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Same man appears in three chairs"."""
    term = extract_term(match.thing)
    return term is not None and not load_lexicon().is_praise(match.clause) and draft.exclude_term(f"duplicate {term}")


@action
def complain_backwards(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Number 8 has his head on backwards"."""
    term = extract_term(match.thing)
    if (
        term is None
        or load_lexicon().is_praise(match.clause)
        or re.search(r"\b(?:should|must) (?!be fired|be ashamed)", match.clause)
    ):
        return False
    return draft.exclude_term(f"bad {re.sub(rf'^{SIDES} ', '', term)}")


@action
def complain_too_many(match: RuleMatch, draft: EditDraft) -> bool:
    """ "I count five strings": a count implies that the number is wrong."""
    term = extract_term(match["THING"])
    if term is None or not term.endswith("s") or len(term.split()) > 2 or load_lexicon().is_praise(match.clause):
        return False
    return draft.exclude_term(f"extra {term}")


@action
def complain_broken(match: RuleMatch, draft: EditDraft) -> bool:
    """ "The bow has snapped in two"."""
    term = extract_term(match["THING"])
    if term is None or draft.is_in_prompt("broken") or not is_noun_phrase(match["THING"]):
        return False
    return draft.exclude_term(f"broken {term}")


@action
def complain_floating(match: RuleMatch, draft: EditDraft) -> bool:
    """ "One of the shepherds is floating a foot off the stage"; a balloon is allowed to float."""
    term = extract_term(match["THING"])
    if term is None or load_lexicon().is_praise(match.clause) or draft.is_in_prompt("floating"):
        return False
    if can_float(term):
        return True
    if re.search(r"\bhanging (?:over|above|next|beside|there)", match.clause, re.I):
        return False
    return draft.exclude_term("floating")


@action
def complain_placed(match: RuleMatch, draft: EditDraft) -> bool:
    """ "A delivery van is parked across the drive", if the prompt asks for no van."""
    term = extract_term(match["THING"])
    if draft.has_praise:  # "a cat is sitting on the bench, nice"
        return True
    return term is not None and not draft.is_in_prompt(term) and complain_intruder(match, draft)


@action
def complain_seen(match: RuleMatch, draft: EditDraft) -> bool:
    """ "I'm seeing reflections in the marble"."""
    term = extract_term(match["THING"])
    if term is None or term in {"it", "things", "double", "improvement", "progress"} or draft.is_in_prompt(term):
        return False
    return complain_intruder(match, draft)


@action
def complain_still_there(match: RuleMatch, draft: EditDraft) -> bool:
    """ "I excluded them!": raises the weight of an exclusion that is still visible."""
    known = draft.find_mentioned(match["THING"])
    if known is None or re.search(
        r"\b(?:by (?:mistake|accident)|wrongly|too hard|too much|because)\b", match.clause, re.I
    ):
        return False
    return draft.strengthen(known)

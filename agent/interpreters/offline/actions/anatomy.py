"""Complaints about body parts, object parts and writing: too many, missing or malformed."""

import re

from ....terms import singularize
from ...edit_draft import EditDraft
from ...language.lexicon import load_lexicon
from ..grammar.rules import RuleMatch
from .registry import action


@action
def complain_count(match: RuleMatch, draft: EditDraft) -> bool:
    """ "He has six fingers", "the horse has five legs", "an arm too many"."""
    number, part = match["NUMBER"].lower(), match["PART"].lower()
    if not part and draft.mention:
        number, part = "extra", draft.mention.split()[-1]
    normal = load_lexicon().counts.get(singularize(part))
    if normal is None:
        return False
    if match["SIDE"]:
        return draft.exclude_term(f"bad {part}")
    count = int(number) if number.isdigit() else _NUMBERS.index(number) if number in _NUMBERS else 99
    if count == normal:
        return False
    is_too_few = re.search(r"\bonly\b", match.clause, re.I) and normal > 1
    kind = "missing" if is_too_few else "extra" if count > normal or (count > 2 and normal == 4) else "missing"
    return draft.exclude_term(f"{kind} {_pluralize(part)}")


_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@action
def complain_part_missing(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Where did its tail go?", "one arm is missing"."""
    part = match["PART"].lower()
    return singularize(part) in {*load_lexicon().counts, "limb"} and draft.exclude_term(f"missing {_pluralize(part)}")


def _pluralize(part: str) -> str:
    return part if part.endswith("s") or part in {"feet", "teeth"} else f"{part}s"


_ESSENTIAL_PARTS = frozenset(
    ["bottom", "base", "stem", "wheels", "handle", "roof", "spokes", "strings", "blades", "rim", "hull", "trunk"]
)
"""Parts that every thing has."""


@action
def complain_without_part(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Half the kids have no face", "the vase has no bottom"; "she has a hand" is no complaint."""
    part = match["PART"].lower()
    known = load_lexicon().words["body"] | set(load_lexicon().counts) | _ESSENTIAL_PARTS
    is_missing = re.search(rf"\b(?:no|lacks?|missing)\b(?: \w+)? {re.escape(part)}\b|^where\b", match.clause, re.I)
    if part == "smile" or part not in known or not is_missing or load_lexicon().is_praise(match.clause):
        return False
    return draft.exclude_term(f"missing {part}")

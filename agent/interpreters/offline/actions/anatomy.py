"""Complaints about body parts, object parts and writing: too many, missing or malformed."""

import re

from ....edits import Exclude
from ....terms import singularize
from ...edit_draft import EditDraft, is_pronoun
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term
from ..defect_names import SIDES
from ..grammar.rules import RuleMatch
from .impossible_scenes import can_float
from .registry import action
from .symptoms import complain_symptom


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
def complain_miscount(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Count the legs": excludes extra ones, unless the feedback already complained of something else."""
    if singularize(match["PART"].lower()) not in load_lexicon().counts:
        return False
    has_complaint = any(isinstance(edit, Exclude) for edit in draft.edits)
    return has_complaint or draft.exclude_term(f"extra {_pluralize(match['PART'].lower())}")


@action
def complain_part_missing(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Where did its tail go?", "one arm is missing"."""
    part = match["PART"].lower()
    return singularize(part) in {*load_lexicon().counts, "limb"} and draft.exclude_term(f"missing {_pluralize(part)}")


@action
def complain_bad(match: RuleMatch, draft: EditDraft) -> bool:
    """ "The face is melting": excludes a malformed part."""
    noun = extract_term(match.thing)
    of_part = noun is not None and noun.split()[-1] in load_lexicon().words["body"]
    if not (of_part and re.search(r"\b(?:melt|merg|fus|grow|blend)", match.clause, re.I)) and complain_symptom(
        match, draft
    ):
        return True
    if noun is None or is_pronoun(match.thing) or load_lexicon().is_praise(match.clause):
        return False
    if re.match(r"(?:my|our|your)\s", match.thing, re.I) and not _is_part(noun):  # "my colleague is wrong"
        return True
    noun = re.sub(rf"^{SIDES}\s+(?=\w)", "", noun)
    if re.search(r"\b(?:grow|com|stick|sprout)\w* (?:out of|from)\s", match.clause, re.I) and not _is_part(noun):
        return draft.exclude(noun)
    if re.search(r"\b(?:floating|hovering|levitating)", match.clause, re.I):
        return not can_float(noun) and draft.exclude_term("floating")
    if re.search(r"\bmelt", match.clause, re.I) and not _is_part(noun):
        return draft.exclude_term(f"melted {noun}")
    return draft.exclude_term("gibberish text" if _is_writing(noun) else f"bad {noun}")


@action
def complain_or_exclude(match: RuleMatch, draft: EditDraft) -> bool:
    """ "What happened to her hands": excludes malformed hands; anything that is not a part is excluded itself."""
    noun = extract_term(match["THING"])
    if noun is None:
        return draft.exclude_term("bad quality")
    if draft.find_exclusion(noun) and re.search(r"\bhappened\b", match.clause):  # it moved where it was asked to
        draft.mention = noun
        return True
    if more := re.match(r"(?:extra|third|second|additional|sixth|fifth)\s+(?P<part>[\w-]+)$", noun):
        return draft.exclude_term(f"extra {_pluralize(more['part'])}")
    if re.search(r"\b(?:happened|wrong|off|weird|strange|odd|funny|right)\b", match.clause) or _is_part(noun):
        return draft.exclude_term("gibberish text" if _is_writing(noun) else f"bad {noun}")
    return draft.exclude(noun)


@action
def complain_part(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Those hands" as the whole clause."""
    return match["PART"].lower() in load_lexicon().words["body"] and draft.exclude_term(f"bad {match['PART'].lower()}")


@action
def complain_text(match: RuleMatch, draft: EditDraft) -> bool:
    """ "The lettering makes no sense"."""
    noun = extract_term(match["THING"]) if match["THING"] else None
    if re.search(r"\b(?:tiny|small|little|minuscule)\s", match["THING"], re.I):
        return draft.exclude_term("tiny text")
    if noun is None or _is_writing(noun):
        return draft.exclude_term("gibberish text")
    return draft.exclude(noun)


@action
def complain_misspelled_word(match: RuleMatch, draft: EditDraft) -> bool:
    """ "HAPPY is missing a P"."""
    return draft.exclude_term("misspelled text")


@action
def complain_if_part(match: RuleMatch, draft: EditDraft) -> bool:
    """ "That's not his tail": excludes a malformed tail."""
    part = match["PART"].lower()
    if part in load_lexicon().words["writing"] | {"language", "english"}:
        return draft.exclude_term("gibberish text")
    return part in load_lexicon().words["body"] and draft.exclude_term(f"bad {part}")


def _pluralize(part: str) -> str:
    return part if part.endswith("s") or part in {"feet", "teeth"} else f"{part}s"


def _is_part(noun: str) -> bool:
    return noun.split()[-1] in load_lexicon().words["body"] | load_lexicon().words["writing"]


def _is_writing(noun: str) -> bool:
    return noun.split()[-1] in load_lexicon().words["writing"] | {
        "sign",
        "signs",
        "logo",
        "poster",
        "awning",
        "sticker",
    }

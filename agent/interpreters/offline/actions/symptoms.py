"""Complaints without a word of complaint: pointing, groaning, or naming a symptom."""

import re

from ....edits import Exclude
from ...edit_draft import EditDraft
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term, is_noun_phrase
from ..grammar.rules import RuleMatch
from .registry import action


@action
def complain_symptom(match: RuleMatch, draft: EditDraft) -> bool:
    """ "I can count the pixels": excludes the fault behind the symptom."""
    if (
        match.is_negated
        or load_lexicon().is_praise(match.clause)
        or re.search(r"\bsigned (?:it |this )?off\b", match.clause, re.I)
    ):
        return False
    text = f" {match.clause.lower()} ".replace('"', "")
    text += text.replace("-", " ")
    found = next(
        (
            term
            for term, signs in load_lexicon().symptoms.items()
            if any(f" {sign} " in text and not draft.is_in_prompt(sign) for sign in signs)
        ),
        None,
    )
    return found is not None and draft.exclude_term(found)


@action
def complain_flaw(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Banding in the sky": a fault that is named without a comment."""
    term = extract_term(match["THING"])
    flaws = load_lexicon().words["flaws"]
    if re.fullmatch(r"an?\s+[\w-]+", match.clause, re.I):  # "or a stain?"
        return False
    if re.match(r"[\w-]+ (?:the|it|him|her|his|its|their|this|that)\b", match.clause, re.I):  # "blur the background"
        return False
    if re.match(r"more\s", match.clause, re.I):  # "more blur in the background"
        return draft.add(match.clause)
    named = term is not None and (term in flaws or term.split()[-1] in flaws)
    return named and not load_lexicon().is_praise(match.clause) and draft.exclude(term or "")


@action
def complain_pointed_at(match: RuleMatch, draft: EditDraft) -> bool:
    """ "There's a spoon on it": a complaint, unless the feedback says something else about the spoon."""
    if load_lexicon().is_praise(match.clause):
        return True
    if re.match(
        r"(?:no\s|not\s|none\b|been|to|had|gone|come|become|\w+ed)\b", match["THING"], re.I
    ):  # "he has been ..."
        return False
    if re.search(r"\b(?:the right|the perfect|the exact|the correct)\b", match["THING"], re.I):
        return True
    draft.mention = extract_term(match["THING"])
    if draft.mention and any(isinstance(edit, Exclude) for edit in draft.edits):  # an additional complaint
        return draft.exclude(draft.mention)
    draft.possible_complaint = draft.mention
    return draft.mention is not None


@action
def complain_annoyed(match: RuleMatch, draft: EditDraft) -> bool:
    """ "The flies bother me": excludes flies; "his smile creeps me out": excludes the bad smile."""
    noun = extract_term(match["THING"]) if match["THING"] else None
    if re.match(r"(?:going on|happening|stuff|things|clutter|mess)\b", match["THING"], re.I):
        return draft.exclude_term("clutter")
    where = _SOMEWHERE.search(match["THING"])
    named = match["THING"][: where.start()] if where else match["THING"]
    if named and not is_noun_phrase(named):  # "my client keeps asking"
        return False
    if noun in load_lexicon().kinds["background"]:
        return draft.exclude_term(f"busy {noun}")
    body = load_lexicon().words["body"]
    is_off = where is not None and where["place"].lower() not in body  # "that hair on the rim of the bowl"
    if noun and noun.split()[-1] in body and not is_off and not draft.find_exclusion(noun):
        return draft.exclude_term(f"bad {noun}")
    return not load_lexicon().is_praise(match.thing) and draft.exclude(match.thing)


_SOMEWHERE = re.compile(
    r"\s(?:\w+ing\s+)?(?:on|in|at|across|over|under|around|behind|along)\s+(?:the|my|our|that)\s+(?P<place>\w+)", re.I
)
"""The start of a place: "that cord | running across the floor"."""


@action
def complain_groaned_at(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Ugh, that vignette"."""
    return draft.has_groan and is_noun_phrase(match["OWN"]) and draft.exclude(match["OWN"])


@action
def complain_cropped(match: RuleMatch, draft: EditDraft) -> bool:
    """ "His head is cut off": cropped, and therefore not missing."""
    missing = [edit for edit in draft.edits if isinstance(edit, Exclude) and edit.term.startswith("missing ")]
    draft.edits = [edit for edit in draft.edits if edit not in missing]
    return draft.exclude_term("cropped")


@action
def complain_low_quality(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Shot on a flip phone"."""
    return not (match.is_negated or load_lexicon().is_praise(match.clause)) and draft.exclude_term("low quality")


@action
def complain_blurry(match: RuleMatch, draft: EditDraft) -> bool:
    return draft.exclude_term("blurry")

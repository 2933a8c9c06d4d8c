"""Things in the picture that nobody asked for: pointed at, asked about, or said to intrude."""

import re

from ....edits import Exclude
from ...edit_draft import EditDraft
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term, is_noun_phrase
from ..grammar.rules import RuleMatch
from .registry import action

_AFTER_NOUN = re.compile(
    r"\s(?:that|which|who|in|on|at|behind|under|over|near|by|beside|between|from|across|along|around|above|below|through"
    r"|inside|next|against|into|onto|out|with)\s"
)


@action
def complain_intruder(match: RuleMatch, draft: EditDraft) -> bool:
    """ "A frame has crept in", "all I see is dust", "what are tourists doing there": excludes the thing."""
    term = extract_term(match["THING"])
    if term is None or _is_small_talk(term) or load_lexicon().is_praise(match.clause):
        return False
    if _is_about_world(match["THING"]) and not _IN_SHOT.search(match.clause):
        return False
    if not is_noun_phrase(_AFTER_NOUN.split(match["THING"])[0]):
        return False
    return draft.exclude(match["THING"])


_IN_SHOT = re.compile(r"\bin (?:the )?(?:shot|frame|picture|photo|image|corner|background)\b", re.I)
""" "My thumb is in the shot"."""


@action
def complain_shown_with(match: RuleMatch, draft: EditDraft) -> bool:
    """ "The monk is holding a phone", "one of the cats has a collar": a complaint, unless more is said about it."""
    who, term = match["WHOM"].lower(), extract_term(match["THING"])
    if term is None or _is_small_talk(term) or load_lexicon().is_praise(match.clause) or _is_about_world(who):
        return False
    if re.match(r"(?:no|not|been|to|had|gone|come|become|more|less|too|so|very|never)\b", match["THING"], re.I):
        return False
    if not is_noun_phrase(_AFTER_NOUN.split(match["THING"])[0]) or re.match(
        r"(?:the|his|her|its|their|that|this|those|these|him|them)\b", match["THING"], re.I
    ):  # "holding the sword by the blade"
        return False
    draft.mention = term
    if known := draft.find_exclusion(term):
        return draft.strengthen(known)
    if draft.is_in_prompt(term):
        return True
    if draft.edits:
        return draft.exclude(term)
    draft.possible_complaint = term
    return True


@action
def complain_same_for_all(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Everyone has the same face", "the houses all look identical"."""
    term = extract_term(match.thing)
    if term is None or load_lexicon().is_praise(match.clause):
        return False
    return draft.exclude_term(f"{'same' if match['THING'] else 'identical'} {term}")


@action
def complain_numbered(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Hut three has two roofs": excludes extra ones of a thing that people usually don't count."""
    term, number = extract_term(match["THING"]), match["NUMBER"].lower()
    if (
        term is None
        or _is_about_world(match.clause)
        or _is_small_talk(term)
        or len(term.split()) > 2
        or draft.is_in_prompt(term)
    ):
        return False
    if not term.endswith("s") or term.endswith("ss"):
        return number in {"extra", "an extra", "second", "third"} and draft.exclude_term(f"extra {term}")
    if load_lexicon().is_praise(match.clause) or term.split()[-1] in {
        "modes",
        "sides",
        "advantages",
        "options",
        "versions",
        "times",
        "minutes",
        "seconds",
        "hours",
        "days",
        "years",
    }:
        return False
    return draft.exclude_term(f"extra {term}")


def _is_small_talk(term: str) -> bool:
    """Whether a term belongs to the conversation and not to the picture: "no problem", "a good idea"."""
    words = load_lexicon().words
    head = term.split()[-1]
    return (
        term in words["empty"] | words["abstract"] or head in words["empty"] | words["whole_picture"] | words["of_talk"]
    )


def _is_about_world(phrase: str) -> bool:
    """Whether a phrase refers to the real world and not to the picture: "my dog", "the real one"."""
    return bool(
        re.match(r"(?:my|our|your|i|we|you|mine|ours)\b|.*\b(?:real|original|in reality|irl|actual)\b", phrase.lower())
    ) or phrase.lower() in {"me", "us"}


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

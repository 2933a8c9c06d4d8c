"""Things in the picture that nobody asked for: pointed at, asked about, or said to intrude."""

import re

from ....terms import singularize
from ...edit_draft import EditDraft
from ...language.lexicon import load_lexicon
from ...language.morphology import gerund
from ...language.noun_phrases import extract_term, is_noun_phrase
from ..defect_names import SIDES
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
def complain_stranger(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Who's that guy behind her?", unless the prompt asks for such a person."""
    term = extract_term(match["THING"])
    if term is None or term.split()[-1] in {"artist", "author", "painter", "photographer"}:
        return False
    head = term.split()[-1]
    draft.mention = term
    if draft.is_in_prompt(head) and draft.find_exclusion(term) is None:
        return True
    is_somebody = (
        load_lexicon().find_kind(head) in {"person", "animal"} or singularize(head) in load_lexicon().words["somebody"]
    )
    return is_somebody and draft.exclude(term)


@action
def complain_asked_whether(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Is that a fly on the sandwich?": sets what "it" means; a complaint if the tone is negative."""
    term = extract_term(match["THING"])
    if term is None or _is_small_talk(term) or load_lexicon().is_praise(match.clause):
        return False
    draft.mention = term
    if known := draft.find_exclusion(term):
        return draft.strengthen(known)
    is_placed = re.search(
        r"\s(?:on|in|at|behind|under|over|across|next to|near|through)\s+(?:the|his|her|its|their|my)\b", match.clause
    )
    if (draft.has_groan or is_placed) and not draft.is_in_prompt(term):
        draft.possible_complaint = term
    return True


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
def complain_style(match: RuleMatch, draft: EditDraft) -> bool:
    """ "This is a drawing", if the prompt asks for no drawing."""
    term = extract_term(match["THING"])
    if term is None or draft.is_in_prompt(term) or load_lexicon().is_praise(match.clause) or len(term.split()) > 3:
        return False
    is_style = load_lexicon().find_kind(term) == "style" and term.split()[-1] not in {"photo", "photograph", "polaroid"}
    return is_style and draft.exclude(term)


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


@action
def complain_nothing_but(match: RuleMatch, draft: EditDraft) -> bool:
    """ "The crowd is just smudges": excludes smudges; for hands or writing, excludes malformed ones."""
    term, noun = (
        extract_term(match["THING"] or match["MESS"].removeprefix("like ")),
        extract_term(match["OWN"] or match["WHOM"]),
    )
    if term is None or load_lexicon().is_praise(match.clause):
        return False
    if (noun and noun.split()[-1] in load_lexicon().words["writing"]) or term in {"gibberish", "nonsense"}:
        return draft.exclude_term("gibberish text")
    if noun and noun.split()[-1] in load_lexicon().words["body"]:
        return draft.exclude_term(f"bad {noun}")
    return draft.exclude_term(term)


@action
def complain_part_does(match: RuleMatch, draft: EditDraft) -> bool:
    """ "His left eye looks somewhere else": any statement about a body part is a complaint about it."""
    noun = match["PART"].lower()
    if noun not in load_lexicon().words["body"] or noun == "smile" or load_lexicon().is_praise(match.clause):
        return False
    rest = match["REST"].lower()
    if re.search(r"\b(?:should|could|must|would|please|instead|wants?|remind\w*|shape now|no)\b", rest):
        return False
    if re.search(r"\s(?:is|are|was|were)\s+(?:not\s+)?[\w-]+$", match.clause.lower()):  # "her eyes are blue"
        return bool(
            re.search(r"\b(?:open|closed|shut|crossed|missing|bent|cut|twisted|gone)$", rest)
        ) and draft.exclude_term(
            f"missing {noun}" if re.search(r"\b(?:missing|gone)$", rest) else f"{rest.split()[-1]} {noun}"
        )
    return draft.exclude_term(f"bad {noun}")


@action
def complain_merged(match: RuleMatch, draft: EditDraft) -> bool:
    """ "The tails all run into each other", "the strap disappears halfway": impossible for a real thing."""
    noun = extract_term(match["THING"])
    if (
        noun is None
        or not is_noun_phrase(match["THING"])
        or load_lexicon().is_praise(match.clause)
        or _is_about_world(match["THING"])
    ):
        return False
    if match["THING"].lower().split()[0] in load_lexicon().words["verbs"] or _is_small_talk(noun):
        return False
    return draft.exclude_term(f"bad {re.sub(rf'^{SIDES} ', '', noun)}")


@action
def complain_shared(match: RuleMatch, draft: EditDraft) -> bool:
    """ "The two dogs share a leg"."""
    return match["PART"].lower() in load_lexicon().words["body"] and draft.exclude_term("fused")


@action
def exclude_doing_people(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Make sure nobody is smoking"."""
    return draft.exclude_term(gerund(match["ACTING"].lower()))


@action
def exclude_those(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Not the bees, please"; without "please" a correction may follow."""
    draft.mention = extract_term(match["THING"]) or draft.mention
    return draft.has_please and complain_intruder(match, draft)


@action
def complain_misspelled(match: RuleMatch, draft: EditDraft) -> bool:
    """ "The sign says BAKREY"."""
    noun = extract_term(match["OWN"]) if match["OWN"] else "text"
    if noun is None or noun.split()[-1] not in load_lexicon().words["writing"] | load_lexicon().words["written_on"]:
        return False
    if re.search(r"\b(?:should|must|could|can|would)\b", match.clause, re.I) or re.match(
        r"(?:what|it|that|how|just|the right|exactly)\b", match["THING"], re.I
    ):
        return False
    if load_lexicon().is_praise(match.clause):
        return False
    return draft.exclude_term("misspelled text")


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

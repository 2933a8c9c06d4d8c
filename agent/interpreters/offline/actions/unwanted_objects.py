"""What is in the picture and nobody asked for: only pointed at, asked about, or told to have come in."""

import re

from ....terms import singular
from ...edit_draft import Draft
from ...language.lexicon import lexicon
from ...language.morphology import gerund
from ...language.noun_phrases import is_noun_phrase, term_of
from ..defect_names import SIDES
from ..grammar.rules import Reading
from .registry import act

_AFTER_NOUN = re.compile(
    r"\s(?:that|which|who|in|on|at|behind|under|over|near|by|beside|between|from|across|along|around|above|below|through"
    r"|inside|next|against|into|onto|out|with)\s"
)


@act
def intruder(said: Reading, draft: Draft) -> bool:
    """ "A frame has crept in", "all I see is dust", "what are tourists doing there": there should be none."""
    term = term_of(said["THING"])
    if term is None or _is_of_talk(term) or lexicon().is_praise(said.clause):
        return False
    if _is_ours(said["THING"]) and not _IN_SHOT.search(said.clause):
        return False
    if not is_noun_phrase(_AFTER_NOUN.split(said["THING"])[0]):
        return False
    return draft.exclude(said["THING"])


_IN_SHOT = re.compile(r"\bin (?:the )?(?:shot|frame|picture|photo|image|corner|background)\b", re.I)
""" "My thumb is in the shot"."""


@act
def stranger(said: Reading, draft: Draft) -> bool:
    """ "Who's that guy behind her?", unless somebody of the kind is asked for."""
    term = term_of(said["THING"])
    if term is None or term.split()[-1] in {"artist", "author", "painter", "photographer"}:
        return False
    head = term.split()[-1]
    draft.mention = term
    if draft.wants(head) and draft.known(term) is None:
        return True
    is_somebody = lexicon().kind(head) in {"person", "animal"} or singular(head) in lexicon().words["somebody"]
    return is_somebody and draft.exclude(term)


@act
def asked_whether(said: Reading, draft: Draft) -> bool:
    """ "Is that a fly on the sandwich?": what "it" is; a complaint where it displeases and nothing else is said."""
    term = term_of(said["THING"])
    if term is None or _is_of_talk(term) or lexicon().is_praise(said.clause):
        return False
    draft.mention = term
    if known := draft.known(term):
        return draft.strengthen(known)
    placed = re.search(
        r"\s(?:on|in|at|behind|under|over|across|next to|near|through)\s+(?:the|his|her|its|their|my)\b", said.clause
    )
    if (draft.groaned or placed) and not draft.wants(term):
        draft.pending = term
    return True


@act
def shown_with(said: Reading, draft: Draft) -> bool:
    """ "The monk is holding a phone", "one of the cats has a collar": a complaint, if nothing else is said about it."""
    who, term = said["WHOM"].lower(), term_of(said["THING"])
    if term is None or _is_of_talk(term) or lexicon().is_praise(said.clause) or _is_ours(who):
        return False
    if re.match(r"(?:no|not|been|to|had|gone|come|become|more|less|too|so|very|never)\b", said["THING"], re.I):
        return False
    if not is_noun_phrase(_AFTER_NOUN.split(said["THING"])[0]) or re.match(
        r"(?:the|his|her|its|their|that|this|those|these|him|them)\b", said["THING"], re.I
    ):  # "holding the sword by the blade"
        return False
    draft.mention = term
    if known := draft.known(term):
        return draft.strengthen(known)
    if draft.wants(term):
        return True
    if draft.edits:
        return draft.exclude(term)
    draft.pending = term
    return True


@act
def same_for_all(said: Reading, draft: Draft) -> bool:
    """ "Everyone has the same face", "the houses all look identical"."""
    term = term_of(said.thing)
    if term is None or lexicon().is_praise(said.clause):
        return False
    return draft.exclude_term(f"{'same' if said['THING'] else 'identical'} {term}")


@act
def in_a_style(said: Reading, draft: Draft) -> bool:
    """ "This is a drawing", where none is asked for."""
    term = term_of(said["THING"])
    if term is None or draft.wants(term) or lexicon().is_praise(said.clause) or len(term.split()) > 3:
        return False
    is_style = lexicon().kind(term) == "style" and term.split()[-1] not in {"photo", "photograph", "polaroid"}
    return is_style and draft.exclude(term)


@act
def numbered(said: Reading, draft: Draft) -> bool:
    """ "Hut three has two roofs": one too many of what it is not usual to count."""
    term, number = term_of(said["THING"]), said["NUMBER"].lower()
    if term is None or _is_ours(said.clause) or _is_of_talk(term) or len(term.split()) > 2 or draft.wants(term):
        return False
    if not term.endswith("s") or term.endswith("ss"):
        return number in {"extra", "an extra", "second", "third"} and draft.exclude_term(f"extra {term}")
    if lexicon().is_praise(said.clause) or term.split()[-1] in {
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


@act
def nothing_but(said: Reading, draft: Draft) -> bool:
    """ "The crowd is just smudges": none of those; of a hand or of writing, that it is a bad one."""
    term, noun = term_of(said["THING"] or said["MESS"].removeprefix("like ")), term_of(said["OWN"] or said["WHOM"])
    if term is None or lexicon().is_praise(said.clause):
        return False
    if (noun and noun.split()[-1] in lexicon().words["writing"]) or term in {"gibberish", "nonsense"}:
        return draft.exclude_term("gibberish text")
    if noun and noun.split()[-1] in lexicon().words["body"]:
        return draft.exclude_term(f"bad {noun}")
    return draft.exclude_term(term)


@act
def part_does(said: Reading, draft: Draft) -> bool:
    """ "His left eye looks somewhere else": what is only told of a part of a body is what is wrong with it."""
    noun = said["PART"].lower()
    if noun not in lexicon().words["body"] or noun == "smile" or lexicon().is_praise(said.clause):
        return False
    rest = said["REST"].lower()
    if re.search(r"\b(?:should|could|must|would|please|instead|wants?|remind\w*|shape now|no)\b", rest):
        return False
    if re.search(r"\s(?:is|are|was|were)\s+(?:not\s+)?[\w-]+$", said.clause.lower()):  # "her eyes are blue"
        return bool(
            re.search(r"\b(?:open|closed|shut|crossed|missing|bent|cut|twisted|gone)$", rest)
        ) and draft.exclude_term(
            f"missing {noun}" if re.search(r"\b(?:missing|gone)$", rest) else f"{rest.split()[-1]} {noun}"
        )
    return draft.exclude_term(f"bad {noun}")


@act
def merged(said: Reading, draft: Draft) -> bool:
    """ "The tails all run into each other", "the strap disappears halfway": what no thing does."""
    noun = term_of(said["THING"])
    if noun is None or not is_noun_phrase(said["THING"]) or lexicon().is_praise(said.clause) or _is_ours(said["THING"]):
        return False
    if said["THING"].lower().split()[0] in lexicon().words["verbs"] or _is_of_talk(noun):
        return False
    return draft.exclude_term(f"bad {re.sub(rf'^{SIDES} ', '', noun)}")


@act
def shared(said: Reading, draft: Draft) -> bool:
    """ "The two dogs share a leg"."""
    return said["PART"].lower() in lexicon().words["body"] and draft.exclude_term("fused")


@act
def nobody_does(said: Reading, draft: Draft) -> bool:
    """ "Make sure nobody is smoking"."""
    return draft.exclude_term(gerund(said["ACTING"].lower()))


@act
def not_those(said: Reading, draft: Draft) -> bool:
    """ "Not the bees, please"; without a please, something else may follow that is meant instead."""
    draft.mention = term_of(said["THING"]) or draft.mention
    return draft.asked and intruder(said, draft)


@act
def misspelled(said: Reading, draft: Draft) -> bool:
    """ "The sign says BAKREY"."""
    noun = term_of(said["OWN"]) if said["OWN"] else "text"
    if noun is None or noun.split()[-1] not in lexicon().words["writing"] | lexicon().words["written_on"]:
        return False
    if re.search(r"\b(?:should|must|could|can|would)\b", said.clause, re.I) or re.match(
        r"(?:what|it|that|how|just|the right|exactly)\b", said["THING"], re.I
    ):
        return False
    if lexicon().is_praise(said.clause):
        return False
    return draft.exclude_term("misspelled text")


def _is_of_talk(term: str) -> bool:
    """Whether a term is of the talk and not of the picture: "no problem", "a good idea"."""
    words = lexicon().words
    head = term.split()[-1]
    return (
        term in words["empty"] | words["abstract"] or head in words["empty"] | words["whole_picture"] | words["of_talk"]
    )


def _is_ours(phrase: str) -> bool:
    """Whether a phrase is of the world and not of the picture: "my dog", "the real one"."""
    return bool(
        re.match(r"(?:my|our|your|i|we|you|mine|ours)\b|.*\b(?:real|original|in reality|irl|actual)\b", phrase.lower())
    ) or phrase.lower() in {"me", "us"}

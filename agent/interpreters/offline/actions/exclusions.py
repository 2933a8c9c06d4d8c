"""What is out already and may come back, and what should go."""

import re

from ...edit_draft import Draft, is_pronoun
from ...language.lexicon import lexicon
from ...language.noun_phrases import is_noun_phrase, term_of
from ..grammar.rules import Reading
from .registry import act


@act
def allow(said: Reading, draft: Draft) -> bool:
    """Take out what is spoken of, where it is out; decline else."""
    if said["THING"].lower() in _BOTH:
        return all([draft.allow(known.term) for known in draft.state.negative if not known.locked] or [False])
    if draft.wanted and is_pronoun(said["THING"]):
        return draft.add(draft.wanted)
    if _is_unfinished(said["THING"]) or (known := draft.spoken_of(said["THING"])) is None:
        return bool(draft.mentioned(said["THING"], draft.dropped))
    return draft.allow(known.term)


_BOTH = frozenset({"both", "them both", "both of them", "all of them", "all", "them all", "all of those"})


def _is_unfinished(phrase: str) -> bool:
    """Whether a phrase breaks off: "show the house from the | back"."""
    return bool(re.search(r"(?:^|\s)(?:the|an?|in|on|at|from|to|of|with|his|her|its|their|my)$", phrase, re.I))


@act
def fine(said: Reading, draft: Draft) -> bool:
    """ "Hats are fine again"; "it is good" says so of what was spoken of, else of the picture."""
    if is_pronoun(said["THING"]) and (draft.mention is None or draft.known(draft.mention) is None):
        return False
    return allow(said, draft)


@act
def restore(said: Reading, draft: Draft) -> bool:
    """ "Bring the hat back": allowed where it is out, else wanted."""
    if re.match(r"to\s", said["THING"], re.I):  # "get back to you"
        return False
    if allow(said, draft):
        return True
    return not _is_unfinished(said["THING"]) and not is_pronoun(said["THING"]) and draft.add(said["THING"])


@act
def release(said: Reading, draft: Draft) -> bool:
    """ "Stop avoiding hats": nothing to do for what isn't out."""
    return allow(said, draft) or True


@act
def keep(said: Reading, draft: Draft) -> bool:
    """ "Keep the hat", "don't remove the hat": allowed again where it is out, no change else."""
    draft.mention = term_of(said["THING"]) or draft.mention
    if draft.corrective and draft.mention and draft.retract(draft.mention):  # "no hat. no wait, keep it"
        return True
    known = draft.known(said["THING"])
    return draft.allow(known.term) if known else True


@act
def solved(said: Reading, draft: Draft) -> bool:
    """ "The watermark is gone"; "I wish it were gone" is something else."""
    return is_noun_phrase(said["THING"]) or is_pronoun(said["THING"])


@act
def stay_out(said: Reading, draft: Draft) -> bool:
    """ "People should stay out": no harder than they are out already."""
    return draft.known(said["THING"]) is not None or draft.exclude(said["THING"])


@act
def exclude(said: Reading, draft: Draft) -> bool:
    """Leave out what is named."""
    if term_of(said.thing) in lexicon().words["abstract"]:  # "it needs no explanation"
        return True
    return not _praises(said) and draft.exclude(said.thing)


_COMMANDS = frozenset({"remove", "none", "must_go", "not_excluding", "less", "except_for"})
_ALSO_THINGS = frozenset({"fire", "gem", "goat", "goats", "top", "dream", "magic", "winner"})


def _praises(said: Reading) -> bool:
    """Whether a thing is spoken well of: where it is told to go, "top hat" and "pretty bow" only name it."""
    if said.rule.name not in _COMMANDS:
        return lexicon().is_praised(said.thing)
    head = (term_of(said.thing) or said.thing.lower() or " ").split()[-1]
    return head not in _ALSO_THINGS and lexicon().is_praise(head)


@act
def loosely_exclude(said: Reading, draft: Draft) -> bool:
    """What is named after a "remove" or a "hate" somewhere in a clause that no other rule understood."""
    before = said.clause[: said.clause.rfind(said["THING"])]
    if re.search(r"\b(?:not|never|no|without|nobody|who|if|when)\b", before, re.I):
        return False
    return exclude(said, draft)


@act
def exclude_named(said: Reading, draft: Draft) -> bool:
    """ "Hat off": what is named, if it is a thing and no "it is washed" or "zoom"."""
    first = said["THING"].lower().split()[0]
    last = said["THING"].lower().split()[-1]
    if (
        re.fullmatch(r"\w{2,}ing", last) and first != last and last not in lexicon().words["flaws"]
    ):  # "a hand coming (out)"
        return False
    if last in {"me", "us", "you"}:  # "the eyes creep me out"
        return False
    if not is_noun_phrase(said["THING"]) or first in lexicon().words["verbs"] or (last != first and is_pronoun(last)):
        return False
    return exclude(said, draft)


@act
def anachronism(said: Reading, draft: Draft) -> bool:
    """ "Romans didn't wear watches", "phones didn't exist then": so there should be none."""
    who = said["OTHER"].lower().split()
    are_many = not who or who[-1].endswith("s") or who[-1] in {"people", "men", "women", "children", "nobody"}
    return are_many and not is_pronoun(said["OTHER"] or "x") and exclude(said, draft)


@act
def nobody_with(said: Reading, draft: Draft) -> bool:
    """ "Nobody in wheelchairs", "no one wearing a hat"; "nobody in the street" is about people."""
    phrase = said["THING"].lower()
    if not is_noun_phrase(phrase):  # "nobody in town does it better"
        return False
    kind = lexicon().kind(phrase)
    if kind in {"place", "city", "background", "building"} or _IN_PICTURE.search(phrase):
        return draft.exclude_term("people")
    if re.match(r"\S+(?: one| people| person)?(?: is)? (?:in|on)\s", said.clause, re.I):
        return bool(re.match(r"an?\s|(?!the\b|their\b|his\b|her\b|my\b|our\b).*s$", phrase)) and draft.exclude(phrase)
    return draft.exclude(phrase)


_IN_PICTURE = re.compile(
    r"\b(?:background|foreground|picture|image|frame|scene|shot|view|sight|windows?|distance|it|there)$"
)


@act
def remove_it(said: Reading, draft: Draft) -> bool:
    """Leave out what was spoken of before."""
    return draft.mention is not None and draft.exclude(draft.mention)


@act
def keep_it(said: Reading, draft: Draft) -> bool:
    """ "Don't exclude it": allowed again where it was spoken of and is out."""
    known = draft.known(draft.mention) if draft.mention else None
    return draft.allow(known.term) if known else True


@act
def mention(said: Reading, draft: Draft) -> bool:
    """ "What is that blob?": what "it" is from now on."""
    draft.mention = term_of(said["THING"]) or draft.mention
    return True


@act
def liked(said: Reading, draft: Draft) -> bool:
    """Praise; "I don't like the hat" is none."""
    if said.denied:
        return draft.exclude(said["THING"])
    if re.match(r"(?:i|we)\s", said["THING"], re.I):  # "(I feel) like I need sunglasses"
        return False
    return not _HAS_CONDITION.search(said.clause)


_HAS_CONDITION = re.compile(r"\b(?:without|instead|if it|if there|back|more if|except|apart from|other than)\b")
"""Praise that goes on to ask for something: "I'd love it without the hat"."""

"""Excluding things, and allowing excluded things again."""

import re

from ...edit_draft import EditDraft, is_pronoun
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term, is_noun_phrase
from ..grammar.rules import RuleMatch
from .registry import action


@action
def allow(match: RuleMatch, draft: EditDraft) -> bool:
    """Allow the exclusions that the clause mentions; decline if it mentions none."""
    if match["THING"].lower() in _BOTH:
        return all([draft.allow(known.term) for known in draft.state.negative if not known.is_locked] or [False])
    if draft.missing_thing and is_pronoun(match["THING"]):
        return draft.add(draft.missing_thing)
    if _is_unfinished(match["THING"]) or (known := draft.find_mentioned(match["THING"])) is None:
        return bool(draft.find_all_mentioned(match["THING"], draft.dropped_exclusions))
    return draft.allow(known.term)


_BOTH = frozenset({"both", "them both", "both of them", "all of them", "all", "them all", "all of those"})


def _is_unfinished(phrase: str) -> bool:
    """Whether a phrase is cut off: "show the house from the | back"."""
    return bool(re.search(r"(?:^|\s)(?:the|an?|in|on|at|from|to|of|with|his|her|its|their|my)$", phrase, re.I))


@action
def accept(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Hats are fine again"; "it is good" refers to the last mention, or else to the picture."""
    if is_pronoun(match["THING"]) and (draft.mention is None or draft.find_exclusion(draft.mention) is None):
        return False
    return allow(match, draft)


@action
def restore(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Bring the hat back": allows the hat if it is excluded, or else adds it to the prompt."""
    if re.match(r"to\s", match["THING"], re.I):  # "get back to you"
        return False
    if allow(match, draft):
        return True
    return not _is_unfinished(match["THING"]) and not is_pronoun(match["THING"]) and draft.add(match["THING"])


@action
def release(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Stop avoiding hats": changes nothing if hats are not excluded."""
    return allow(match, draft) or True


@action
def keep(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Keep the hat", "don't remove the hat": allows the hat if it is excluded, or else changes nothing."""
    draft.mention = extract_term(match["THING"]) or draft.mention
    if draft.is_correction and draft.mention and draft.retract(draft.mention):  # "no hat. no wait, keep it"
        return True
    known = draft.find_exclusion(match["THING"])
    return draft.allow(known.term) if known else True


@action
def keep_out(match: RuleMatch, draft: EditDraft) -> bool:
    """ "People should stay out": excludes people, without a higher weight if they are excluded already."""
    return draft.find_exclusion(match["THING"]) is not None or draft.exclude(match["THING"])


@action
def exclude(match: RuleMatch, draft: EditDraft) -> bool:
    """Exclude the thing that the clause names."""
    if extract_term(match.thing) in load_lexicon().words["abstract"]:  # "it needs no explanation"
        return True
    return not _is_praising(match) and draft.exclude(match.thing)


_COMMANDS = frozenset({"remove", "none", "must_go", "not_excluding", "less", "except_for"})
_ALSO_THINGS = frozenset({"fire", "gem", "goat", "goats", "top", "dream", "magic", "winner"})


def _is_praising(match: RuleMatch) -> bool:
    """Whether the thing is praised. In a request to remove it, "top" in "top hat" and "pretty" are part of its name."""
    if match.rule.name not in _COMMANDS:
        return load_lexicon().is_praised(match.thing)
    head = (extract_term(match.thing) or match.thing.lower() or " ").split()[-1]
    return head not in _ALSO_THINGS and load_lexicon().is_praise(head)


@action
def exclude_named(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Hat off": excludes the thing; an adjective or a command names none, as in "it is washed" or "zoom"."""
    first = match["THING"].lower().split()[0]
    last = match["THING"].lower().split()[-1]
    if (
        re.fullmatch(r"\w{2,}ing", last) and first != last and last not in load_lexicon().words["flaws"]
    ):  # "a hand coming (out)"
        return False
    if last in {"me", "us", "you"}:  # "the eyes creep me out"
        return False
    if (
        not is_noun_phrase(match["THING"])
        or first in load_lexicon().words["verbs"]
        or (last != first and is_pronoun(last))
    ):
        return False
    return exclude(match, draft)


@action
def remove_it(match: RuleMatch, draft: EditDraft) -> bool:
    """Exclude the thing that was mentioned before."""
    return draft.mention is not None and draft.exclude(draft.mention)


@action
def keep_it(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Don't exclude it": allows the thing that was mentioned before, if it is excluded."""
    known = draft.find_exclusion(draft.mention) if draft.mention else None
    return draft.allow(known.term) if known else True


@action
def set_topic(match: RuleMatch, draft: EditDraft) -> bool:
    """ "What is that blob?": makes the blob the antecedent of a later "it"."""
    draft.mention = extract_term(match["THING"]) or draft.mention
    return True


@action
def praise(match: RuleMatch, draft: EditDraft) -> bool:
    """Praise changes nothing; "I don't like the hat" is not praise."""
    if match.is_negated:
        return draft.exclude(match["THING"])
    if re.match(r"(?:i|we)\s", match["THING"], re.I):  # "(I feel) like I need sunglasses"
        return False
    return not _HAS_CONDITION.search(match.clause)


_HAS_CONDITION = re.compile(r"\b(?:without|instead|if it|if there|back|more if|except|apart from|other than)\b")
"""Conditional praise that asks for a change: "I'd love it without the hat"."""


@action
def acknowledge_gone(match: RuleMatch, draft: EditDraft) -> bool:
    """ "The watermark is gone"; "I wish it were gone" is a request and not accepted here."""
    return is_noun_phrase(match["THING"]) or is_pronoun(match["THING"])

"""Weights of exclusions: "still there", "too strong"."""

import re

from ...edit_draft import EditDraft
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term
from ..grammar.rules import RuleMatch
from .registry import action


@action
def set_weight(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Set blurry to 1.4"."""
    known = draft.find_exclusion(match["THING"])
    return known is not None and draft.set_weight(known, round(float(match["WEIGHT"]), 2))


@action
def strengthen(match: RuleMatch, draft: EditDraft) -> bool:
    """Raise the weight of the excluded things that the clause describes as visible."""
    clause = match.clause
    for exclusion in (dropped := draft.find_all_mentioned(clause, draft.dropped_exclusions)):
        draft.exclude_term(exclusion.term)
    if dropped or (load_lexicon().is_praise(clause) and not draft.find_all_mentioned(clause)):
        return bool(dropped)
    known = draft.find_all_mentioned(clause)
    if not known and (is_bare_reference(clause) or (draft.mention and draft.find_exclusion(draft.mention))):
        known = [exclusion for exclusion in [draft.find_mentioned("it")] if exclusion]
    for exclusion in known:
        draft.strengthen(exclusion)
    return bool(known)


@action
def weaken(match: RuleMatch, draft: EditDraft) -> bool:
    """Lower the weight of the exclusions that the clause mentions."""
    known = draft.find_all_mentioned(match.clause)
    is_mention_excluded = draft.mention is not None and draft.find_exclusion(draft.mention) is not None
    if not known and (is_mention_excluded or is_about_weight(match.clause) or is_bare_reference(match.clause)):
        known = [exclusion for exclusion in [draft.find_mentioned("it")] if exclusion]
    for exclusion in known:
        draft.weaken(exclusion)
    return bool(known) or bool(draft.find_all_mentioned(match.clause, draft.dropped_exclusions))


@action
def weaken_too_strong(match: RuleMatch, draft: EditDraft) -> bool:
    """ "The exclusion of glow is too strong"; "the light is too strong" is a complaint about the picture."""
    is_mentioned = re.search(r"\b(?:thing|stuff)\b", match.clause) and draft.find_all_mentioned(
        match.clause
    )  # "the fog thing"
    return bool(is_about_weight(match.clause) or is_mentioned) and weaken(match, draft)


@action
def strengthen_one_more(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Yet another flag", "I count two flags", if flags are excluded; "a flag again, please" asks for one."""
    draft.mention = extract_term(match["THING"]) or draft.mention
    known = draft.find_exclusion(match["THING"])
    return known is not None and not draft.has_please and draft.strengthen(known)


def is_about_weight(clause: str) -> bool:
    """Whether a clause is about the weight of an exclusion."""
    return bool(_ABOUT_WEIGHT.search(clause))


_ABOUT_WEIGHT = re.compile(
    r"\b(?:exclusions?|negatives?|ban|block|filter|restriction|veto|rule|penalty|weights?|weighted"
    r"|emphasis|suppress\w*"
    r"|exclud\w*|against|down on|strength|fight\w*|push\w*|punish\w*|penali\w*)\b",
    re.I,
)


def is_bare_reference(clause: str) -> bool:
    """Whether a clause names no thing: "still there", "it is back again"."""
    words = set(re.findall(r"[a-z']+", clause.lower()))
    return bool(words) and words <= load_lexicon().words["pointing"]

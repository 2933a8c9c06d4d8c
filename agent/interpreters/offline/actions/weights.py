"""How hard something is excluded: "still there", "too strong"."""

import re

from ...edit_draft import Draft, is_pronoun
from ...language.lexicon import lexicon
from ...language.noun_phrases import term_of
from ..grammar.rules import Reading
from .registry import act


@act
def set_weight(said: Reading, draft: Draft) -> bool:
    """ "Set blurry to 1.4"."""
    known = draft.known(said["THING"])
    return known is not None and draft.weigh(known, round(float(said["WEIGHT"]), 2))


@act
def strengthen(said: Reading, draft: Draft) -> bool:
    """Exclude harder what is out and spoken of as if it were not."""
    clause = said.clause
    for exclusion in (dropped := draft.mentioned(clause, draft.dropped)):
        draft.exclude_term(exclusion.term)
    if dropped or (lexicon().is_praise(clause) and not draft.mentioned(clause)):
        return bool(dropped)
    known = draft.mentioned(clause)
    if not known and (points_at_nothing_else(clause) or (draft.mention and draft.known(draft.mention))):
        known = [exclusion for exclusion in [draft.spoken_of("it")] if exclusion]
    for exclusion in known:
        draft.strengthen(exclusion)
    return bool(known)


@act
def weaken(said: Reading, draft: Draft) -> bool:
    """Exclude less hard what is out and spoken of."""
    known = draft.mentioned(said.clause)
    spoken_of = draft.mention is not None and draft.known(draft.mention) is not None
    if not known and (spoken_of or speaks_of_weight(said.clause) or points_at_nothing_else(said.clause)):
        known = [exclusion for exclusion in [draft.spoken_of("it")] if exclusion]
    for exclusion in known:
        draft.weaken(exclusion)
    return bool(known) or bool(draft.mentioned(said.clause, draft.dropped))


@act
def less_of_it(said: Reading, draft: Draft) -> bool:
    """ "Dial the grain down", of grain that is out and seen all the same; "dial the exclusion down" is the opposite."""
    if draft.weakened and is_pronoun(said["THING"]):  # "the fog one is overdone. lower it"
        return True
    if speaks_of_weight(said.clause) or (known := draft.known(said["THING"])) is None:
        return False
    return draft.strengthen(known)


@act
def weaken_too_strong(said: Reading, draft: Draft) -> bool:
    """ "The exclusion of glow is too strong"; "the light is too strong" is a complaint."""
    is_told = re.search(r"\b(?:thing|stuff)\b", said.clause) and draft.mentioned(said.clause)  # "the fog thing"
    return bool(speaks_of_weight(said.clause) or is_told) and weaken(said, draft)


@act
def left_in(said: Reading, draft: Draft) -> bool:
    """ "You didn't take the knife away": harder, where it is out already."""
    if re.search(r"\bnot forget\b", said.clause, re.I):  # "you didn't forget the fan"
        return True
    return draft.exclude(said["THING"])


@act
def seen_again(said: Reading, draft: Draft) -> bool:
    """ "Is that a bridge I see?", where there should be none; of anything else it says nothing."""
    draft.mention = term_of(said["THING"]) or draft.mention
    known = draft.known(said["THING"])
    return draft.strengthen(known) if known else True


@act
def one_more(said: Reading, draft: Draft) -> bool:
    """ "Yet another flag", "I count two flags", where flags are out; "a flag again, please" asks for one."""
    draft.mention = term_of(said["THING"]) or draft.mention
    known = draft.known(said["THING"])
    return known is not None and not draft.asked and draft.strengthen(known)


@act
def weaken_named(said: Reading, draft: Draft) -> bool:
    """ "The 'fog' one is overdone", where fog is out."""
    known = draft.known(said["THING"])
    return known is not None and draft.weaken(known)


def speaks_of_weight(clause: str) -> bool:
    """Whether a clause is about how hard something is excluded."""
    return bool(_ABOUT_WEIGHT.search(clause))


_ABOUT_WEIGHT = re.compile(
    r"\b(?:exclusions?|negatives?|ban|block|filter|restriction|veto|rule|penalty|weights?|weighted"
    r"|emphasis|suppress\w*"
    r"|exclud\w*|against|down on|strength|fight\w*|push\w*|punish\w*|penali\w*)\b",
    re.I,
)


def points_at_nothing_else(clause: str) -> bool:
    """Whether a clause names nothing: "still there", "it is back again"."""
    words = set(re.findall(r"[a-z']+", clause.lower()))
    return bool(words) and words <= lexicon().words["pointing"]

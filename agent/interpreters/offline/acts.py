"""What the rules of the grammar do, by the names that `prompts/grammar.toml` calls them."""

import re
from collections.abc import Callable, Mapping

from ...edits import MAX_UNDONE_TURNS, Reroll, Reset, Undo
from . import faults, wishes
from .draft import Draft, is_pronoun
from .grammar import Reading
from .lexicon import lexicon
from .phrases import is_noun_phrase, term_of

Act = Callable[[Reading, Draft], bool]
"""Adds what a clause asks for to the draft; False when the words mean something else after all."""


def nothing(said: Reading, draft: Draft) -> bool:
    """Understood, and no reason to change anything."""
    return True


def decline(said: Reading, draft: Draft) -> bool:
    """Not understood by this rule."""
    return False


# commands


def undo(said: Reading, draft: Draft) -> bool:
    """Go back by as many turns as are said."""
    words = (said["COUNT"].lower() or "one").replace("a few", "three").split()
    count = next((int(word) if word.isdigit() else _NUMBERS.get(word, 1) for word in words if word != "a"), 1)
    return draft.control(Undo(turns=min(MAX_UNDONE_TURNS, max(1, count))))


_NUMBERS = {"couple": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NUMBERS |= {"seven": 7, "eight": 8, "nine": 9, "ten": 10}


def reset(said: Reading, draft: Draft) -> bool:
    """Drop the user's exclusions."""
    return draft.control(Reset())


def reroll(said: Reading, draft: Draft) -> bool:
    """The same from another seed; "the fog. again" is about the fog."""
    if said.clause.lower() == "again" and draft.mention and (known := draft.known(draft.mention)):
        return draft.strengthen(known)
    return draft.control(Reroll())


# what is out already


def allow(said: Reading, draft: Draft) -> bool:
    """Take out what is spoken of, where it is out; decline else."""
    if said["THING"].lower() in _BOTH:
        return all([draft.allow(known.term) for known in draft.state.negative if not known.locked] or [False])
    if _is_unfinished(said["THING"]) or (known := draft.spoken_of(said["THING"])) is None:
        return bool(draft.mentioned(said["THING"], draft.dropped))
    return draft.allow(known.term)


_BOTH = frozenset({"both", "them both", "both of them", "all of them", "all", "them all", "all of those"})


def _is_unfinished(phrase: str) -> bool:
    """Whether a phrase breaks off: "show the house from the | back"."""
    return bool(re.search(r"(?:^|\s)(?:the|an?|in|on|at|from|to|of|with|his|her|its|their|my)$", phrase, re.I))


def restore(said: Reading, draft: Draft) -> bool:
    """ "Bring the hat back": allowed where it is out, else wanted."""
    if allow(said, draft):
        return True
    return not _is_unfinished(said["THING"]) and not is_pronoun(said["THING"]) and draft.add(said["THING"])


def release(said: Reading, draft: Draft) -> bool:
    """ "Stop avoiding hats": nothing to do for what isn't out."""
    return allow(said, draft) or True


def keep(said: Reading, draft: Draft) -> bool:
    """ "Keep the hat", "don't remove the hat": allowed again where it is out, no change else."""
    draft.mention = term_of(said["THING"]) or draft.mention
    known = draft.known(said["THING"])
    return draft.allow(known.term) if known else True


def solved(said: Reading, draft: Draft) -> bool:
    """ "The watermark is gone"; "I wish it were gone" is something else."""
    return is_noun_phrase(said["THING"]) or is_pronoun(said["THING"])


def stay_out(said: Reading, draft: Draft) -> bool:
    """ "People should stay out": no harder than they are out already."""
    return draft.known(said["THING"]) is not None or draft.exclude(said["THING"])


def want_back(said: Reading, draft: Draft) -> bool:
    """ "It looks empty without the hat"."""
    return keep(said, draft)


def keep_out(said: Reading, draft: Draft) -> bool:
    """ "Avoid hats": out, harder where they are out already unless they are to stay so."""
    return draft.exclude(said["THING"])


def set_weight(said: Reading, draft: Draft) -> bool:
    """ "Set blurry to 1.4"."""
    known = draft.known(said["THING"])
    return known is not None and draft.weigh(known, round(float(said["WEIGHT"]), 2))


def strengthen(said: Reading, draft: Draft) -> bool:
    """Exclude harder what is out and spoken of as if it were not."""
    clause = said.clause
    for exclusion in (dropped := draft.mentioned(clause, draft.dropped)):
        draft.exclude_term(exclusion.term)
    if dropped or (lexicon().is_praise(clause) and not draft.mentioned(clause)):
        return bool(dropped)
    known = draft.mentioned(clause)
    if not known and (faults.points_at_nothing_else(clause) or (draft.mention and draft.known(draft.mention))):
        known = [exclusion for exclusion in [draft.spoken_of("it")] if exclusion]
    for exclusion in known:
        draft.strengthen(exclusion)
    return bool(known)


def weaken(said: Reading, draft: Draft) -> bool:
    """Exclude less hard what is out and spoken of."""
    known = draft.mentioned(said.clause)
    if not known and (faults.speaks_of_weight(said.clause) or faults.points_at_nothing_else(said.clause)):
        known = [exclusion for exclusion in [draft.spoken_of("it")] if exclusion]
    for exclusion in known:
        draft.weaken(exclusion)
    return bool(known) or bool(draft.mentioned(said.clause, draft.dropped))


def weaken_too_strong(said: Reading, draft: Draft) -> bool:
    """ "The exclusion of glow is too strong"; "the light is too strong" is a complaint."""
    return faults.speaks_of_weight(said.clause) and weaken(said, draft)


# what should go


def exclude(said: Reading, draft: Draft) -> bool:
    """Leave out what is named."""
    return not lexicon().is_praise(said.thing) and draft.exclude(said.thing)


def exclude_named(said: Reading, draft: Draft) -> bool:
    """ "Hat off": what is named, if it is a thing and no "it is washed" or "zoom"."""
    first = said["THING"].lower().split()[0]
    if not is_noun_phrase(said["THING"]) or first in lexicon().words["verbs"]:
        return False
    return exclude(said, draft)


def remove_it(said: Reading, draft: Draft) -> bool:
    """Leave out what was spoken of before."""
    return draft.mention is not None and draft.exclude(draft.mention)


def mention(said: Reading, draft: Draft) -> bool:
    """ "What is that blob?": what "it" is from now on."""
    draft.mention = term_of(said["THING"]) or draft.mention
    return True


def liked(said: Reading, draft: Draft) -> bool:
    """Praise; "I don't like the hat" is none."""
    if said.denied:
        return draft.exclude(said["THING"])
    return not wishes.has_condition(said.clause)


def want(said: Reading, draft: Draft) -> bool:
    """ "Not without a hat"."""
    return keep(said, draft)


ACTS: Mapping[str, Act] = {
    act.__name__: act
    for act in (
        nothing, decline, undo, reset, reroll, allow, restore, release, keep, solved, stay_out, want_back, keep_out, set_weight, strengthen,
        weaken, weaken_too_strong, exclude, exclude_named, remove_it, mention, liked, want, *faults.ACTS, *wishes.ACTS,
    )
}  # fmt: skip

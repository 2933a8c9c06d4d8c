"""Commands to the session, and clauses that ask for nothing."""

from ....edits import MAX_UNDONE_TURNS, Reroll, Reset, Undo
from ...edit_draft import Draft
from ..grammar.rules import Reading
from .registry import act


@act
def nothing(said: Reading, draft: Draft) -> bool:
    """Understood, and no reason to change anything."""
    return True


@act
def decline(said: Reading, draft: Draft) -> bool:
    """Not understood by this rule."""
    return False


@act
def undo(said: Reading, draft: Draft) -> bool:
    """Go back by as many turns as are said."""
    words = (said["COUNT"].lower() or "one").replace("a few", "three").split()
    count = next((int(word) if word.isdigit() else _NUMBERS.get(word, 1) for word in words if word != "a"), 1)
    return draft.control(Undo(turns=min(MAX_UNDONE_TURNS, max(1, count))))


@act
def cancel(said: Reading, draft: Draft) -> bool:
    """ "Cancel it": what was spoken of, else the turn before."""
    return draft.exclude(draft.mention) if draft.mention else draft.control(Undo(turns=1))


_NUMBERS = {"couple": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NUMBERS |= {"seven": 7, "eight": 8, "nine": 9, "ten": 10}


@act
def reset(said: Reading, draft: Draft) -> bool:
    """Drop the user's exclusions."""
    return draft.control(Reset())


@act
def reroll(said: Reading, draft: Draft) -> bool:
    """The same from another seed; "the fog. again" is about the fog."""
    if said.clause.lower() == "again" and draft.mention and (known := draft.known(draft.mention)):
        return draft.strengthen(known)
    return draft.control(Reroll())

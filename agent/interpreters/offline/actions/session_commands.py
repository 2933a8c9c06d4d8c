"""Commands to the session, and clauses that request nothing."""

from ....edits import MAX_UNDONE_TURNS, Reroll, Reset, Undo
from ...edit_draft import EditDraft
from ..grammar.rules import RuleMatch
from .registry import action


@action
def change_nothing(match: RuleMatch, draft: EditDraft) -> bool:
    """Accept the clause without a change."""
    return True


@action
def decline(match: RuleMatch, draft: EditDraft) -> bool:
    """Reject the match, so that the next rule is tried."""
    return False


@action
def undo(match: RuleMatch, draft: EditDraft) -> bool:
    """Go back by the number of turns that the clause names."""
    words = (match["COUNT"].lower() or "one").replace("a few", "three").split()
    count = next((int(word) if word.isdigit() else _NUMBERS.get(word, 1) for word in words if word != "a"), 1)
    return draft.add_command(Undo(turns=min(MAX_UNDONE_TURNS, max(1, count))))


_NUMBERS = {"couple": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NUMBERS |= {"seven": 7, "eight": 8, "nine": 9, "ten": 10}


@action
def reset(match: RuleMatch, draft: EditDraft) -> bool:
    return draft.add_command(Reset())


@action
def reroll(match: RuleMatch, draft: EditDraft) -> bool:
    """Draw again with a new seed; "the fog. again" is about the fog."""
    if match.clause.lower() == "again" and draft.mention and (known := draft.find_exclusion(draft.mention)):
        return draft.strengthen(known)
    return draft.add_command(Reroll())

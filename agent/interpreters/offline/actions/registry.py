"""The registry of actions, by the names that the rules use."""

from collections.abc import Callable

from ...edit_draft import EditDraft
from ..grammar.rules import RuleMatch

Action = Callable[[RuleMatch, EditDraft], bool]
"""Adds the edits of a clause to the draft. Returns False if the words turn out to mean something else."""

ACTIONS: dict[str, Action] = {}


def action(function: Action) -> Action:
    """Register an action under its function's name."""
    ACTIONS[function.__name__] = function
    return function

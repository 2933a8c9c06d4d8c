"""Where acts are kept, by the names that the rules call them."""

from collections.abc import Callable

from ...edit_draft import EditDraft
from ..grammar.rules import RuleMatch

Action = Callable[[RuleMatch, EditDraft], bool]
"""Adds what a clause asks for to the draft; False when the words mean something else after all."""

ACTIONS: dict[str, Action] = {}


def action(function: Action) -> Action:
    """Let rules ask for this."""
    ACTIONS[function.__name__] = function
    return function

"""Where acts are kept, by the names that the rules call them."""

from collections.abc import Callable

from ...edit_draft import Draft
from ..grammar.rules import Reading

Act = Callable[[Reading, Draft], bool]
"""Adds what a clause asks for to the draft; False when the words mean something else after all."""

ACTS: dict[str, Act] = {}


def act(function: Act) -> Act:
    """Let rules ask for this."""
    ACTS[function.__name__] = function
    return function

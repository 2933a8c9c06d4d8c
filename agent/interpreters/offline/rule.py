"""What a rule of the grammar is: a pattern for one clause, and what the clause asks for."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from .draft import Draft

Act = Callable[[re.Match[str], Draft], bool]
"""Adds what a match asks for to the draft; False when the words mean something else after all."""


@dataclass(frozen=True)
class Rule:
    """One way to say something."""

    expression: str
    """Matched from the start of a clause, in any case."""
    act: Act
    lead: str = ""
    """What stands unsaid before the next clause: "no cars and | people", "add a dog and | a cat"."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The expression, compiled when first needed."""
        return re.compile(self.expression, re.IGNORECASE)

    def read(self, clause: str, draft: Draft) -> bool:
        """Whether the clause says this; if so its edits are in the draft."""
        match = self.pattern.match(clause)
        return match is not None and self.act(match, draft)


def nothing(match: re.Match[str], draft: Draft) -> bool:
    """Understood, and no reason to change anything."""
    return True

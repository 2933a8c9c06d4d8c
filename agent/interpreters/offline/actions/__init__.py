"""What the rules of `prompts/grammar` do to a draft: `ACTIONS`, by the names that the rules use.

`session_commands` act on the session; `exclusions` and `weights` on what is or should be excluded. Complaints:
`unwanted_objects` ("there's a spoon on it"), `quality_complaints` ("too dark", "looks like a comic") and `anatomy`
("six fingers"). Wishes rewrite the prompt: `prompt_additions` and `prompt_changes`, with the regular expressions of
`phrase_patterns`.
"""

from . import (
    anatomy,
    exclusions,
    prompt_additions,
    prompt_changes,
    quality_complaints,
    session_commands,
    unwanted_objects,
    weights,
)
from .registry import ACTIONS, Action

__all__ = ["ACTIONS", "Action"]

_ALL = (
    anatomy,
    exclusions,
    prompt_additions,
    prompt_changes,
    quality_complaints,
    session_commands,
    unwanted_objects,
    weights,
)
"""Imported because each module registers its actions in `ACTIONS`."""

"""What the rules of `prompts/grammar` do to a draft: `ACTIONS`, by the names that the rules use.

`session_commands` act on the session; `exclusions` and `weights` on what is or should be excluded. Complaints:
`unwanted_objects` ("who's that guy?"), `quality_complaints` ("too dark"), `likeness_complaints` ("looks like a
comic"), `anatomy` ("six fingers"), `impossible_scenes` ("his head is on backwards"), `symptoms` ("I can count the
pixels"). Wishes rewrite the prompt: `prompt_additions`, `prompt_changes`, `prompt_corrections`, `prompt_preferences`
and `camera_and_crop`, with the regular expressions of `phrase_patterns`.
"""

from . import (
    anatomy,
    camera_and_crop,
    exclusions,
    impossible_scenes,
    likeness_complaints,
    prompt_additions,
    prompt_changes,
    prompt_corrections,
    prompt_preferences,
    quality_complaints,
    session_commands,
    symptoms,
    unwanted_objects,
    weights,
)
from .registry import ACTIONS, Action

__all__ = ["ACTIONS", "Action"]

_ALL = (
    prompt_additions,
    prompt_changes,
    session_commands,
    prompt_corrections,
    exclusions,
    camera_and_crop,
    unwanted_objects,
    likeness_complaints,
    impossible_scenes,
    anatomy,
    prompt_preferences,
    quality_complaints,
    symptoms,
    weights,
)
"""Imported because each module registers its actions in `ACTIONS`."""

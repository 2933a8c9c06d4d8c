"""What the rules of `prompts/grammar` do to a draft: `ACTIONS`, by the names that they call them.

`commands` are to the session; `exclusions` and `weights` are about what is out or should be. Complaints name what is
wrong: `intruders` ("who's that guy?"), `qualities` ("too dark"), `likeness` ("looks like a comic"), `parts` ("six
fingers"), `oddities` ("his head is on backwards"), `signs` ("I can count the pixels"). Wishes rewrite the prompt:
`additions`, `changes`, `corrections`, `preferring`, `framing`; `wording` is theirs.
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
"""Imported for the acts that each of them puts into the registry."""

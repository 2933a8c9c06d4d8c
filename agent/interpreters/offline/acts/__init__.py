"""What the rules of `prompts/grammar` do to a draft: `ACTS`, by the names that they call them.

`commands` are to the session; `exclusions` and `weights` are about what is out or should be. Complaints name what is
wrong: `intruders` ("who's that guy?"), `qualities` ("too dark"), `likeness` ("looks like a comic"), `parts` ("six
fingers"), `oddities` ("his head is on backwards"), `signs` ("I can count the pixels"). Wishes rewrite the prompt:
`additions`, `changes`, `corrections`, `preferring`, `framing`; `wording` is theirs.
"""

from . import (
    additions,
    changes,
    commands,
    corrections,
    exclusions,
    framing,
    intruders,
    likeness,
    oddities,
    parts,
    preferring,
    qualities,
    signs,
    weights,
)
from .registry import ACTS, Act

__all__ = ["ACTS", "Act"]

_ALL = (
    additions,
    changes,
    commands,
    corrections,
    exclusions,
    framing,
    intruders,
    likeness,
    oddities,
    parts,
    preferring,
    qualities,
    signs,
    weights,
)
"""Imported for the acts that each of them puts into the registry."""

"""What goes through storage's door: plain frozen records, with nothing of the database in them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SessionRecord:
    """A conversation: which model draws, which policies always apply, and where it stands."""

    id: str
    created_at: datetime
    """In UTC, and aware of it."""
    model: str
    policies: tuple[str, ...]
    head: int
    """The number of the turn the next one grows from."""
    turns: int
    """How many turns there are; they are numbered from 0 to `turns - 1`."""
    prompt: str
    """What the picture at the head shows."""


@dataclass(frozen=True)
class ExclusionRecord:
    """Something kept out of the picture, and who brought it."""

    term: str
    weight: float
    source: str
    since: int
    """The number of the turn that brought it."""
    words: str
    """The words that brought it, as they were typed."""


@dataclass(frozen=True)
class NewTurn:
    """A turn as its maker hands it in.

    `number` is the one `Store.next_number` promised. When another process took it meanwhile, the
    turn gets the next free one, and so does every exclusion whose `since` is the promised number.
    """

    number: int
    parent: int | None
    """The number of the turn this one grew from; None for turn 0 alone."""
    feedback: str
    edits: tuple[dict[str, Any], ...]
    reply: str
    prompt: str
    negative: str
    """The exclusions as the model was given them."""
    exclusions: tuple[ExclusionRecord, ...]
    """All that are in force, in order."""
    seed: int
    """Fits in 64 bits, signed."""
    request: dict[str, Any]
    """All that decides the pixels, as JSON; storage doesn't look into it."""
    seconds: float


@dataclass(frozen=True)
class TurnRecord:
    """A finished turn, as it was and will stay."""

    session: str
    number: int
    parent: int | None
    created_at: datetime
    feedback: str
    edits: tuple[dict[str, Any], ...]
    reply: str
    prompt: str
    negative: str
    exclusions: tuple[ExclusionRecord, ...]
    seed: int
    request: dict[str, Any]
    sha256: str
    """Of the picture's RGB pixels, in hexadecimal."""
    image: Path
    """The picture's PNG."""
    seconds: float

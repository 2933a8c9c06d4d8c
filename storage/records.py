"""What goes through storage's door: plain frozen records, with nothing of the database in them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal


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
    """How many turns there are."""
    prompt: str
    """What the picture at the head shows."""
    sha256: str
    """That picture's."""
    owner: str | None = None
    """The id of the key that began it; None where no server did, or one without keys."""


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
    provenance: dict[str, Any] | None = None
    """What it was drawn and read with, as JSON: the model's weights, libraries, policies' text, the interpreter's
    own answer. None where nobody told, as with turns of the first release."""


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
    provenance: dict[str, Any] | None = None


Status = Literal["pending", "failed", "cancelled"]
"""Being drawn, or ended without a picture: by an error, or because somebody asked for it."""


@dataclass(frozen=True)
class SessionStart:
    """What a session is begun with."""

    model: str
    policies: tuple[str, ...]
    owner: str | None = None
    """The id of the key that begins it."""


@dataclass(frozen=True)
class IdempotencyKey:
    """How a request names itself: `key` is a digest of who asks and of their own name for it, `fingerprint` one of
    all that it says."""

    key: str
    fingerprint: str


@dataclass(frozen=True)
class KeyLimits:
    """What a key may ask for; None is the server's own limit."""

    requests_per_minute: int | None = None
    steps: int | None = None
    size: int | None = None
    """Pixels of a picture's longer side."""


@dataclass(frozen=True)
class KeyRecord:
    """Somebody who may use a server."""

    id: str
    name: str
    admin: bool
    policies: tuple[str, ...]
    """Packs that apply to all of their sessions."""
    limits: KeyLimits
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True)
class Attempt:
    """A turn without a picture, as it was asked for."""

    id: int
    session: str
    status: Status
    reason: str
    """Why it ended without a picture; empty while it is pending."""
    created_at: datetime
    """When it was recorded, or begun again."""
    turn: NewTurn
    """With the number that it has while it is pending; another turn may have it afterwards."""
    start: SessionStart | None
    """For a session's first turn."""
    receipt: IdempotencyKey | None = None
    """Kept with the turn when it is done."""
    command: dict[str, Any] | None = None
    """What was asked, as JSON, until it is interpreted: before that, `turn` has the words and the number alone."""
    refused: bool = False
    """Whether it was refused, so that there is nothing to retry."""
    claim: str = ""
    """Which process works on it; another claim means that it was taken over."""

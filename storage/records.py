"""The frozen records that storage takes and returns; nothing of the database is in them.

The annotations of turns and exclusions also say what an archive may hold; see `archive_schema`.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from .picture_files import PictureFile


def _to_plain_json(value: Any) -> Any:
    json.dumps(value, allow_nan=False).encode()
    return value


def _check_utc(value: datetime) -> datetime:
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise ValueError("there is no such moment in UTC") from None
    return value


Number = Annotated[int, Field(ge=0, lt=2**31)]
"""A turn's number."""
Finite = Annotated[float, Field(allow_inf_nan=False)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_to_plain_json)]
"""An object that any JSON reader and any database accepts."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Timestamp = Annotated[AwareDatetime, AfterValidator(_check_utc)]

_STRICT = ConfigDict(extra="forbid")
_OMITTED = Field(exclude_if=lambda value: value is None)
"""Left out of archives where it is None, so that older versions read them."""


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
    verification: dict[str, Any] | None = None
    """How its turns are verified, as JSON; None where they are not."""
    pins: tuple[dict[str, Any], ...] = ()
    """Which parts of the picture stay or alone may change, as JSON."""


@dataclass(frozen=True)
class ExclusionRecord:
    """An exclusion in force at a turn."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    term: str
    weight: Finite
    source: str
    since: Number
    """The number of the turn that brought it."""
    words: str
    """The words that brought it, as they were typed."""
    verdict: Annotated[Literal["gone", "there", "unknown"] | None, _OMITTED] = None
    """Whether the turn's picture is without it; None where the turn was not verified."""
    judge: Annotated[str | None, _OMITTED] = None
    """Who said so; None where nobody could tell."""
    probability: Annotated[float | None, Field(ge=0, le=1), _OMITTED] = None
    """The judge's probability that the picture shows it."""


@dataclass(frozen=True)
class NewTurn:
    """A turn before it is stored.

    `number` is the one from `Store.next_number`. If another process took it meanwhile, the turn gets the next free
    one, and so does every exclusion whose `since` is that number.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    number: Number
    parent: Number | None
    """The number of the turn that this one grew from; None for turn 0 alone."""
    feedback: str
    edits: tuple[JsonObject, ...]
    reply: str
    prompt: str
    negative: str
    """The negative prompt as the model was given it."""
    exclusions: tuple[ExclusionRecord, ...]
    """All that are in force, in order."""
    seed: int
    """Fits in 64 bits, signed."""
    request: JsonObject
    """Everything that decides the pixels, as JSON; storage doesn't interpret it."""
    seconds: Finite
    provenance: JsonObject | None = None
    """What the turn was made with, as JSON: the model's weights, libraries, the policies' text, the interpreter's own
    answer. None where nothing was recorded, as in the first release."""
    source_image: Annotated[Sha256 | None, _OMITTED] = None
    """The hash of the picture that drawing starts from; None where it starts from noise."""
    mask_image: Annotated[Sha256 | None, _OMITTED] = None
    """The hash of the mask that says which part of it is drawn anew."""

    @property
    def source_images(self) -> tuple[str, ...]:
        """The hashes of the stored pictures that are needed to draw the turn."""
        return tuple(image for image in (self.source_image, self.mask_image) if image is not None)


@dataclass(frozen=True, kw_only=True)
class FinishedTurn(NewTurn):
    """A turn with a picture; archives have turns in this form."""

    created_at: Timestamp
    sha256: Sha256
    """Of the picture's RGB pixels, in hexadecimal."""


@dataclass(frozen=True)
class QuestionRecord:
    """What the user is asked about feedback that is in doubt; edits are JSON."""

    text: str
    edits: tuple[JsonObject, ...]
    """The edits that "yes" makes. With `choose`, the candidates, of which the answer names one."""
    otherwise: tuple[JsonObject, ...] = ()
    """The edits that were not in doubt: they are made whatever the answer is."""
    choose: bool = False


@dataclass(frozen=True, kw_only=True)
class TurnRecord(FinishedTurn):
    """A finished turn of a session in this store; it never changes, except for its question and pins."""

    session: str
    image: PictureFile
    """The picture's PNG."""
    question: QuestionRecord | None = None
    """The session's open question, if it is about this turn's picture."""
    pins: tuple[dict[str, Any], ...] = ()
    """The session's pins, as JSON."""


@dataclass(frozen=True)
class NewQuestion:
    """A question about the picture of a turn, before it is stored."""

    turn: int
    question: QuestionRecord
    context: dict[str, Any]
    """What is needed to apply the answer, as JSON; storage doesn't interpret it."""


@dataclass(frozen=True)
class OpenQuestionRecord(NewQuestion):
    """The open question of a session."""

    id: str
    session: str


Status = Literal["pending", "failed", "cancelled"]
"""Being drawn, or ended without a picture: by an error, or because somebody asked for it."""


@dataclass(frozen=True)
class SessionStart:
    """What a session is begun with."""

    model: str
    policies: tuple[str, ...]
    owner: str | None = None
    """The id of the key that begins it."""
    verification: dict[str, Any] | None = None
    """How its turns are verified, as JSON; None where they are not."""


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
    drawn: PictureFile | None = None
    """The file of its first picture, while that is being verified by the process that has drawn it."""

    @property
    def log(self) -> str:
        """The name of the events of this try; the same on all servers, also on one that takes it over."""
        return self.claim.rpartition("/")[2].partition(".")[0]

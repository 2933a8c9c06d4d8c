"""A session as JSON, checked on its way in: what `archive` writes and reads."""

import json
import unicodedata
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from .records import ExclusionRecord, NewTurn, SessionRecord, TurnRecord


def _to_plain_json(value: Any) -> Any:
    json.dumps(value, allow_nan=False).encode()
    return value


def _parse_timestamp(value: datetime) -> datetime:
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise ValueError("there is no such moment in UTC") from None
    return value


Timestamp = Annotated[AwareDatetime, AfterValidator(_parse_timestamp)]
Json = Annotated[dict[str, Any], AfterValidator(_to_plain_json)]
"""An object that any JSON reader and any database takes."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[int, Field(ge=0, lt=2**31)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExclusionDocument(_Document):
    term: str
    weight: Finite
    source: str
    since: Number
    words: str


class TurnDocument(_Document):
    number: Number
    parent: Number | None
    created_at: Timestamp
    feedback: str
    edits: tuple[Json, ...]
    reply: str
    prompt: str
    negative: str
    exclusions: tuple[ExclusionDocument, ...]
    seed: int
    request: Json
    seconds: Finite
    provenance: Json | None
    sha256: Sha256

    def to_new_turn(self) -> NewTurn:
        """The turn as storage takes it."""
        values = {field.name: getattr(self, field.name) for field in fields(NewTurn)}
        exclusions = tuple(ExclusionRecord(**each.model_dump()) for each in self.exclusions)
        return NewTurn(**{**values, "exclusions": exclusions})


class SessionDocument(_Document):
    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    created_at: Timestamp
    model: str
    policies: tuple[str, ...]
    head: Number
    turns: tuple[TurnDocument, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_tree(self) -> Self:
        numbers: set[int] = set()
        for turn in self.turns:
            if turn.number in numbers or (numbers and turn.number < max(numbers)):
                raise ValueError("the turns are not in order")
            if (turn.parent is None) != (turn.number == 0) or (turn.parent is not None and turn.parent not in numbers):
                raise ValueError(f"turn {turn.number} grows from none before it")
            numbers.add(turn.number)
            if any(each.since not in numbers for each in turn.exclusions):
                raise ValueError(f"turn {turn.number} excludes something since a turn that is not there")
        if any(unicodedata.category(each) == "Cc" for each in "".join((self.model, *self.policies))):
            raise ValueError("the model or a policy has a name that can't be")
        if self.head not in numbers:
            raise ValueError("the head is none of the turns")
        return self

    @classmethod
    def from_session(cls, session: SessionRecord, turns: list[TurnRecord]) -> Self:
        """The document of a session and all its turns."""
        known = TurnDocument.model_fields
        return cls(
            id=session.id,
            created_at=session.created_at,
            model=session.model,
            policies=session.policies,
            head=session.head,
            turns=tuple(
                TurnDocument(**{name: value for name, value in asdict(turn).items() if name in known}) for turn in turns
            ),
        )

    def to_record(self) -> SessionRecord:
        """The session as storage knows it."""
        head = next(turn for turn in self.turns if turn.number == self.head)
        return SessionRecord(
            self.id, self.created_at, self.model, self.policies, self.head, len(self.turns), head.prompt, head.sha256
        )


class FileEntry(_Document):
    sha256: Sha256
    bytes: int = Field(ge=0)


class Manifest(_Document):
    format: str
    version: int
    notthat: str
    files: dict[str, FileEntry]

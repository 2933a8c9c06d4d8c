"""A session as JSON, validated when it is read: what `archive` writes and reads."""

import unicodedata
from dataclasses import fields
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .records import FinishedTurn, Number, SessionRecord, Sha256, Timestamp, TurnRecord


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SessionDocument(_Document):
    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    created_at: Timestamp
    model: str
    policies: tuple[str, ...]
    head: Number
    turns: tuple[FinishedTurn, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_tree(self) -> Self:
        numbers: set[int] = set()
        for turn in self.turns:
            if turn.number in numbers or (numbers and turn.number < max(numbers)):
                raise ValueError("the turns are not in order")
            if (turn.parent is None) != (turn.number == 0) or (turn.parent is not None and turn.parent not in numbers):
                raise ValueError(f"turn {turn.number} has no parent before it")
            numbers.add(turn.number)
            if any(exclusion.since not in numbers for exclusion in turn.exclusions):
                raise ValueError(f"turn {turn.number} excludes something since a turn that is not there")
        if any(unicodedata.category(letter) == "Cc" for letter in "".join((self.model, *self.policies))):
            raise ValueError("the name of the model or of a policy has control characters")
        if self.head not in numbers:
            raise ValueError("the head is not one of the turns")
        return self

    @classmethod
    def from_session(cls, session: SessionRecord, turns: list[TurnRecord]) -> Self:
        """The document of a session and all its turns."""
        return cls(
            id=session.id,
            created_at=session.created_at,
            model=session.model,
            policies=session.policies,
            head=session.head,
            turns=tuple(_without_place(turn) for turn in turns),
        )

    def to_record(self) -> SessionRecord:
        """The session as a record."""
        head = next(turn for turn in self.turns if turn.number == self.head)
        return SessionRecord(
            self.id, self.created_at, self.model, self.policies, self.head, len(self.turns), head.prompt, head.sha256
        )


def _without_place(turn: TurnRecord) -> FinishedTurn:
    """The turn without the store that it is in."""
    return FinishedTurn(**{field.name: getattr(turn, field.name) for field in fields(FinishedTurn)})


class FileEntry(_Document):
    sha256: Sha256
    bytes: int = Field(ge=0)


class Manifest(_Document):
    format: str
    version: int
    notthat: str
    files: dict[str, FileEntry]

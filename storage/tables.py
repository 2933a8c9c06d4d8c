"""The database tables.

Other programs may read them. Every turn has a row for each exclusion in force, so plain SQL finds the turn that added
a term to a session's current exclusions, with the user's words and the weight:

    SELECT brought.number, brought.feedback, exclusions.source, exclusions.words, exclusions.weight
      FROM sessions
      JOIN turns AS head ON head.session_id = sessions.id AND head.number = sessions.head
      JOIN exclusions ON exclusions.turn_id = head.id
      JOIN turns AS brought ON brought.session_id = sessions.id AND brought.number = exclusions.since
     WHERE sessions.id = :session AND exclusions.term = :term

The migrations in `migrations/versions` create these tables. A test compares both.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class UTCDateTime(TypeDecorator[datetime]):
    """A date and time in UTC. SQLite drops time zones, and other databases convert to their own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: UTCDateTime,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
        dict[str, Any]: JSON,
    }


class SessionRow(Base):
    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    created_at: Mapped[datetime]
    model: Mapped[str]
    policies: Mapped[list[str]]
    head: Mapped[int]  # a turn's number; no foreign key, because `turns` refers to `sessions` already
    owner: Mapped[str | None] = mapped_column(
        String(16)
    )  # id of an API key; null for sessions created without a server
    verification: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # null: not verified

    pins: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))  # null: none

    __table_args__ = (Index(None, "created_at"), Index(None, "owner", "created_at"))


class TurnRow(Base):
    __tablename__ = "turns"
    __table_args__ = (
        UniqueConstraint("session_id", "number"),
        ForeignKeyConstraint(["session_id", "parent"], ["turns.session_id", "turns.number"]),
        CheckConstraint("(number = 0) = (parent IS NULL) AND (parent IS NULL OR parent < number)", name="parent"),
        Index(None, "session_id", "parent"),
        Index(None, "image"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(String(16), ForeignKey("sessions.id"))
    number: Mapped[int]
    parent: Mapped[int | None]
    created_at: Mapped[datetime]
    feedback: Mapped[str]
    edits: Mapped[list[dict[str, Any]]]
    reply: Mapped[str]
    prompt: Mapped[str]
    negative: Mapped[str]
    seed: Mapped[int] = mapped_column(BigInteger)
    request: Mapped[dict[str, Any]]
    image: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[float]
    provenance: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    source_image: Mapped[str | None] = mapped_column(String(64), index=True)  # what drawing started from
    mask_image: Mapped[str | None] = mapped_column(String(64), index=True)

    exclusions: Mapped[list["ExclusionRow"]] = relationship(order_by="ExclusionRow.position")


class ExclusionRow(Base):
    __tablename__ = "exclusions"
    __table_args__ = (Index(None, "term"),)

    turn_id: Mapped[int] = mapped_column(ForeignKey("turns.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    term: Mapped[str]
    weight: Mapped[float]
    source: Mapped[str]
    since: Mapped[int]
    words: Mapped[str]
    verdict: Mapped[str | None]  # gone, there or unknown; null where the turn was not verified
    judge: Mapped[str | None]
    probability: Mapped[float | None]


class AttemptRow(Base):
    """A turn without a picture: waiting or being drawn (`pending`), or ended without a result.

    Attempts are separate from `turns`, so that readers of `turns` and `exclusions` only see turns with pictures. The
    first attempt of a session has `session`, from which the row of `sessions` is created when it is done. `command` is
    the request before it is interpreted. `owner` is the claim of the process that works on it, valid until
    `lease_until`. `drawn` is the hash of a picture that is drawn and is being verified.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'failed', 'cancelled')", name="status"),
        CheckConstraint("(session IS NOT NULL) = (parent IS NULL)", name="first"),
        Index(None, "session_id", "number"),
        Index(None, "status"),
        Index(None, "receipt_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(String(16))
    number: Mapped[int]
    parent: Mapped[int | None]
    status: Mapped[str]
    reason: Mapped[str]
    owner: Mapped[str]
    created_at: Mapped[datetime]
    session: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    turn: Mapped[dict[str, Any]]
    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    command: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    lease_until: Mapped[datetime | None]
    receipt_key: Mapped[str | None] = mapped_column(String(64))  # only while it is pending
    refused: Mapped[bool] = mapped_column(server_default=false())  # there is nothing to retry
    drawn: Mapped[str | None] = mapped_column(String(64))


class TurnEventsRow(Base):
    """The state of a turn that is running, on databases that several servers share; see `turn_events`."""

    __tablename__ = "turn_events"
    __table_args__ = (Index(None, "attempt_id"),)

    log: Mapped[str] = mapped_column(String(16), primary_key=True)
    session_id: Mapped[str] = mapped_column(String(16))
    attempt_id: Mapped[int]
    sequence: Mapped[int]
    is_drawing: Mapped[bool]
    events: Mapped[list[Any]] = mapped_column(JSON)


class TurnAliasRow(Base):
    """A turn number that was announced, and the turn that answers for it.

    The feedback changed nothing, so that the current turn is the answer, or the turn was stored under another number.
    """

    __tablename__ = "turn_aliases"

    session_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    turn: Mapped[int]


class QuestionRow(Base):
    """The open question of a session about the picture of `turn`.

    `context` is what the agent needs to apply the answer. `answered_by` is the id of the attempt that answers it: while
    that attempt is pending, the question is not open.
    """

    __tablename__ = "questions"

    session_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    id: Mapped[str] = mapped_column(String(16))
    turn: Mapped[int]
    created_at: Mapped[datetime]
    question: Mapped[dict[str, Any]]
    context: Mapped[dict[str, Any]]
    answered_by: Mapped[int | None]


class ReceiptRow(Base):
    """A request's idempotency key, and the turn that the request created."""

    __tablename__ = "receipts"
    __table_args__ = (Index(None, "created_at"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    session_id: Mapped[str] = mapped_column(String(16))
    number: Mapped[int]
    created_at: Mapped[datetime]


class KeyRow(Base):
    """An API key with its policies and limits. Only a digest of the token is stored."""

    __tablename__ = "keys"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    admin: Mapped[bool]
    policies: Mapped[list[str]]
    limits: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class RateLimitRow(Base):
    """The requests that a key has left in this minute, on databases that several servers share."""

    __tablename__ = "rate_limits"

    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    tokens: Mapped[float]
    updated_at: Mapped[datetime]

"""Records to rows, rows to records, and the questions about a session that several writers ask."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from ..errors import InvalidInputError
from .errors import UnknownSessionError, UnknownTurnError
from .images import ImageStore
from .models import AttemptRow, ExclusionRow, KeyRow, SessionRow, TurnRow
from .records import (
    Attempt,
    ExclusionRecord,
    KeyLimits,
    KeyRecord,
    NewTurn,
    Receipt,
    SessionRecord,
    SessionStart,
    Status,
    TurnRecord,
)

_SEEDS = range(-(2**63), 2**63)
_NUMBERS = range(2**31)


def check(turn: NewTurn) -> None:
    """Refuse what not every database can hold."""
    if turn.seed not in _SEEDS:
        raise InvalidInputError(f"seed {turn.seed} is too large: use one between -2^63 and 2^63-1")
    texts = [turn.feedback, turn.reply, turn.prompt, turn.negative]
    texts += [text for each in turn.exclusions for text in (each.term, each.source, each.words)]
    if any("\0" in text for text in texts):
        raise InvalidInputError("what is to be stored holds a NUL character: take it out")


def find_session(db: Session, session_id: str, *, for_update: bool = False) -> SessionRow:
    """The session's row, locked against other writers where it is asked `for_update`."""
    session = db.get(SessionRow, session_id, with_for_update=for_update) if "\0" not in session_id else None
    if session is None:
        raise UnknownSessionError(f"no session “{session_id}”: see notthat sessions")
    return session


def find_turn(db: Session, session: SessionRow, number: int) -> TurnRow:
    """The row of one of the session's turns."""
    turn = db.scalars(turns_of(session).where(TurnRow.number == number)).first() if number in _NUMBERS else None
    if turn is None:
        raise _unknown_turn(db, session, number)
    return turn


def require_turn(db: Session, session: SessionRow, number: int) -> None:
    """Raise `UnknownTurnError` where the session has no such turn."""
    asked = select(TurnRow.id).where(TurnRow.session_id == session.id, TurnRow.number == number)
    if number not in _NUMBERS or db.scalar(asked) is None:
        raise _unknown_turn(db, session, number)


def _unknown_turn(db: Session, session: SessionRow, number: int) -> UnknownTurnError:
    newest = newest_number(db, session.id)
    there_are = "only turn 0" if newest == 0 else f"turns 0 to {newest}"
    return UnknownTurnError(f"no turn {number} in session “{session.id}”: it has {there_are}")


def turns_of(session: SessionRow) -> Select[TurnRow]:
    """The session's turns, with their exclusions."""
    return select(TurnRow).where(TurnRow.session_id == session.id).options(selectinload(TurnRow.exclusions))


def newest_number(db: Session, session_id: str) -> int:
    """The greatest number of a turn with a picture, or -1."""
    newest = db.scalar(select(func.max(TurnRow.number)).where(TurnRow.session_id == session_id))
    return -1 if newest is None else newest


def free_number(db: Session, session_id: str) -> int:
    """The next turn's number: none that a turn has, or that is being drawn."""
    done = select(func.max(TurnRow.number)).where(TurnRow.session_id == session_id)
    pending = select(func.max(AttemptRow.number)).where(
        AttemptRow.session_id == session_id, AttemptRow.status == "pending"
    )
    taken = db.execute(select(done.scalar_subquery(), pending.scalar_subquery())).one()
    return max((number for number in taken if number is not None), default=-1) + 1


def renumbered(turn: NewTurn, number: int) -> NewTurn:
    """The turn under the number it gets, with what it brought dated to that number."""
    if number == turn.number:
        return turn
    exclusions = tuple(replace(each, since=number) if each.since == turn.number else each for each in turn.exclusions)
    return replace(turn, number=number, exclusions=exclusions)


def turn_row(session_id: str, turn: NewTurn, sha256: str, created_at: datetime) -> TurnRow:
    """A finished turn's row, with those of its exclusions."""
    return TurnRow(
        session_id=session_id,
        number=turn.number,
        parent=turn.parent,
        created_at=created_at,
        feedback=turn.feedback,
        edits=list(turn.edits),
        reply=turn.reply,
        prompt=turn.prompt,
        negative=turn.negative,
        exclusions=[ExclusionRow(position=k, **asdict(each)) for k, each in enumerate(turn.exclusions)],
        seed=turn.seed,
        request=turn.request,
        image=sha256,
        seconds=turn.seconds,
        provenance=turn.provenance,
    )


def turn_record(row: TurnRow, images: ImageStore) -> TurnRecord:
    """What a finished turn's row says."""
    return TurnRecord(
        session=row.session_id,
        number=row.number,
        parent=row.parent,
        created_at=row.created_at,
        feedback=row.feedback,
        edits=tuple(row.edits),
        reply=row.reply,
        prompt=row.prompt,
        negative=row.negative,
        exclusions=tuple(
            ExclusionRecord(each.term, each.weight, each.source, each.since, each.words) for each in row.exclusions
        ),
        seed=row.seed,
        request=row.request,
        sha256=row.image,
        image=images.path(row.image),
        seconds=row.seconds,
        provenance=row.provenance,
    )


def session_record(row: SessionRow, turns: int, prompt: str, sha256: str) -> SessionRecord:
    """What a session's row says, with what its turns do."""
    return SessionRecord(
        id=row.id,
        created_at=row.created_at,
        model=row.model,
        policies=tuple(row.policies),
        head=row.head,
        turns=turns,
        prompt=prompt,
        sha256=sha256,
        owner=row.owner,
    )


def key_record(row: KeyRow) -> KeyRecord:
    """What a key's row says."""
    return KeyRecord(
        id=row.id,
        name=row.name,
        admin=row.admin,
        policies=tuple(row.policies),
        limits=KeyLimits(**row.limits),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )


def turn_as_json(turn: NewTurn) -> dict[str, Any]:
    """A turn that has no rows of its own yet, for `turn_from_json`."""
    return asdict(turn)


def turn_from_json(value: dict[str, Any]) -> NewTurn:
    """The turn that `turn_as_json` wrote."""
    exclusions = tuple(ExclusionRecord(**each) for each in value["exclusions"])
    return NewTurn(**{**value, "edits": tuple(value["edits"]), "exclusions": exclusions})


def attempt_record(row: AttemptRow) -> Attempt:
    """What a row of a turn without a picture says."""
    start = row.session
    return Attempt(
        id=row.id,
        session=row.session_id,
        status=cast(Status, row.status),
        reason=row.reason,
        created_at=row.created_at,
        turn=turn_from_json(row.turn),
        start=SessionStart(start["model"], tuple(start["policies"]), start.get("owner")) if start else None,
        receipt=Receipt(**row.receipt) if row.receipt else None,
    )


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)

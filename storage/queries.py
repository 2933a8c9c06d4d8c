"""Records to rows, rows to records, and the questions about a session that several writers ask."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    Integer,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased, selectinload

from ..errors import InvalidInputError
from .errors import UnknownSessionError, UnknownTurnError
from .images import ImageStore
from .records import (
    Attempt,
    ExclusionRecord,
    IdempotencyKey,
    KeyLimits,
    KeyRecord,
    NewTurn,
    SessionRecord,
    SessionStart,
    Status,
    TurnRecord,
)
from .tables import AttemptRow, ExclusionRow, KeyRow, SessionRow, TurnAliasRow, TurnRow

_TURN_COLUMNS = tuple(field.name for field in fields(NewTurn) if field.name != "exclusions")
"""Fields of a turn that are columns of the same name."""
_EXCLUSION_COLUMNS = tuple(field.name for field in fields(ExclusionRecord))
_SEEDS = range(-(2**63), 2**63)
_NUMBERS = range(2**31)
_MOST_PARAMETERS = 500
"""Values in one statement: fewer than any database's limit."""


def check_turn(turn: NewTurn) -> None:
    """Refuse what not every database can hold."""
    if turn.seed not in _SEEDS:
        raise InvalidInputError(f"seed {turn.seed} is too large: use one between -2^63 and 2^63-1")
    texts = [turn.feedback, turn.reply, turn.prompt, turn.negative]
    texts += [text for each in turn.exclusions for text in (each.term, each.source, each.words)]
    if any("\0" in text for text in texts):
        raise InvalidInputError("the text has a NUL character: remove it and try again")


def lock_session(db: Session, session_id: str) -> None:
    """Keep other writers from the session until the transaction ends; raise where there is no such session."""
    asked = select(SessionRow.id).where(SessionRow.id == check_session_id(session_id)).with_for_update()
    if db.scalar(asked) is None:
        raise unknown_session(session_id)


def check_session_id(session_id: str) -> str:
    """The session's id, where it is one that a database can be asked for; raises what an unknown one raises."""
    if "\0" in session_id:
        raise unknown_session(session_id)
    return session_id


def unknown_session(session_id: str) -> UnknownSessionError:
    """The error of asking for a session that is not there."""
    return UnknownSessionError(f"no session “{session_id}”: see notthat sessions")


def find_turn(db: Session, session_id: str, number: int | None = None) -> TurnRow:
    """The row of one of the session's turns, by default its head, with its exclusions."""
    head = select(SessionRow.head).where(SessionRow.id == check_session_id(session_id)).scalar_subquery()
    if number is None or number in _NUMBERS:
        asked = select_turns(session_id).where(TurnRow.number == (head if number is None else number))
        if turn := db.scalars(asked).first():
            return turn
    raise _unknown_turn(db, session_id, number)


def require_turn(db: Session, session_id: str, number: int) -> None:
    """Raise `UnknownTurnError` where the session has no such turn."""
    asked = select(TurnRow.id).where(TurnRow.session_id == session_id, TurnRow.number == number)
    if number not in _NUMBERS or db.scalar(asked) is None:
        raise _unknown_turn(db, session_id, number)


def _unknown_turn(db: Session, session_id: str, number: int | None) -> UnknownSessionError | UnknownTurnError:
    head = db.scalar(select(SessionRow.head).where(SessionRow.id == session_id))
    if head is None:
        return unknown_session(session_id)
    newest = newest_number(db, session_id)
    there_are = "only turn 0" if newest == 0 else f"turns 0 to {newest}"
    return UnknownTurnError(
        f"no turn {head if number is None else number} in session “{session_id}”: it has {there_are}"
    )


def select_turns(session_id: str) -> Select[TurnRow]:
    """The session's turns, with their exclusions."""
    return select(TurnRow).where(TurnRow.session_id == session_id).options(selectinload(TurnRow.exclusions))


@cache
def _path_query() -> Select[TurnRow]:
    """The turns that led to turn `:number` of `:session_id`, that one included, in order; at most `:last` of them.

    Made once, since making it takes longer than the database does to answer.
    """
    session_id: BindParameter[str] = bindparam("session_id")
    way = (
        select(TurnRow.number, TurnRow.parent, literal(1).label("length"))
        .where(TurnRow.session_id == session_id, TurnRow.number == bindparam("number"))
        .cte("way", recursive=True)
    )
    before = aliased(TurnRow)
    way = way.union_all(
        select(before.number, before.parent, way.c.length + 1).where(
            before.session_id == session_id,
            before.number == way.c.parent,
            way.c.length < bindparam("last", type_=Integer),
        )
    )
    turns = select(TurnRow).where(TurnRow.session_id == session_id).options(selectinload(TurnRow.exclusions))
    return turns.join(way, TurnRow.number == way.c.number).order_by(TurnRow.number)  # a parent's is always smaller


def load_path(db: Session, session_id: str, number: int, last: int) -> Sequence[TurnRow]:
    """The rows of the turns that led to turn `number`, that one included, in order; at most the `last` of them."""
    if number in _NUMBERS:
        asked = {"session_id": check_session_id(session_id), "number": number, "last": min(last, _NUMBERS[-1])}
        if found := db.scalars(_path_query(), asked).all():
            return found
    raise _unknown_turn(db, session_id, number)


def newest_number(db: Session, session_id: str) -> int:
    """The greatest number of a turn with a picture, or -1."""
    newest = db.scalar(select(func.max(TurnRow.number)).where(TurnRow.session_id == session_id))
    return -1 if newest is None else newest


@cache
def _numbers_query() -> Select[bool, int | None, int | None]:
    """Whether session `:session_id` is there, the greatest number of its turns, and that of those being drawn."""
    session_id: BindParameter[str] = bindparam("session_id")
    done = select(func.max(TurnRow.number)).where(TurnRow.session_id == session_id)
    pending = select(func.max(AttemptRow.number)).where(
        AttemptRow.session_id == session_id, AttemptRow.status == "pending"
    )
    there = exists().where(SessionRow.id == session_id)
    return select(there, done.scalar_subquery(), pending.scalar_subquery())


def free_number(db: Session, session_id: str) -> int:
    """The next turn's number: none that a turn has, or that is being drawn; raises where there is no such session."""
    is_there, *taken = db.execute(_numbers_query(), {"session_id": check_session_id(session_id)}).one()
    if not is_there:
        raise unknown_session(session_id)
    return max((number for number in taken if number is not None), default=-1) + 1


def next_place(db: Session, session_id: str) -> tuple[int, int]:
    """The next turn's number, and the turn that it probably grows from: the head, or turn 0 while that is pending.

    Locks the session or its pending first turn, so that two callers get two numbers. Raises `UnknownSessionError`
    where there is neither.
    """
    head = _lock_head(db, session_id)
    if head is None and _lock_pending_start(db, session_id):
        attempts = select(func.max(AttemptRow.number)).where(AttemptRow.session_id == session_id)
        return (db.scalar(attempts.where(AttemptRow.status == "pending")) or 0) + 1, 0
    if head is None:  # the first turn may have been finished while this waited for its row
        head = _lock_head(db, session_id)
    if head is None:
        raise unknown_session(session_id)
    return free_number(db, session_id), head


def _lock_head(db: Session, session_id: str) -> int | None:
    """The number of the session's head; None where there is no session."""
    session = select(SessionRow.head).where(SessionRow.id == check_session_id(session_id))
    return db.scalar(session.with_for_update())


def _lock_pending_start(db: Session, session_id: str) -> bool:
    """Whether the session's first turn is pending."""
    starts = (AttemptRow.session_id == session_id, AttemptRow.parent.is_(None), AttemptRow.status == "pending")
    rows = select(AttemptRow.id).where(*starts).order_by(AttemptRow.id).with_for_update()
    return db.scalars(rows).first() is not None


def activity(db: Session, session_ids: Sequence[str]) -> dict[str, str]:
    """For each of these sessions a text that changes when a turn of it begins or ends, or its head moves."""
    newest = select(func.max(TurnRow.number)).where(TurnRow.session_id == SessionRow.id).scalar_subquery()
    heads = select(SessionRow.id, SessionRow.head, newest)
    pending = select(
        AttemptRow.session_id, AttemptRow.id, AttemptRow.status, AttemptRow.number, AttemptRow.command.is_(None)
    ).order_by(AttemptRow.id)
    found: dict[str, list[Any]] = {}
    for first in range(0, len(session_ids), _MOST_PARAMETERS):
        ids = session_ids[first : first + _MOST_PARAMETERS]
        for session_id, *values in db.execute(heads.where(SessionRow.id.in_(ids))):
            found.setdefault(session_id, []).append(values)
        for session_id, *values in db.execute(pending.where(AttemptRow.session_id.in_(ids))):
            found.setdefault(session_id, []).append(values)
    return {session_id: repr(values) for session_id, values in found.items()}


def insert_alias(db: Session, session_id: str, number: int, turn: int) -> None:
    """From now on, `turn` answers for `number` and for all numbers that `number` answered for.

    Does nothing where `number` is that of a finished turn, which answers for itself.
    """
    finished = select(TurnRow.id).where(TurnRow.session_id == session_id, TurnRow.number == number)
    if number == turn or db.scalar(finished) is not None:
        return
    same = TurnAliasRow.session_id == session_id
    db.execute(delete(TurnAliasRow).where(same, TurnAliasRow.number.in_([number, turn])))
    db.execute(update(TurnAliasRow).where(same, TurnAliasRow.turn == number).values(turn=turn))
    db.add(TurnAliasRow(session_id=session_id, number=number, turn=turn))
    db.flush()


def find_alias(db: Session, session_id: str, number: int) -> int | None:
    """The turn that answers for a promised number, if there is one."""
    if number not in _NUMBERS or "\0" in session_id:
        return None
    row = db.get(TurnAliasRow, (session_id, number))
    return None if row is None else row.turn


def renumber_turn(turn: NewTurn, number: int) -> NewTurn:
    """The turn under the number it gets, with what it brought dated to that number."""
    if number == turn.number:
        return turn
    exclusions = tuple(replace(each, since=number) if each.since == turn.number else each for each in turn.exclusions)
    return replace(turn, number=number, exclusions=exclusions)


def insert_session(db: Session, session_id: str, start: SessionStart, created_at: datetime, head: int = 0) -> None:
    """Add a session's row; those of its turns have to follow."""
    values = {**asdict(start), "policies": list(start.policies), "created_at": created_at, "head": head}
    db.connection().execute(insert(SessionRow), {"id": session_id, **values})


def insert_turn(
    db: Session, session_id: str, turn: NewTurn, sha256: str, created_at: datetime
) -> tuple[Row[Any], list[Row[Any]]]:
    """Add a finished turn's row and those of its exclusions; as they are kept, read back."""
    values: dict[str, Any] = {name: getattr(turn, name) for name in _TURN_COLUMNS}
    values |= {"session_id": session_id, "created_at": created_at, "image": sha256, "edits": list(turn.edits)}
    turns, exclusions = TurnRow.__table__, ExclusionRow.__table__
    connection = db.connection()
    row = connection.execute(insert(TurnRow).returning(*turns.c), values).one()
    if not turn.exclusions:
        return row, []
    brought = [{"turn_id": row.id, "position": k, **asdict(each)} for k, each in enumerate(turn.exclusions)]
    kept = connection.execute(insert(ExclusionRow).returning(*exclusions.c), brought)
    return row, sorted(kept, key=lambda each: each.position)


def move_head(db: Session, session_id: str, number: int) -> None:
    """Let the session's next turn grow from turn `number`; raises where there is no such session."""
    moved = update(SessionRow).where(SessionRow.id == session_id).values(head=number)
    if db.connection().execute(moved).rowcount == 0:
        raise unknown_session(session_id)


def to_turn_record(
    row: TurnRow | Row[Any], exclusions: Iterable[ExclusionRow | Row[Any]], images: ImageStore
) -> TurnRecord:
    """What a finished turn's rows say."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _TURN_COLUMNS}
    values["edits"] = tuple(row.edits)
    return TurnRecord(
        **values,
        exclusions=tuple(map(_to_exclusion_record, exclusions)),
        created_at=row.created_at,
        sha256=row.image,
        session=row.session_id,
        image=images.existing(row.image, row.request),
    )


def _to_exclusion_record(row: ExclusionRow | Row[Any]) -> ExclusionRecord:
    return ExclusionRecord(**{name: getattr(row, name) for name in _EXCLUSION_COLUMNS})


def to_session_record(row: SessionRow, turns: int, prompt: str, sha256: str) -> SessionRecord:
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


def to_key_record(row: KeyRow) -> KeyRecord:
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


def dump_turn(turn: NewTurn) -> dict[str, Any]:
    """A turn that has no rows of its own yet, for `load_turn`."""
    return asdict(turn)


def load_turn(value: dict[str, Any]) -> NewTurn:
    """The turn that `dump_turn` wrote."""
    exclusions = tuple(ExclusionRecord(**each) for each in value["exclusions"])
    return NewTurn(**{**value, "edits": tuple(value["edits"]), "exclusions": exclusions})


def start_as_json(start: SessionStart) -> dict[str, Any]:
    """What a session begins with, for a turn that is yet to be drawn."""
    return {**asdict(start), "policies": list(start.policies)}


def to_attempt(row: AttemptRow | Row[Any]) -> Attempt:
    """What a row of a turn without a picture says."""
    start = row.session
    return Attempt(
        id=row.id,
        session=row.session_id,
        status=cast(Status, row.status),
        reason=row.reason,
        created_at=row.created_at,
        turn=load_turn(row.turn),
        start=SessionStart(start["model"], tuple(start["policies"]), start.get("owner")) if start else None,
        receipt=IdempotencyKey(**row.receipt) if row.receipt else None,
        command=row.command,
        refused=row.refused,
        claim=row.owner,
    )


def utc_now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)

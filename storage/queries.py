"""Converts between records and rows, and has the queries and inserts that several modules share."""

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
from .tables import AttemptRow, ExclusionRow, KeyRow, QuestionRow, SessionRow, TurnAliasRow, TurnRow

_TURN_COLUMNS = tuple(field.name for field in fields(NewTurn) if field.name != "exclusions")
"""Fields of a turn that are columns of the same name."""
_EXCLUSION_COLUMNS = tuple(field.name for field in fields(ExclusionRecord))
_SEEDS = range(-(2**63), 2**63)
_NUMBERS = range(2**31)
_MOST_PARAMETERS = 500
"""Maximum number of values in one statement, below the limit of every database."""


def check_turn(turn: NewTurn) -> None:
    """Raise `InvalidInputError` if a database cannot store the turn's seed or texts."""
    if turn.seed not in _SEEDS:
        raise InvalidInputError(f"seed {turn.seed} is too large: use one between -2^63 and 2^63-1")
    texts = [turn.feedback, turn.reply, turn.prompt, turn.negative]
    texts += [text for item in turn.exclusions for text in (item.term, item.source, item.words)]
    if any("\0" in text for text in texts):
        raise InvalidInputError("the text has a NUL character: remove it and try again")


def lock_session(db: Session, session_id: str) -> None:
    """Lock the session against other writers until the transaction ends. Raises `UnknownSessionError`."""
    query = select(SessionRow.id).where(SessionRow.id == check_session_id(session_id)).with_for_update()
    if db.scalar(query) is None:
        raise unknown_session(session_id)


def check_session_id(session_id: str) -> str:
    """Return the id, or raise `UnknownSessionError` if a database cannot store it."""
    if "\0" in session_id:
        raise unknown_session(session_id)
    return session_id


def unknown_session(session_id: str) -> UnknownSessionError:
    return UnknownSessionError(f"no session “{session_id}”: see notthat sessions")


def find_turn(db: Session, session_id: str, number: int | None = None) -> TurnRow:
    """The row of a turn with its exclusions, by default the head. Raises if there is no such turn or session."""
    head = select(SessionRow.head).where(SessionRow.id == check_session_id(session_id)).scalar_subquery()
    if number is None or number in _NUMBERS:
        query = select_turns(session_id).where(TurnRow.number == (head if number is None else number))
        if turn := db.scalars(query).first():
            return turn
    raise _unknown_turn(db, session_id, number)


def require_turn(db: Session, session_id: str, number: int) -> None:
    """Raise `UnknownTurnError` if the session has no such turn."""
    query = select(TurnRow.id).where(TurnRow.session_id == session_id, TurnRow.number == number)
    if number not in _NUMBERS or db.scalar(query) is None:
        raise _unknown_turn(db, session_id, number)


def _unknown_turn(db: Session, session_id: str, number: int | None) -> UnknownSessionError | UnknownTurnError:
    head = db.scalar(select(SessionRow.head).where(SessionRow.id == session_id))
    if head is None:
        return unknown_session(session_id)
    newest = newest_number(db, session_id)
    existing = "only turn 0" if newest == 0 else f"turns 0 to {newest}"
    return UnknownTurnError(
        f"no turn {head if number is None else number} in session “{session_id}”: it has {existing}"
    )


def select_turns(session_id: str) -> Select[TurnRow]:
    """A query for the session's turns with their exclusions."""
    return select(TurnRow).where(TurnRow.session_id == session_id).options(selectinload(TurnRow.exclusions))


@cache
def _path_query() -> Select[TurnRow]:
    """A query for the path from the first turn of `:session_id` to turn `:number`; at most the `:last` turns.

    Cached, because SQLAlchemy takes longer to build it than the database takes to run it.
    """
    session_id: BindParameter[str] = bindparam("session_id")
    path = (
        select(TurnRow.number, TurnRow.parent, literal(1).label("length"))
        .where(TurnRow.session_id == session_id, TurnRow.number == bindparam("number"))
        .cte("path", recursive=True)
    )
    parent = aliased(TurnRow)
    path = path.union_all(
        select(parent.number, parent.parent, path.c.length + 1).where(
            parent.session_id == session_id,
            parent.number == path.c.parent,
            path.c.length < bindparam("last", type_=Integer),
        )
    )
    turns = select(TurnRow).where(TurnRow.session_id == session_id).options(selectinload(TurnRow.exclusions))
    return turns.join(path, TurnRow.number == path.c.number).order_by(TurnRow.number)  # parents have lower numbers


def load_path(db: Session, session_id: str, number: int, last: int) -> Sequence[TurnRow]:
    """The rows of the path from the first turn to turn `number`, in order; at most the `last` turns."""
    if number in _NUMBERS:
        parameters = {"session_id": check_session_id(session_id), "number": number, "last": min(last, _NUMBERS[-1])}
        if rows := db.scalars(_path_query(), parameters).all():
            return rows
    raise _unknown_turn(db, session_id, number)


def newest_number(db: Session, session_id: str) -> int:
    """The highest number of a turn with a picture, or -1."""
    newest = db.scalar(select(func.max(TurnRow.number)).where(TurnRow.session_id == session_id))
    return -1 if newest is None else newest


@cache
def _numbers_query() -> Select[bool, int | None, int | None]:
    """Whether session `:session_id` exists, and the highest numbers of its finished and of its pending turns."""
    session_id: BindParameter[str] = bindparam("session_id")
    done = select(func.max(TurnRow.number)).where(TurnRow.session_id == session_id)
    pending = select(func.max(AttemptRow.number)).where(
        AttemptRow.session_id == session_id, AttemptRow.status == "pending"
    )
    is_there = exists().where(SessionRow.id == session_id)
    return select(is_there, done.scalar_subquery(), pending.scalar_subquery())


def free_number(db: Session, session_id: str) -> int:
    """The next free turn number, above all finished and pending turns. Raises `UnknownSessionError`."""
    is_there, *taken = db.execute(_numbers_query(), {"session_id": check_session_id(session_id)}).one()
    if not is_there:
        raise unknown_session(session_id)
    return max((number for number in taken if number is not None), default=-1) + 1


def next_place(db: Session, session_id: str) -> tuple[int, int]:
    """The next turn's number and its probable parent: the head, or turn 0 while the first turn is pending.

    Locks the session or its pending first turn, so that concurrent callers get different numbers. Raises
    `UnknownSessionError` if neither exists.
    """
    head = _lock_head(db, session_id)
    if head is None and _lock_pending_start(db, session_id):
        attempts = select(func.max(AttemptRow.number)).where(AttemptRow.session_id == session_id)
        return (db.scalar(attempts.where(AttemptRow.status == "pending")) or 0) + 1, 0
    if head is None:  # the first turn may have finished while this waited for the lock
        head = _lock_head(db, session_id)
    if head is None:
        raise unknown_session(session_id)
    return free_number(db, session_id), head


def _lock_head(db: Session, session_id: str) -> int | None:
    """Lock the session and return the number of its head; None if there is no session."""
    session = select(SessionRow.head).where(SessionRow.id == check_session_id(session_id))
    return db.scalar(session.with_for_update())


def _lock_pending_start(db: Session, session_id: str) -> bool:
    """Whether the session's first turn is pending; locks its row."""
    starts = (AttemptRow.session_id == session_id, AttemptRow.parent.is_(None), AttemptRow.status == "pending")
    rows = select(AttemptRow.id).where(*starts).order_by(AttemptRow.id).with_for_update()
    return db.scalars(rows).first() is not None


def activity(db: Session, session_ids: Sequence[str]) -> dict[str, str]:
    """A text for each of these sessions that changes with its turns, its head and its question."""
    newest = select(func.max(TurnRow.number)).where(TurnRow.session_id == SessionRow.id).scalar_subquery()
    heads = select(SessionRow.id, SessionRow.head, newest)
    pending = select(
        AttemptRow.session_id, AttemptRow.id, AttemptRow.status, AttemptRow.number, AttemptRow.command.is_(None)
    ).order_by(AttemptRow.id)
    questions = select(QuestionRow.session_id, QuestionRow.id)
    states: dict[str, list[Any]] = {}
    for first in range(0, len(session_ids), _MOST_PARAMETERS):
        ids = session_ids[first : first + _MOST_PARAMETERS]
        for session_id, *values in db.execute(heads.where(SessionRow.id.in_(ids))):
            states.setdefault(session_id, []).append(values)
        for session_id, *values in db.execute(pending.where(AttemptRow.session_id.in_(ids))):
            states.setdefault(session_id, []).append(values)
        for session_id, *values in db.execute(questions.where(QuestionRow.session_id.in_(ids))):
            states.setdefault(session_id, []).append(values)
    return {session_id: repr(values) for session_id, values in states.items()}


def insert_alias(db: Session, session_id: str, number: int, turn: int) -> None:
    """Make `number`, and all aliases of `number`, aliases of `turn`.

    Does nothing if `number` is the number of a finished turn.
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
    """The turn that `number` is an alias of, or None."""
    if number not in _NUMBERS or "\0" in session_id:
        return None
    row = db.get(TurnAliasRow, (session_id, number))
    return None if row is None else row.turn


def renumber_turn(turn: NewTurn, number: int) -> NewTurn:
    """The turn with another number; its new exclusions get that number too."""
    if number == turn.number:
        return turn
    exclusions = tuple(replace(item, since=number) if item.since == turn.number else item for item in turn.exclusions)
    return replace(turn, number=number, exclusions=exclusions)


def insert_session(db: Session, session_id: str, start: SessionStart, created_at: datetime, head: int = 0) -> None:
    """Insert the row of a session. The caller inserts the rows of its turns."""
    values = {**asdict(start), "policies": list(start.policies), "created_at": created_at, "head": head}
    db.connection().execute(insert(SessionRow), {"id": session_id, **values})


def insert_turn(
    db: Session, session_id: str, turn: NewTurn, sha256: str, created_at: datetime
) -> tuple[Row[Any], list[Row[Any]]]:
    """Insert the rows of a finished turn and its exclusions, and return them."""
    values: dict[str, Any] = {name: getattr(turn, name) for name in _TURN_COLUMNS}
    values |= {"session_id": session_id, "created_at": created_at, "image": sha256, "edits": list(turn.edits)}
    turns, exclusions = TurnRow.__table__, ExclusionRow.__table__
    connection = db.connection()
    row = connection.execute(insert(TurnRow).returning(*turns.c), values).one()
    if not turn.exclusions:
        return row, []
    values_by_position = [{"turn_id": row.id, "position": k, **asdict(item)} for k, item in enumerate(turn.exclusions)]
    exclusion_rows = connection.execute(insert(ExclusionRow).returning(*exclusions.c), values_by_position)
    return row, sorted(exclusion_rows, key=lambda exclusion_row: exclusion_row.position)


def move_head(db: Session, session_id: str, number: int) -> None:
    """Make turn `number` the head of the session, and close its question. Raises `UnknownSessionError`."""
    statement = update(SessionRow).where(SessionRow.id == session_id).values(head=number)
    if db.connection().execute(statement).rowcount == 0:
        raise unknown_session(session_id)
    delete_question(db, session_id)


def delete_question(db: Session, session_id: str) -> None:
    """Delete the question of a session, if it has one."""
    db.execute(delete(QuestionRow).where(QuestionRow.session_id == session_id))


def to_turn_record(
    row: TurnRow | Row[Any], exclusions: Iterable[ExclusionRow | Row[Any]], images: ImageStore
) -> TurnRecord:
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
    """The record of a session, with its number of turns and the prompt and picture of its head."""
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
        verification=row.verification,
        pins=tuple(row.pins or ()),
    )


def to_key_record(row: KeyRow) -> KeyRecord:
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
    """A pending turn as JSON; the inverse of `load_turn`."""
    return asdict(turn)


def load_turn(value: dict[str, Any]) -> NewTurn:
    """The pending turn from the JSON of `dump_turn`."""
    exclusions = tuple(ExclusionRecord(**item) for item in value["exclusions"])
    return NewTurn(**{**value, "edits": tuple(value["edits"]), "exclusions": exclusions})


def start_as_json(start: SessionStart) -> dict[str, Any]:
    """The options of a new session as JSON, for its pending first turn."""
    return {**asdict(start), "policies": list(start.policies)}


def to_attempt(row: AttemptRow | Row[Any]) -> Attempt:
    """The record of a pending, failed or cancelled turn."""
    start = row.session
    return Attempt(
        id=row.id,
        session=row.session_id,
        status=cast(Status, row.status),
        reason=row.reason,
        created_at=row.created_at,
        turn=load_turn(row.turn),
        start=SessionStart(**{**start, "policies": tuple(start["policies"])}) if start else None,
        receipt=IdempotencyKey(**row.receipt) if row.receipt else None,
        command=row.command,
        refused=row.refused,
        claim=row.owner,
    )


def utc_now() -> datetime:
    return datetime.now(UTC)

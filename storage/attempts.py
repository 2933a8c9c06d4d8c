"""Turns on their way to a picture: recorded before they are drawn, and ended whatever happens.

attempt = store.attempts.begin(session, turn)         # pending: a crash loses the picture, not the words
kept = store.attempts.finish(attempt, picture, text, seconds)   # or: end(attempt, "failed", reason)
"""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Literal

from PIL.Image import Image
from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Delete,
    Update,
    bindparam,
    delete,
    insert,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from ..errors import InvalidInputError
from . import owners, receipts, rows
from .database import Database
from .errors import LostTurnError, UnknownSessionError
from .models import AttemptRow, SessionRow, TurnRow
from .records import Attempt, NewTurn, Receipt, SessionStart, TurnRecord

Insert = Callable[[Session, str, NewTurn, str, Image, Mapping[str, str]], TurnRecord]
"""Adds a finished turn's rows to a session in an open transaction and moves the head to it."""

_GONE = "interrupted: the process that drew it ended before the picture was there"

_MOST_AT_ONCE = 100
"""Turns of one session that may be drawn at the same time and be told of each other."""


@dataclass(frozen=True)
class Meanwhile:
    """What happened to a session while one of its turns was drawn: numbers of other turns."""

    done: tuple[int, ...]
    pending: tuple[int, ...]


@cache
def _others() -> CompoundSelect[int, bool]:
    """Numbers of a session's turns but `:number`: those done after `:begun`, and those being drawn but `:id`."""
    session_id: BindParameter[str] = bindparam("session_id")
    done = select(TurnRow.number, literal(True).label("is_done")).where(
        TurnRow.session_id == session_id,
        TurnRow.number >= bindparam("since"),
        TurnRow.number != bindparam("number"),
        TurnRow.created_at >= bindparam("begun"),
    )
    pending = select(AttemptRow.number, literal(False)).where(
        AttemptRow.session_id == session_id, AttemptRow.status == "pending", AttemptRow.id != bindparam("id")
    )
    return union_all(done, pending)


def new_session_id() -> str:
    """An id that nobody can guess."""
    return secrets.token_hex(8)


class Attempts:
    """The turns of a store that have no picture: `pending`, `failed` or `cancelled`."""

    def __init__(
        self,
        database: Database,
        save: Callable[[Image, Mapping[str, str]], str],
        insert: Insert,
        discard: Callable[[Collection[str]], object],
    ) -> None:
        self._database = database
        self._save = save
        self._insert = insert
        self._discard = discard

    def begin_session(
        self, start: SessionStart, turn: NewTurn, session_id: str | None = None, receipt: Receipt | None = None
    ) -> Attempt:
        """Record the first turn of a new session, which will be there when its picture is.

        `session_id` is one of `new_session_id`, for those who have to know it before.
        """
        if turn.number != 0 or turn.parent is not None:
            raise InvalidInputError("the first turn of a session has number 0 and no parent")
        rows.check(turn)
        with self._database.writing() as db:
            return self._record(db, session_id or new_session_id(), turn, start, receipt)

    def begin(self, session_id: str, turn: NewTurn, receipt: Receipt | None = None) -> Attempt:
        """Record a turn that is about to be drawn, under a number that no other turn has or is drawn for.

        That is `turn.number`, unless another process was faster; then the exclusions that this turn
        brings are given the new number as well.
        """
        if turn.parent is None:
            raise InvalidInputError("every turn but a session's first grows from another: name its parent")
        rows.check(turn)
        with self._database.writing() as db:
            rows.lock_session(db, session_id)
            rows.require_turn(db, session_id, turn.parent)
            number = rows.free_number(db, session_id)
            return self._record(db, session_id, rows.renumbered(turn, number), None, receipt)

    def finish(self, attempt: Attempt, picture: Image, text: Mapping[str, str], seconds: float) -> TurnRecord:
        """Keep the turn with its picture, and make it the session's head: all of it, or nothing.

        The picture is on disk, with `text` as its PNG's text chunks, before the turn's row names it. Where the
        session was deleted meanwhile, no picture stays behind.
        """
        sha256 = self._save(picture, text)
        try:
            with self._database.writing() as db:
                self._take(db, delete(AttemptRow), attempt)
                if attempt.start is not None:
                    rows.insert_session(db, attempt.session, attempt.start, attempt.created_at)
                receipts.keep(db, attempt.receipt, attempt.session, attempt.turn.number)
                return self._insert(db, attempt.session, replace(attempt.turn, seconds=seconds), sha256, picture, text)
        except (LostTurnError, UnknownSessionError):
            self._discard([sha256])
            raise

    def end(self, attempt: Attempt, status: Literal["failed", "cancelled"], reason: str) -> None:
        """Record that the turn came to no picture, and why; it can be begun again."""
        with self._database.writing() as db:
            ended = update(AttemptRow).values(status=status, reason=" ".join(reason.split()))
            self._take(db, ended, attempt)

    def again(self, session_id: str, number: int | None = None) -> Attempt:
        """Begin a turn once more that came to no picture: by default the session's latest.

        Raises `InvalidInputError` when there is none, or it is being drawn right now.
        """
        asked = select(AttemptRow).where(AttemptRow.session_id == session_id).order_by(AttemptRow.id.desc())
        if number is not None:
            asked = asked.where(AttemptRow.number == number)
        with self._database.writing() as db:
            found = db.scalars(asked.with_for_update()).all()
            row = next((each for each in found if each.status != "pending" or owners.is_gone(each.owner)), None)
            if row is None:
                raise InvalidInputError(self._nothing_to_retry(session_id, number, pending=bool(found)))
            turn = rows.turn_from_json(row.turn)
            if turn.parent is not None:
                rows.lock_session(db, session_id)
                turn = rows.renumbered(turn, rows.free_number(db, session_id))
            row.turn, row.number = rows.turn_as_json(turn), turn.number
            row.status, row.reason, row.owner, row.created_at = "pending", "", owners.me(), rows.now()
            db.flush()
            return rows.attempt_record(row)

    def all(self, session_id: str | None = None) -> list[Attempt]:
        """Every turn without a picture, of one session or of all, in order of their beginnings."""
        asked = select(AttemptRow).order_by(AttemptRow.id)
        if session_id is not None:
            asked = asked.where(AttemptRow.session_id == session_id)
        with self._database.reading() as db:
            return [rows.attempt_record(row) for row in db.scalars(asked)]

    def mark_interrupted(self) -> int:
        """Mark as failed what processes left pending that are no longer there; how many turns those are.

        Another host's processes count as alive.
        """
        pending = select(AttemptRow).where(AttemptRow.status == "pending")
        with self._database.reading() as db:
            if not any(owners.is_gone(row.owner) for row in db.scalars(pending)):
                return 0
        with self._database.writing() as db:
            gone = [row for row in db.scalars(pending.with_for_update()) if owners.is_gone(row.owner)]
            for row in gone:
                row.status, row.reason = "failed", _GONE
            return len(gone)

    def meanwhile(self, attempt: Attempt) -> Meanwhile:
        """The session's other turns that were finished since this one was begun, and those being drawn now."""
        asked = {
            "session_id": attempt.session,
            "number": attempt.turn.number,
            "since": attempt.turn.number - _MOST_AT_ONCE,  # a long session isn't read from its beginning
            "begun": attempt.created_at,
            "id": attempt.id,
        }
        with self._database.reading() as db:
            others = sorted((number, is_done) for number, is_done in db.execute(_others(), asked))
        return Meanwhile(
            tuple(number for number, is_done in others if is_done),
            tuple(number for number, is_done in others if not is_done),
        )

    def _record(
        self, db: Session, session_id: str, turn: NewTurn, start: SessionStart | None, receipt: Receipt | None
    ) -> Attempt:
        values = {
            "session_id": session_id,
            "number": turn.number,
            "parent": turn.parent,
            "status": "pending",
            "reason": "",
            "owner": owners.me(),
            "created_at": rows.now(),
            "session": None if start is None else {**asdict(start), "policies": list(start.policies)},
            "turn": rows.turn_as_json(turn),
            "receipt": None if receipt is None else asdict(receipt),
        }
        added = insert(AttemptRow).returning(*AttemptRow.__table__.c)
        return rows.attempt_record(db.connection().execute(added, values).one())

    def _take(self, db: Session, change: Delete | Update, attempt: Attempt) -> None:
        """Delete or change the attempt's row, which is still pending and still this process's, or raise."""
        mine = AttemptRow.id == attempt.id, AttemptRow.status == "pending", AttemptRow.owner == owners.me()
        if db.connection().execute(change.where(*mine)).rowcount == 0:
            if db.get(AttemptRow, attempt.id) is None and db.get(SessionRow, attempt.session) is None:
                raise rows.unknown_session(attempt.session)
            raise LostTurnError(f"turn {attempt.turn.number} of session “{attempt.session}” was taken over: try again")

    def _nothing_to_retry(self, session_id: str, number: int | None, *, pending: bool) -> str:
        which = "no turn" if number is None else f"no turn {number}"
        if pending:
            return f"{which} of session “{session_id}” can be retried: it is being drawn right now"
        return f"{which} of session “{session_id}” is without a picture: there is nothing to retry"

"""Turns on their way to a picture: recorded before they are drawn, and ended whatever happens.

attempt = store.attempts.begin(session, turn)         # pending: a crash loses the picture, not the words
kept = store.attempts.finish(attempt, picture, text, seconds)   # or: end(attempt, "failed", reason)
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

from PIL.Image import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..errors import InvalidInputError
from . import owners, receipts, rows
from .database import Database
from .errors import StorageError
from .models import AttemptRow, SessionRow, TurnRow
from .records import Attempt, NewTurn, Receipt, SessionStart, TurnRecord

Insert = Callable[[Session, SessionRow, NewTurn, str, Image, Mapping[str, str]], TurnRecord]
"""Adds a finished turn's rows in an open transaction and moves the head to it."""

_GONE = "interrupted: the process that drew it ended before the picture was there"

_MOST_AT_ONCE = 100
"""Turns of one session that may be drawn at the same time and be told of each other."""


@dataclass(frozen=True)
class Meanwhile:
    """What happened to a session while one of its turns was drawn: numbers of other turns."""

    done: tuple[int, ...]
    pending: tuple[int, ...]


def new_session_id() -> str:
    """An id that nobody can guess."""
    return secrets.token_hex(8)


class Attempts:
    """The turns of a store that have no picture: `pending`, `failed` or `cancelled`."""

    def __init__(self, database: Database, save: Callable[[Image, Mapping[str, str]], str], insert: Insert) -> None:
        self._database = database
        self._save = save
        self._insert = insert

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
            session = rows.find_session(db, session_id, for_update=True)
            rows.require_turn(db, session, turn.parent)
            number = rows.free_number(db, session_id)
            return self._record(db, session_id, rows.renumbered(turn, number), None, receipt)

    def finish(self, attempt: Attempt, picture: Image, text: Mapping[str, str], seconds: float) -> TurnRecord:
        """Keep the turn with its picture, and make it the session's head: all of it, or nothing.

        The picture is on disk, with `text` as its PNG's text chunks, before the turn's row names it.
        """
        sha256 = self._save(picture, text)
        with self._database.writing() as db:
            row = self._mine(db, attempt)
            if attempt.start is None:
                session = rows.find_session(db, attempt.session, for_update=True)
            else:
                session = SessionRow(
                    id=attempt.session,
                    created_at=attempt.created_at,
                    model=attempt.start.model,
                    policies=list(attempt.start.policies),
                    head=0,
                    owner=attempt.start.owner,
                )
                db.add(session)
            db.delete(row)
            receipts.keep(db, attempt.receipt, attempt.session, attempt.turn.number)
            db.flush()
            return self._insert(db, session, replace(attempt.turn, seconds=seconds), sha256, picture, text)

    def end(self, attempt: Attempt, status: Literal["failed", "cancelled"], reason: str) -> None:
        """Record that the turn came to no picture, and why; it can be begun again."""
        with self._database.writing() as db:
            row = self._mine(db, attempt)
            row.status, row.reason = status, " ".join(reason.split())

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
                rows.find_session(db, session_id, for_update=True)
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
        number = attempt.turn.number
        done = select(TurnRow.number).where(
            TurnRow.session_id == attempt.session,
            TurnRow.number >= number - _MOST_AT_ONCE,  # a long session isn't read from its beginning
            TurnRow.number != number,
            TurnRow.created_at >= attempt.created_at,
        )
        pending = select(AttemptRow.number).where(
            AttemptRow.session_id == attempt.session, AttemptRow.status == "pending", AttemptRow.id != attempt.id
        )
        with self._database.reading() as db:
            return Meanwhile(tuple(sorted(db.scalars(done))), tuple(sorted(db.scalars(pending))))

    def _record(
        self, db: Session, session_id: str, turn: NewTurn, start: SessionStart | None, receipt: Receipt | None
    ) -> Attempt:
        row = AttemptRow(
            session_id=session_id,
            number=turn.number,
            parent=turn.parent,
            status="pending",
            reason="",
            owner=owners.me(),
            created_at=rows.now(),
            session=None if start is None else {**asdict(start), "policies": list(start.policies)},
            turn=rows.turn_as_json(turn),
            receipt=None if receipt is None else asdict(receipt),
        )
        db.add(row)
        db.flush()
        return rows.attempt_record(row)

    def _mine(self, db: Session, attempt: Attempt) -> AttemptRow:
        row = db.get(AttemptRow, attempt.id, with_for_update=True)
        if row is None or row.status != "pending" or row.owner != owners.me():
            raise StorageError(f"turn {attempt.turn.number} of session “{attempt.session}” was taken over: try again")
        return row

    def _nothing_to_retry(self, session_id: str, number: int | None, *, pending: bool) -> str:
        which = "no turn" if number is None else f"no turn {number}"
        if pending:
            return f"{which} of session “{session_id}” can be retried: it is being drawn right now"
        return f"{which} of session “{session_id}” is without a picture: there is nothing to retry"

"""Open questions: at most one for each session, about the picture of one turn.

A question is closed when the session's head moves. A turn that answers it claims it while it is pending: if that turn
comes to no picture, the question is open again.
"""

import secrets
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from . import queries
from .engine import Database
from .errors import QuestionClosedError
from .records import NewQuestion, OpenQuestionRecord, QuestionRecord
from .tables import QuestionRow

IsPending = Callable[[Session, int], bool]
"""Whether an attempt of this id is being drawn."""


class Questions:
    """The open questions of a store's sessions."""

    def __init__(self, database: Database, is_pending: IsPending) -> None:
        self._database, self._is_pending = database, is_pending

    def find(self, session_id: str) -> OpenQuestionRecord | None:
        """The open question of a session; None where there is none, or where a pending turn answers it."""
        with self._database.read_session() as db:
            return self.find_open(db, session_id)

    def replace(self, session_id: str, old: str | None, new: NewQuestion | None) -> None:
        """Close the question of the id `old` and open `new`; see `replace_open`."""
        with self._database.write_session() as db:
            queries.lock_session(db, session_id)
            self.replace_open(db, session_id, old, new)

    def find_open(self, db: Session, session_id: str) -> OpenQuestionRecord | None:
        """The open question of a session, in an open transaction."""
        row = db.get(QuestionRow, queries.check_session_id(session_id))
        if row is None or self._is_claimed(db, row):
            return None
        return OpenQuestionRecord(
            id=row.id, session=row.session_id, turn=row.turn, question=load_question(row.question), context=row.context
        )

    def claim(self, db: Session, session_id: str, question: str, attempt_id: int) -> None:
        """Let a pending turn answer a question, in an open transaction.

        Raises:
            QuestionClosedError: where it is closed, or another pending turn answers it.
        """
        self._require_open(db, session_id, question).answered_by = attempt_id
        db.flush()

    def replace_open(self, db: Session, session_id: str, old: str | None, new: NewQuestion | None) -> None:
        """Close a question and open another one, in an open transaction; either may be None.

        Raises:
            QuestionClosedError: where `old` is closed, or a pending turn answers it.
        """
        if old is not None:
            self._require_open(db, session_id, old)
        if old is not None or new is not None:
            queries.delete_question(db, session_id)
        if new is None:
            return
        queries.require_turn(db, session_id, new.turn)
        db.add(
            QuestionRow(
                session_id=session_id,
                id=secrets.token_hex(8),
                turn=new.turn,
                created_at=queries.utc_now(),
                question=asdict(new.question),
                context=new.context,
            )
        )
        db.flush()

    def _require_open(self, db: Session, session_id: str, question: str) -> QuestionRow:
        row = db.get(QuestionRow, session_id, with_for_update=True, populate_existing=True)
        if row is None or row.id != question or self._is_claimed(db, row):
            raise QuestionClosedError("the question was answered meanwhile: look at the session again")
        return row

    def _is_claimed(self, db: Session, row: QuestionRow) -> bool:
        return row.answered_by is not None and self._is_pending(db, row.answered_by)


def load_question(value: dict[str, Any]) -> QuestionRecord:
    """The question from the JSON of its row."""
    return QuestionRecord(
        text=value["text"],
        edits=tuple(value["edits"]),
        otherwise=tuple(value["otherwise"]),
        choose=value["choose"],
    )

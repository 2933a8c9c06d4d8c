"""Pending turns: recorded before they are drawn, and always ended as finished, failed or cancelled.

attempt = store.attempts.record(session, "no fog", command)     # pending: a crash loses the picture, not the words
attempt = store.attempts.prepare(attempt, turn)                 # once the words are interpreted
kept = store.attempts.finish(attempt, picture, text, seconds)   # or: end(attempt, "failed", reason)

`begin` is `record` and `prepare` in one, for words that are interpreted already.

On PostgreSQL, transactions lock rows of attempts first, in order of their ids, then the session.
"""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

from PIL.Image import Image
from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Delete,
    Update,
    bindparam,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from ..errors import InvalidInputError
from . import drawn_turns, idempotency, process_owner, queries
from .engine import Database
from .errors import AlreadyRequestedError, LostTurnError, UnknownSessionError
from .images import ImageStore
from .leases import HeldTurn, Leases, LeaseTimes, OnLost
from .picture_files import PictureFile
from .questions import Questions
from .records import Attempt, IdempotencyKey, NewQuestion, NewTurn, SessionStart, TurnRecord
from .tables import AttemptRow, SessionRow, TurnEventsRow, TurnRow

Insert = Callable[[Session, str, NewTurn, str, Image, Mapping[str, str]], TurnRecord]
"""Adds a finished turn's rows to a session in an open transaction and moves the head to it."""

_INTERRUPTED = "interrupted: the process that drew it ended or lost its database before the picture was finished"

_QUEUE_LOCK = 0x6E6F747468617401
"""Key of PostgreSQL's advisory lock for the queue: "notthat" in ASCII, and 1."""

_MOST_AT_ONCE = 100
"""How far back, in turn numbers, `other_turns_since` looks."""


@dataclass(frozen=True)
class TurnsSince:
    """Numbers of a session's other turns while one was drawn."""

    done: tuple[int, ...]
    pending: tuple[int, ...]


@cache
def _other_turns_query() -> CompoundSelect[int, bool]:
    """Numbers of a session's other turns than `:number`: finished after `:begun`, or being drawn and not `:id`."""
    session_id: BindParameter[str] = bindparam("session_id")
    done = select(TurnRow.number, literal(True).label("is_done")).where(
        TurnRow.session_id == session_id,
        TurnRow.number >= bindparam("since"),
        TurnRow.number != bindparam("number"),
        TurnRow.created_at >= bindparam("begun"),
    )
    pending = select(AttemptRow.number, literal(False)).where(
        AttemptRow.session_id == session_id,
        AttemptRow.status == "pending",
        AttemptRow.id != bindparam("id"),
        AttemptRow.command.is_(None),  # without those that are not interpreted yet: they may change nothing
    )
    return union_all(done, pending)


def new_session_id() -> str:
    """An id that nobody can guess."""
    return secrets.token_hex(8)


@dataclass(frozen=True)
class WaitingTurn:
    """A turn of any process that has not begun to be drawn. `owner` is the id of the key that owns its session."""

    session: str
    owner: str | None


Admit = Callable[[list[WaitingTurn]], object]
"""Raises where no further turn may wait beside these. Called in the transaction that would record it, one at a time."""


class PendingTurns:
    """The turns of a store that have no picture: `pending`, `failed` or `cancelled`.

    A pending turn is held under a lease, which this store renews until the turn ends; see `leases`. Where the lease
    has run out, the turn counts as failed.
    """

    def __init__(
        self,
        database: Database,
        images: ImageStore,
        insert: Insert,
        discard: Callable[[Collection[PictureFile]], object],
        times: LeaseTimes | None = None,
    ) -> None:
        self._database = database
        self._images = images
        self._discard = discard
        self._insert = insert
        self._leases = Leases(database, times or LeaseTimes())
        self.questions = Questions(database, self._is_pending)
        self.is_resumed = False
        """Whether a server takes over turns whose process is gone (`take_over`): they stay pending until then."""

    def record(
        self,
        session_id: str,
        feedback: str,
        command: dict[str, Any],
        *,
        start: SessionStart | None = None,
        idempotency_key: IdempotencyKey | None = None,
        admit: Admit | None = None,
    ) -> Attempt:
        """Record a command before it is interpreted, under a number that no turn has while this one is pending.

        `command` is JSON for `prepare_recorded` of the agent. With `start`, it begins the session `session_id`;
        otherwise the session exists, or its first turn is pending. `admit` is called on PostgreSQL only.

        Raises:
            AlreadyRequestedError: where a request with this idempotency key is pending or done.
        """
        with self._database.write_session() as db:
            self._lock_queue(db, admit)
            self._require_new(db, idempotency_key)
            self._admit(db, admit)
            number, parent = (0, None) if start else queries.next_place(db, session_id)
            turn = NewTurn(
                number=number,
                parent=parent,
                feedback=feedback,
                edits=(),
                reply="",
                prompt="",
                negative="",
                exclusions=(),
                seed=0,
                request={},
                seconds=0.0,
            )
            queries.check_turn(turn)
            attempt = self._insert_attempt(db, session_id, turn, start, idempotency_key, command)
        return self._held(attempt)

    def prepare(
        self, attempt: Attempt, turn: NewTurn, start: SessionStart | None = None, *, answers: str | None = None
    ) -> Attempt:
        """Give a recorded turn its content once its words are interpreted; `start` replaces that of a first turn.

        It keeps its number, unless its parent has a later one because another process made that turn meanwhile.
        `answers` is the id of the question that it answers; see `Questions.claim`.
        """
        queries.check_turn(turn)
        number = attempt.turn.number
        with self._database.write_session() as db:
            db.execute(select(AttemptRow.id).where(AttemptRow.id == attempt.id).with_for_update())
            if turn.parent is not None:
                queries.lock_session(db, attempt.session)
                queries.require_turn(db, attempt.session, turn.parent)
                if turn.parent >= number:
                    number = queries.free_number(db, attempt.session)
                    queries.insert_alias(db, attempt.session, attempt.turn.number, number)
            start, now = start or attempt.start, queries.utc_now()  # later turns are reported by `other_turns_since`
            turn = queries.renumber_turn(turn, number)
            prepared = replace(attempt, turn=turn, start=start, command=None, created_at=now)
            values = {
                "turn": queries.dump_turn(prepared.turn),
                "number": number,
                "parent": turn.parent,
                "created_at": now,
                "command": null(),
                "session": null() if start is None else queries.start_as_json(start),
            }
            self._claim(db, update(AttemptRow).values(values), attempt)
            if answers is not None:
                self.questions.claim(db, attempt.session, answers, attempt.id)
        return self._held(prepared)

    def settle(
        self,
        attempt: Attempt,
        number: int,
        *,
        moves_head: bool = False,
        answers: str | None = None,
        asks: NewQuestion | None = None,
    ) -> None:
        """Remove a recorded turn that needs no picture: turn `number` answers for it, and for its idempotency key.

        In the same transaction, that turn becomes the session's head with `moves_head`, the question of the id
        `answers` is closed, and the question `asks` is opened.
        """
        with self._database.write_session() as db:
            self._claim(db, delete(AttemptRow), attempt)
            if moves_head or answers is not None or asks is not None:
                queries.lock_session(db, attempt.session)
            self.questions.replace_open(db, attempt.session, answers, asks)
            if moves_head:
                queries.require_turn(db, attempt.session, number)
                queries.move_head(db, attempt.session, number)
            idempotency.save_idempotency_key(db, attempt.receipt, attempt.session, number)
            queries.insert_alias(db, attempt.session, attempt.turn.number, number)
        self._leases.release(attempt.id)

    def drop(self, attempt: Attempt) -> None:
        """Delete a recorded turn that was refused, with its words."""
        with self._database.write_session() as db:
            self._claim(db, delete(AttemptRow), attempt)
        self._leases.release(attempt.id)

    def refuse(self, attempt: Attempt, reason: str) -> None:
        """Keep why a recorded turn was refused: its number was promised, and there is nothing to retry."""
        values = {"status": "failed", "refused": True, "reason": " ".join(reason.split()), "receipt_key": None}
        with self._database.write_session() as db:
            self._claim(db, update(AttemptRow).values(values), attempt)
        self._leases.release(attempt.id)

    def begin_session(
        self,
        start: SessionStart,
        turn: NewTurn,
        session_id: str | None = None,
        idempotency_key: IdempotencyKey | None = None,
    ) -> Attempt:
        """Record the first turn of a new session. The session exists once the turn is finished.

        `session_id` is an id from `new_session_id`, for callers that need it beforehand.
        """
        if turn.number != 0 or turn.parent is not None:
            raise InvalidInputError("the first turn of a session has number 0 and no parent")
        queries.check_turn(turn)
        with self._database.write_session() as db:
            self._require_new(db, idempotency_key)
            attempt = self._insert_attempt(db, session_id or new_session_id(), turn, start, idempotency_key)
        return self._held(attempt)

    def begin(
        self,
        session_id: str,
        turn: NewTurn,
        idempotency_key: IdempotencyKey | None = None,
        *,
        answers: str | None = None,
    ) -> Attempt:
        """Record a turn that is about to be drawn, under a number that no other finished or pending turn has.

        That is `turn.number`, unless another process took it; then the turn's new exclusions get the new number too.
        `answers` is the id of the question that it answers; see `Questions.claim`.
        """
        if turn.parent is None:
            raise InvalidInputError("every turn but a session's first grows from another: name its parent")
        queries.check_turn(turn)
        with self._database.write_session() as db:
            self._require_new(db, idempotency_key)
            queries.lock_session(db, session_id)
            queries.require_turn(db, session_id, turn.parent)
            number = queries.free_number(db, session_id)
            attempt = self._insert_attempt(db, session_id, queries.renumber_turn(turn, number), None, idempotency_key)
            if answers is not None:
                self.questions.claim(db, session_id, answers, attempt.id)
        return self._held(attempt)

    def keep_drawn(self, attempt: Attempt, picture: Image, text: Mapping[str, str], seconds: float) -> Attempt:
        """Keep the picture of a turn that is still to be verified: after a crash, `mark_interrupted` finishes the turn.

        Returns the attempt, which is still pending. Raises as `finish` does.
        """
        turn = replace(attempt.turn, seconds=seconds)
        sha256 = self._images.save(picture, text, turn.request)
        values = {"turn": queries.dump_turn(turn), "drawn": sha256}
        with self._database.write_session() as db:
            self._claim(db, update(AttemptRow).values(values), attempt)
        return replace(attempt, turn=turn, drawn=self._images.path(sha256, turn.request))

    def finish(self, attempt: Attempt, picture: Image, text: Mapping[str, str], seconds: float) -> TurnRecord:
        """Store the turn with its picture and make it the session's head, in one transaction.

        The picture is on disk, with `text` as its PNG's text chunks, before the turn's row refers to it. It is
        deleted again where the turn was lost or the session deleted.
        """
        drawn = attempt.drawn
        sha256 = self._images.save(picture, text, attempt.turn.request, rewrite=drawn is not None)
        try:
            with self._database.write_session() as db:
                self._claim(db, delete(AttemptRow), attempt)
                if attempt.start is not None:
                    queries.insert_session(db, attempt.session, attempt.start, attempt.created_at)
                idempotency.save_idempotency_key(db, attempt.receipt, attempt.session, attempt.turn.number)
                kept = self._insert(db, attempt.session, replace(attempt.turn, seconds=seconds), sha256, picture, text)
        except (LostTurnError, UnknownSessionError):
            self._discard([self._images.path(sha256, attempt.turn.request)])
            raise
        self._leases.release(attempt.id)
        if drawn is not None and drawn != kept.image:  # another try became the turn
            self._discard([drawn])
        return kept

    def end(self, attempt: Attempt, status: Literal["failed", "cancelled"], reason: str) -> None:
        """Record that the turn has no picture, and why; it can be retried.

        Where the database doesn't answer, this raises, and the end is written as soon as it does.
        """
        values = {"status": status, "reason": " ".join(reason.split())}
        try:
            with self._database.write_session() as db:
                self._claim(db, update(AttemptRow).values(**values, receipt_key=None), attempt)
        except BaseException:
            self._leases.write_later(attempt.id, values)
            raise
        self._leases.release(attempt.id)

    def cancel(self, session_id: str, number: int, reason: str) -> bool:
        """Cancel a pending turn of any process, which notices when it renews the lease. False where none is pending."""
        values = {"status": "cancelled", "reason": " ".join(reason.split()), "receipt_key": None}
        pending = (AttemptRow.session_id == session_id, AttemptRow.number == number, AttemptRow.status == "pending")
        with self._database.write_session() as db:
            return db.connection().execute(update(AttemptRow).where(*pending).values(values)).rowcount > 0

    def retry(self, session_id: str, number: int | None = None, *, admit: Admit | None = None) -> Attempt:
        """Start a turn again that has no picture: by default the session's latest. `admit` is as for `record`.

        Raises `InvalidInputError` where there is none, or where it is being drawn right now.
        """
        attempts = (
            select(AttemptRow)
            .where(AttemptRow.session_id == session_id, AttemptRow.refused.is_(False))
            .order_by(AttemptRow.id)
        )
        if number is not None:
            attempts = attempts.where(AttemptRow.number == number)
        with self._database.write_session() as db:
            self._lock_queue(db, admit)
            self._admit(db, admit)
            found = db.scalars(attempts.with_for_update()).all()
            now = self._leases.now(db)
            row = next((row for row in reversed(found) if not self._is_live(row, now)), None)
            if row is None:
                raise InvalidInputError(self._explain_no_retry(session_id, number, pending=bool(found)))
            turn = queries.load_turn(row.turn)
            row.status, row.reason, row.owner, row.receipt_key = "failed", "", process_owner.new_claim(), None
            row.drawn = None
            db.flush()  # its own number is free again
            if turn.parent is not None:
                turn = queries.renumber_turn(turn, queries.next_place(db, session_id)[0])
            if turn.number != row.number:
                queries.insert_alias(db, session_id, row.number, turn.number)
            row.turn, row.number = queries.dump_turn(turn), turn.number
            row.status, row.created_at, row.lease_until = "pending", queries.utc_now(), self._leases.until(db)
            db.flush()
            attempt = queries.to_attempt(row)
        return self._held(attempt)

    def all(self, session_id: str | None = None, *, with_refused: bool = False) -> list[Attempt]:
        """Every turn without a picture, of one session or of all, in the order they were recorded.

        Refused ones are among them only `with_refused`.
        """
        asked = select(AttemptRow).order_by(AttemptRow.id)
        if not with_refused:
            asked = asked.where(AttemptRow.refused.is_(False))
        if session_id is not None:
            asked = asked.where(AttemptRow.session_id == session_id)
        with self._database.read_session() as db:
            now = self._leases.now(db)
            return [self._as_it_stands(row, now) for row in db.scalars(asked)]

    def alias(self, session_id: str, number: int) -> int | None:
        """The turn that answers for a number that was promised and is no turn's; None where there is none."""
        with self._database.read_session() as db:
            return queries.find_alias(db, session_id, number)

    def mark_interrupted(self, grace: float = 0.0) -> int:
        """Mark pending turns as failed whose process is gone or whose lease has run out; returns how many.

        With a `grace` in seconds, only those whose lease ran out so long ago, so that a server can take them over.

        Those whose picture was drawn and not yet verified are finished with it instead.
        """
        pending = select(AttemptRow).where(AttemptRow.status == "pending").order_by(AttemptRow.id)
        with self._database.read_session() as db:
            now = self._leases.now(db)
            if all(self._is_live(row, now, grace) for row in db.scalars(pending)):
                return 0
        with self._database.write_session() as db:
            now = self._leases.now(db)
            interrupted = [row for row in db.scalars(pending.with_for_update()) if not self._is_live(row, now, grace)]
            lost = [row for row in interrupted if not drawn_turns.finish(db, row, self._images)]
            for row in lost:
                _mark_interrupted(row)
            return len(lost)

    def take_over(self, limit: int) -> list[Attempt]:
        """Claim up to `limit` pending turns whose process is gone or whose lease has run out, to draw them here.

        A turn whose picture was drawn and not yet verified is finished with it instead.
        """
        pending = select(AttemptRow).where(AttemptRow.status == "pending").order_by(AttemptRow.id)
        with self._database.read_session() as db:
            now = self._leases.now(db)
            ids = [row.id for row in db.scalars(pending) if self._is_left(row, now)]
        if not ids:
            return []
        with self._database.write_session() as db:
            now = self._leases.now(db)
            locked = pending.where(AttemptRow.id.in_(ids)).with_for_update(skip_locked=True)
            left = [row for row in db.scalars(locked) if self._is_left(row, now)]
            lost = [row for row in left if not drawn_turns.finish(db, row, self._images)][:limit]
            for row in lost:
                row.owner, row.lease_until, row.drawn = process_owner.new_claim(row.owner), self._leases.until(db), None
            db.flush()
            attempts = [queries.to_attempt(row) for row in lost]
        return [self._held(attempt) for attempt in attempts]

    def other_turns_since(self, attempt: Attempt) -> TurnsSince:
        """The session's other turns: finished since this one was begun, or being drawn now."""
        asked = {
            "session_id": attempt.session,
            "number": attempt.turn.number,
            "since": attempt.turn.number - _MOST_AT_ONCE,  # a long session isn't read from its beginning
            "begun": attempt.created_at,
            "id": attempt.id,
        }
        with self._database.read_session() as db:
            others = sorted((number, is_done) for number, is_done in db.execute(_other_turns_query(), asked))
        return TurnsSince(
            tuple(number for number, is_done in others if is_done),
            tuple(number for number, is_done in others if not is_done),
        )

    def on_lost(self, call: OnLost) -> None:
        """Call this with the session and the number of each turn that another process cancels or takes over."""
        self._leases.on_lost = call

    def close(self) -> None:
        """Stop renewing leases."""
        self._leases.close()

    def _insert_attempt(
        self,
        db: Session,
        session_id: str,
        turn: NewTurn,
        start: SessionStart | None,
        idempotency_key: IdempotencyKey | None,
        command: dict[str, Any] | None = None,
    ) -> Attempt:
        values = {
            "session_id": session_id,
            "number": turn.number,
            "parent": turn.parent,
            "status": "pending",
            "reason": "",
            "owner": process_owner.new_claim(),
            "created_at": queries.utc_now(),
            "session": None if start is None else queries.start_as_json(start),
            "turn": queries.dump_turn(turn),
            "receipt": None if idempotency_key is None else asdict(idempotency_key),
            "receipt_key": None if idempotency_key is None else idempotency_key.key,
            "command": command,
            "refused": False,
            "lease_until": self._leases.until(db),
        }
        added = insert(AttemptRow).returning(*AttemptRow.__table__.c)
        return queries.to_attempt(db.connection().execute(added, values).one())

    def _held(self, attempt: Attempt) -> Attempt:
        """The attempt, whose lease is renewed from now on."""
        self._leases.hold(HeldTurn(attempt.id, attempt.session, attempt.turn.number, attempt.claim))
        return attempt

    def _require_new(self, db: Session, idempotency_key: IdempotencyKey | None) -> None:
        """Raise `AlreadyRequestedError` where a request with this key is pending or done.

        A pending turn with this key that nobody works on any more is marked as failed, so that it can't be finished
        beside the new one.
        """
        if idempotency_key is None:
            return
        if not self._database.is_sqlite:  # SQLite's writers wait for each other anyway
            db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(idempotency_key.key, 0))))
        # Pending turns come first: a turn that is finished between the two queries is found by the second one.
        attempts = select(AttemptRow).where(AttemptRow.receipt_key == idempotency_key.key).order_by(AttemptRow.id)
        rows = db.scalars(attempts.with_for_update()).all()
        idempotency.require_new(db, idempotency_key)
        now = self._leases.now(db)
        for row in rows:
            if (self.is_resumed or self._is_live(row, now)) and row.receipt is not None:
                raise AlreadyRequestedError(row.session_id, row.number, row.receipt["fingerprint"])
            _mark_interrupted(row)
        db.flush()

    def _lock_queue(self, db: Session, admit: Admit | None) -> None:
        """Let one process at a time admit turns. Locked before any row, so that nobody waits for each other."""
        if admit is not None and not self._database.is_sqlite:
            db.execute(select(func.pg_advisory_xact_lock(_QUEUE_LOCK)))

    def _admit(self, db: Session, admit: Admit | None) -> None:
        if admit is None or self._database.is_sqlite:
            return
        of_attempt = TurnEventsRow.attempt_id == AttemptRow.id
        is_drawing = select(TurnEventsRow.log).where(of_attempt, TurnEventsRow.is_drawing)
        waiting = (
            select(AttemptRow.session_id, AttemptRow.session, SessionRow.owner)
            .outerjoin(SessionRow, SessionRow.id == AttemptRow.session_id)
            .where(AttemptRow.status == "pending", ~is_drawing.exists())
        )
        rows = db.execute(waiting).all()
        starts = {session: start["owner"] for session, start, _ in rows if start is not None}
        admit([WaitingTurn(session, starts.get(session, owner)) for session, _, owner in rows])

    def _is_left(self, row: AttemptRow, now: datetime) -> bool:
        return not self._is_live(row, now) and not self._leases.is_held(row.id)

    def _is_pending(self, db: Session, attempt_id: int) -> bool:
        row = db.get(AttemptRow, attempt_id)
        return row is not None and self._is_live(row, self._leases.now(db))

    def _is_live(self, row: AttemptRow, now: datetime, grace: float = 0.0) -> bool:
        if row.status != "pending":
            return False
        within_grace = row.lease_until is not None and now < row.lease_until + timedelta(seconds=grace)
        return (grace > 0 and within_grace) or self._leases.is_live(row.owner, row.lease_until, now)

    def _as_it_stands(self, row: AttemptRow, now: datetime) -> Attempt:
        attempt = queries.to_attempt(row)
        if attempt.status == "pending" and not self.is_resumed and not self._is_live(row, now):
            return replace(attempt, status="failed", reason=_INTERRUPTED)
        return attempt

    def _claim(self, db: Session, change: Delete | Update, attempt: Attempt) -> None:
        """Delete or change the row of an attempt that is pending and held by this claim.

        Raises:
            LostTurnError: where another process cancelled it or took it over.
            UnknownSessionError: where its session was deleted.
        """
        mine = AttemptRow.id == attempt.id, AttemptRow.status == "pending", AttemptRow.owner == attempt.claim
        if db.connection().execute(change.where(*mine)).rowcount > 0:
            return
        row = db.get(AttemptRow, attempt.id)
        if row is None and db.get(SessionRow, attempt.session) is None:
            raise queries.unknown_session(attempt.session)
        is_cancelled = row is not None and row.status == "cancelled"
        reason = "was cancelled: retry it to draw it" if is_cancelled else "was taken over: try again"
        raise LostTurnError(f"turn {attempt.turn.number} of session “{attempt.session}” {reason}")

    def _explain_no_retry(self, session_id: str, number: int | None, *, pending: bool) -> str:
        which = "no turn" if number is None else f"no turn {number}"
        if pending:
            return f"{which} of session “{session_id}” can be retried: it is being drawn right now"
        return f"{which} of session “{session_id}” is without a picture: there is nothing to retry"


def _mark_interrupted(row: AttemptRow) -> None:
    row.status, row.reason, row.receipt_key = "failed", _INTERRUPTED, None

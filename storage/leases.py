"""Leases on pending turns: a turn is being drawn as long as somebody renews its lease.

A store renews the leases of the turns that it holds from a thread of its own, which runs only while it holds any.
A turn whose lease has run out may be taken over by anybody: its process was killed, its host is gone, or its
database could not be reached for longer than a lease lasts.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from . import process_owner, queries
from .engine import Database
from .errors import StorageError
from .tables import AttemptRow

_FARTHEST = timedelta(hours=1)
"""A lease that ends later than this was written before the clock was set back, and is worth nothing."""


@dataclass(frozen=True)
class LeaseTimes:
    """How long leases last, in seconds."""

    seconds: float = 20.0
    """From one renewal to the end of the lease. A crash on another host is noticed after this time."""
    renewal: float = 5.0
    """From one renewal to the next."""


@dataclass(frozen=True)
class HeldTurn:
    """A pending turn that this store holds."""

    id: int
    session: str
    number: int
    claim: str


OnLost = Callable[[str, int], None]
"""Called with the session and the number of a turn that somebody else cancelled or took over."""


class Leases:
    """The leases that one store holds. All methods may be called from any thread."""

    def __init__(self, database: Database, times: LeaseTimes) -> None:
        self._database, self._times = database, times
        self._held: dict[int, HeldTurn] = {}
        self._unwritten: list[tuple[HeldTurn, dict[str, str]]] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.on_lost: OnLost = lambda session, number: None

    def until(self, db: Session) -> datetime:
        """When a lease that begins now ends."""
        return self.now(db) + timedelta(seconds=self._times.seconds)

    def now(self, db: Session) -> datetime:
        """The time on the clock that all who share the database go by."""
        if self._database.is_sqlite:
            return queries.utc_now()
        moment: datetime = db.execute(select(func.clock_timestamp())).scalar_one()
        return moment

    def is_live(self, claim: str, until: datetime | None, now: datetime) -> bool:
        """Whether somebody is at work on the turn with this claim and lease."""
        return until is not None and now < until <= now + _FARTHEST and not process_owner.is_gone(claim)

    def hold(self, turn: HeldTurn) -> None:
        """Renew the turn's lease from now on."""
        with self._lock:
            self._held[turn.id] = turn
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._renew_while_held, name="notthat-leases", daemon=True)
                self._thread.start()

    def release(self, attempt_id: int) -> None:
        """Renew the turn's lease no more."""
        with self._lock:
            self._held.pop(attempt_id, None)

    def write_later(self, attempt_id: int, values: dict[str, str]) -> None:
        """Release a turn whose end could not be written, and write it when the database answers again."""
        with self._lock:
            if (turn := self._held.pop(attempt_id, None)) is not None:
                self._unwritten.append((turn, values))

    def close(self) -> None:
        """Renew nothing any more."""
        self._stopped.set()

    def _renew_while_held(self) -> None:
        while not self._stopped.wait(self._times.renewal):
            lost: list[HeldTurn] = []
            with suppress(StorageError):  # the next round tries again; meanwhile the leases may run out, as they should
                self._write_ends()
                lost = self._renew()
            for turn in lost:
                self._report_loss(turn)
            with self._lock:
                if not self._held and not self._unwritten:
                    self._thread = None
                    return

    def _renew(self) -> list[HeldTurn]:
        """Renew all leases; the turns that another process cancelled or took over."""
        with self._lock:
            held = list(self._held.values())
        if not held:
            return []
        with self._database.write_session() as db:
            pending = (
                select(AttemptRow.id, AttemptRow.owner)
                .where(AttemptRow.id.in_([turn.id for turn in held]), AttemptRow.status == "pending")
                .order_by(AttemptRow.id)  # every writer locks these rows in this order
                .with_for_update()
            )
            claims = {row.id: row.owner for row in db.execute(pending)}
            mine = [turn for turn in held if claims.get(turn.id) == turn.claim]
            if mine:
                ids = [turn.id for turn in mine]
                db.execute(update(AttemptRow).where(AttemptRow.id.in_(ids)).values(lease_until=self.until(db)))
        return [turn for turn in held if turn not in mine]

    def _report_loss(self, turn: HeldTurn) -> None:
        """Tell the listener of a lost turn. What it raises is reported, and doesn't end the renewal of other leases."""
        with self._lock:
            if self._held.get(turn.id) != turn:  # it has ended in the meantime
                return
            del self._held[turn.id]
        try:
            self.on_lost(turn.session, turn.number)
        except Exception as error:
            thread = threading.current_thread()
            threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, thread)))

    def _write_ends(self) -> None:
        while True:
            with self._lock:
                if not self._unwritten:
                    return
                turn, values = self._unwritten[0]
            with self._database.write_session() as db:
                still_mine = (AttemptRow.id == turn.id, AttemptRow.status == "pending", AttemptRow.owner == turn.claim)
                db.execute(update(AttemptRow).where(*still_mine).values(**values, receipt_key=None))
            with self._lock:
                self._unwritten.pop(0)

"""Leases on pending turns: a turn is being processed as long as its lease is renewed.

A store renews the leases of the turns that it holds in a background thread, which runs only while it holds any.
Any process may take over a turn with an expired lease: the owner was killed, its host is gone, or the database was
unreachable for longer than the lease.
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

_LONGEST_LEASE = timedelta(hours=1)
"""A lease that ends later than this was written before the clock was set back, and is treated as expired."""


@dataclass(frozen=True)
class LeaseTimes:
    """Durations in seconds."""

    seconds: float = 20.0
    """Time from a renewal to the end of the lease. A crash on another host is noticed after this time."""
    renewal: float = 5.0
    """Time between renewals."""


@dataclass(frozen=True)
class HeldTurn:
    """A pending turn that this store holds."""

    id: int
    session: str
    number: int
    claim: str


OnLost = Callable[[str, int], None]
"""Callback with the session and number of a turn that another process cancelled or took over."""


class Leases:
    """The leases that a store holds. All methods are thread-safe."""

    def __init__(self, database: Database, times: LeaseTimes) -> None:
        self._database, self._times = database, times
        self._held: dict[int, HeldTurn] = {}
        self._unwritten_results: list[tuple[HeldTurn, dict[str, str]]] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.on_lost: OnLost = lambda session, number: None

    def until(self, db: Session) -> datetime:
        """The end of a lease that starts now."""
        return self.now(db) + timedelta(seconds=self._times.seconds)

    def now(self, db: Session) -> datetime:
        """The current time, by the clock that all users of the database share."""
        if self._database.is_sqlite:
            return queries.utc_now()
        moment: datetime = db.execute(select(func.clock_timestamp())).scalar_one()
        return moment

    def is_live(self, claim: str, until: datetime | None, now: datetime) -> bool:
        """Whether a process holds the turn with this claim and lease."""
        return until is not None and now < until <= now + _LONGEST_LEASE and not process_owner.is_gone(claim)

    def hold(self, turn: HeldTurn) -> None:
        """Renew the turn's lease until `release`."""
        with self._lock:
            self._held[turn.id] = turn
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._renew_while_held, name="notthat-leases", daemon=True)
                self._thread.start()

    def is_held(self, attempt_id: int) -> bool:
        """Whether this store holds the turn, also where its lease has run out because the database was away."""
        with self._lock:
            return attempt_id in self._held

    def release(self, attempt_id: int) -> None:
        """Stop renewing the turn's lease."""
        with self._lock:
            self._held.pop(attempt_id, None)

    def write_later(self, attempt_id: int, values: dict[str, str]) -> None:
        """Release a turn whose result could not be written, and write it when the database is available again."""
        with self._lock:
            if (turn := self._held.pop(attempt_id, None)) is not None:
                self._unwritten_results.append((turn, values))

    def close(self) -> None:
        """Stop renewing leases."""
        self._stopped.set()

    def _renew_while_held(self) -> None:
        while not self._stopped.wait(self._times.renewal):
            lost: list[HeldTurn] = []
            with suppress(StorageError):  # retried in the next round; until then leases may expire
                self._write_results()
                lost = self._renew()
            for turn in lost:
                self._report_loss(turn)
            with self._lock:
                if not self._held and not self._unwritten_results:
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
            owned = [turn for turn in held if claims.get(turn.id) == turn.claim]
            if owned:
                ids = [turn.id for turn in owned]
                db.execute(update(AttemptRow).where(AttemptRow.id.in_(ids)).values(lease_until=self.until(db)))
        return [turn for turn in held if turn not in owned]

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

    def _write_results(self) -> None:
        while True:
            with self._lock:
                if not self._unwritten_results:
                    return
                turn, values = self._unwritten_results[0]
            with self._database.write_session() as db:
                is_owned = (AttemptRow.id == turn.id, AttemptRow.status == "pending", AttemptRow.owner == turn.claim)
                db.execute(update(AttemptRow).where(*is_owned).values(**values, receipt_key=None))
            with self._lock:
                self._unwritten_results.pop(0)

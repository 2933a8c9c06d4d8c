"""The last events of running turns, for servers that share a PostgreSQL database, and their notifications.

The server that draws a turn writes its state to a row and notifies the others, which read it. SQLite has no
notifications: `is_shared` is False there, and servers poll.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from .engine import Database
from .error_translation import translate_errors
from .errors import StorageError
from .tables import AttemptRow, TurnEventsRow

if TYPE_CHECKING:
    import psycopg

_CHANNEL = "notthat"
_LISTEN_SECONDS = 0.5
"""How often the listener looks whether it is to stop."""
_RECONNECT_SECONDS = 1.0


@dataclass(frozen=True)
class TurnState:
    """The state of a running turn as the last of its events of each kind: number, name and JSON."""

    log: str
    """The name of its events; see `Attempt.log`."""
    session: str
    attempt: int
    sequence: int
    """The number of its newest event."""
    is_drawing: bool
    events: tuple[tuple[int, str, dict[str, Any]], ...]


class TurnEvents:
    """All methods but `listen` are for databases with `is_shared`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_shared(self) -> bool:
        """Whether the database notifies other servers."""
        return not self._database.is_sqlite

    def publish(self, states: Iterable[TurnState], sessions: Iterable[str] = (), ended: Sequence[str] = ()) -> None:
        """Store the states, delete the rows of the logs that have `ended`, and notify all servers.

        `sessions` have changed otherwise. Each notification is a session's id, or `SESSION/LOG` for a state.
        """
        with self._database.write_session() as db:
            if ended:
                db.execute(delete(TurnEventsRow).where(TurnEventsRow.log.in_(ended)))
            payloads = list(dict.fromkeys(sessions))
            for state in states:
                values = {
                    "session_id": state.session,
                    "attempt_id": state.attempt,
                    "sequence": state.sequence,
                    "is_drawing": state.is_drawing,
                    "events": [list(event) for event in state.events],
                }
                added = insert(TurnEventsRow).values(log=state.log, **values)
                db.execute(added.on_conflict_do_update(index_elements=["log"], set_=values))
                payloads.append(f"{state.session}/{state.log}")
            for payload in payloads:
                db.execute(select(func.pg_notify(_CHANNEL, payload)))

    def read(self, log: str) -> TurnState | None:
        """The state of a running turn; None if there is none."""
        with self._database.read_session() as db:
            row = db.get(TurnEventsRow, log)
            if row is None:
                return None
            events = tuple((number, name, data) for number, name, data in row.events)
            return TurnState(row.log, row.session_id, row.attempt_id, row.sequence, row.is_drawing, events)

    def forget_ended(self) -> None:
        """Delete the rows of turns that are not pending any more, as a server that was killed leaves them."""
        pending = select(AttemptRow.id).where(AttemptRow.status == "pending")
        with self._database.write_session() as db:
            db.execute(delete(TurnEventsRow).where(TurnEventsRow.attempt_id.not_in(pending)))

    def listen(self, stopped: threading.Event, on_notification: Callable[[str | None], None]) -> None:
        """Call back with each notification until `stopped`; with None after a connection, as some may be missed.

        Blocks its thread. Connects again whenever the database was away.
        """
        import psycopg

        while not stopped.is_set():
            try:
                with translate_errors(self._database.place):
                    self.forget_ended()
                    self._listen_once(stopped, on_notification)
            except (StorageError, psycopg.Error):  # requests that need the database report it
                stopped.wait(_RECONNECT_SECONDS)

    def _listen_once(self, stopped: threading.Event, on_notification: Callable[[str | None], None]) -> None:
        autocommit_engine = self._database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with autocommit_engine.connect() as connection:
            connection.exec_driver_sql(f"LISTEN {_CHANNEL}")
            driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
            connection.detach()  # it is closed afterwards, and not used for other work
            on_notification(None)
            while not stopped.is_set():
                for notification in driver.notifies(timeout=_LISTEN_SECONDS):
                    on_notification(notification.payload)

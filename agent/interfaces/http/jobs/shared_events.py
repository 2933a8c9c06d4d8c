"""The events of this server's turns, published to the other servers on a PostgreSQL database, and theirs received."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from .....storage import StorageError, Store, TurnState
from .session_watchers import SessionWatchers
from .turn_and_replay_jobs import TurnJob

PUBLISH_SECONDS = 0.2
"""Between two writes. Each has the last events of all turns that have gone on since the one before."""
MAX_PREVIEW = 64 << 10
"""Characters of a preview's data URL; larger ones reach only the clients of the server that draws."""

RunInThread = Callable[[Callable[[], Any]], Awaitable[Any]]


class SharedEvents:
    """Used on the event loop only. Does nothing on SQLite, where servers poll."""

    def __init__(self, store: Store, changes: SessionWatchers, run_in_thread: RunInThread) -> None:
        self._events, self._changes, self._run_in_thread = store.turn_events, changes, run_in_thread
        self.is_enabled = store.turn_events.is_shared
        self._jobs: dict[str, TurnJob] = {}
        self._ended: list[str] = []
        self._sessions: set[str] = set()
        self._publishing: asyncio.Task[None] | None = None
        self._followers: dict[str, asyncio.Event] = {}
        self._stopped = threading.Event()

    def publish(self, job: TurnJob) -> None:
        """Publish the events of a recorded turn from now on."""
        if self.is_enabled:
            job.events.on_add = lambda: self._mark(job)
            self._mark(job)

    def end(self, job: TurnJob) -> None:
        """The turn has ended: its state is not needed any more, since every server finds its result."""
        if self.is_enabled and job.attempt is not None:
            job.events.on_add = None
            self._jobs.pop(job.events.name, None)
            self._ended.append(job.events.name)
            self.notify(job.session)

    def notify(self, session: str) -> None:
        """Wake those who watch a session, on all servers."""
        self._changes.notify(session)
        if self.is_enabled:
            self._sessions.add(session)
            self._schedule()

    def wake_on_events(self, log: str, changed: asyncio.Event) -> None:
        """Set `changed` whenever another server has published events of this log, until `forget`."""
        self._followers[log] = changed

    def forget(self, log: str) -> None:
        self._followers.pop(log, None)

    def start(self) -> None:
        """Begin to listen to the other servers."""
        if self.is_enabled:
            loop = asyncio.get_running_loop()

            def on_notification(payload: str | None) -> None:
                with suppress(RuntimeError):  # the loop is closed: the server has stopped
                    loop.call_soon_threadsafe(self._receive, payload)

            listen = self._events.listen
            threading.Thread(
                target=lambda: listen(self._stopped, on_notification), name="notthat-listen", daemon=True
            ).start()

    async def stop(self) -> None:
        """Publish what is left, and stop listening."""
        self._stopped.set()
        while self._publishing is not None:
            await self._publishing

    def _receive(self, payload: str | None) -> None:
        session, _, log = (payload or "").partition("/")
        if payload is None:  # connected again: whatever was missed is read now
            for changed in self._followers.values():
                changed.set()
            for watched in self._changes.sessions:
                self._changes.notify(watched)
        elif not log:
            self._changes.notify(session)
        elif log in self._followers:
            self._followers[log].set()

    def _mark(self, job: TurnJob) -> None:
        self._jobs[job.events.name] = job
        self._schedule()

    def _schedule(self) -> None:
        if self._publishing is None:
            self._publishing = asyncio.create_task(self._publish())

    async def _publish(self) -> None:
        try:
            while self._jobs or self._ended or self._sessions:
                states = [_state_of(job) for job in self._jobs.values()]
                ended, sessions = self._ended, self._sessions
                self._jobs, self._ended, self._sessions = {}, [], set()
                with suppress(StorageError):  # followers find the turn's end in its row; steps may be missed
                    await self._run_in_thread(lambda s=states, c=sessions, e=ended: self._events.publish(s, c, e))  # type: ignore[misc]
                if not self._stopped.is_set():
                    await asyncio.sleep(PUBLISH_SECONDS)
        finally:
            self._publishing = None


def _state_of(job: TurnJob) -> TurnState:
    assert job.attempt is not None
    events = tuple(
        (event.number, event.name, event.data)
        for event in job.events.latest_of_each()
        if isinstance(event.data, dict) and len(event.data.get("image", "")) <= MAX_PREVIEW
    )
    return TurnState(
        log=job.events.name,
        session=job.session,
        attempt=job.attempt.id,
        sequence=job.events.count,
        is_drawing=job.is_drawing,
        events=events,
    )

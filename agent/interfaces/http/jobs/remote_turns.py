"""Turns that other processes on the same database draw: finding them, following them, and noticing their changes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from .....errors import InvalidInputError, NotthatError
from .....storage import Attempt, StorageError, Store, UnknownSessionError, UnknownTurnError
from ....conversation import Turn
from ....turn_execution import TurnCancelled
from ..problems import server_stopping
from .session_watchers import SessionWatchers
from .shared_events import SharedEvents
from .turn_and_replay_jobs import TurnJob

POLL_SECONDS = 0.5
"""Between two looks at the sessions that are watched."""
_SWEEP_POLLS = 10
"""After so many polls, turns whose process is gone are marked as failed."""

_RESUME_POLLS = 2
"""After so many polls, turns whose process is gone are taken over."""

RunInThread = Callable[[Callable[[], Any]], Awaitable[Any]]


def find_turn(store: Store, session: str, number: int) -> Turn | Attempt:
    """What is recorded under a number: a turn, a turn without a picture, or the turn that answers for it.

    Raises:
        UnknownSessionError: where there is no such session, not even one whose first picture is missing.
        UnknownTurnError: where nothing was ever recorded under this number.
    """
    try:
        return store.turn(session, number)
    except (UnknownSessionError, UnknownTurnError):
        attempts = store.attempts.all(session, with_refused=True)
        attempts = [attempt for attempt in attempts if attempt.turn.number == number]
        if attempts:
            return attempts[-1]
        if (alias := store.attempts.alias(session, number)) is not None:
            return find_turn(store, session, alias)
        return store.turn(session, number)  # it may have been drawn in between


def to_error(attempt: Attempt) -> NotthatError:
    """The error of a turn that came to no picture."""
    if attempt.refused:
        return InvalidInputError(attempt.reason)
    return (TurnCancelled if attempt.status == "cancelled" else NotthatError)(attempt.reason)


class RemoteTurns:
    """Jobs that follow the turns of other processes, one for each turn that somebody follows."""

    def __init__(
        self, store: Store, changes: SessionWatchers, run_in_thread: RunInThread, shared: SharedEvents
    ) -> None:
        self._store, self._changes, self._run_in_thread, self._shared = store, changes, run_in_thread, shared
        self._jobs: dict[tuple[str, int], TurnJob] = {}

    def follow(self, session: str, number: int, log: str | None = None, *, background: bool) -> TurnJob:
        """The job that follows a turn, which is begun where there is none. `log` is the name of the turn's events."""
        job = self._jobs.get((session, number))
        if job is None:
            job = TurnJob("elsewhere", session, "", owner=None, idempotency_key=None)
            job.number, job.background = number, background
            if self._shared.is_enabled:
                job.events.name = log or job.events.name
            self._jobs[session, number] = job
            job.task = asyncio.create_task(job.run(partial(self._wait, job)))
            job.task.add_done_callback(lambda _: self._forget(job))
        return job

    def _forget(self, job: TurnJob) -> None:
        self._jobs.pop((job.session, job.number), None)
        self._shared.forget(job.events.name)

    async def _wait(self, job: TurnJob) -> Turn:
        """Read the turn whenever its session changes, until it has ended."""
        with self._changes.watch(job.session) as changed:
            while True:
                changed.clear()
                found = await self._run_in_thread(partial(find_turn, self._store, job.session, job.number))
                if not isinstance(found, Attempt):
                    turn: Turn = found
                    return turn
                if found.status != "pending":
                    raise to_error(found)
                if self._shared.is_enabled:
                    await self._copy_events(job, found.log, changed)
                elif found.command is None and not job.is_interpreted:
                    job.record_interpretation(found)
                await changed.wait()
                if self._changes.closed:
                    raise server_stopping()

    async def _copy_events(self, job: TurnJob, log: str, changed: asyncio.Event) -> None:
        """Add what the server that draws the turn has published."""
        if not job.events.count:
            job.events.name = log
        self._shared.wake_on_events(log, changed)
        state = await self._run_in_thread(partial(self._store.turn_events.read, log))
        if state is not None and log == job.events.name:
            for number, name, data in state.events:
                job.events.copy(number, name, data)
                job.is_interpreted = job.is_interpreted or name == "interpreted"


class StorePoll:
    """Notifies watchers of changes that other processes made, and marks the turns of processes that are gone."""

    def __init__(
        self,
        store: Store,
        changes: SessionWatchers,
        run_in_thread: RunInThread,
        resume: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`resume` takes over the turns of processes that are gone, in place of marking them."""
        self._store, self._changes, self._run_in_thread, self._resume = store, changes, run_in_thread, resume

    async def run(self) -> None:
        """Poll until cancelled."""
        activity: Mapping[str, str] = {}
        polls = 0
        while True:
            await asyncio.sleep(POLL_SECONDS)
            polls += 1
            with suppress(StorageError):  # requests that need the database report it
                if self._resume is not None and polls % _RESUME_POLLS == 0:
                    await self._resume()
                elif self._resume is None and polls % _SWEEP_POLLS == 0:
                    await self._run_in_thread(self._store.attempts.mark_interrupted)
                activity = await self._notify_changes(activity)

    async def _notify_changes(self, previous: Mapping[str, str]) -> Mapping[str, str]:
        sessions = self._changes.sessions
        if not sessions:
            return {}
        activity: Mapping[str, str] = await self._run_in_thread(lambda: self._store.activity(sessions))
        for session in sessions:
            if session not in previous or previous[session] != activity.get(session, ""):
                self._changes.notify(session)
        return {session: activity.get(session, "") for session in sessions}

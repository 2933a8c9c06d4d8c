"""Locks that serialise concurrent calls on one session: first come, first served, for threads and for tasks.

locks = SessionLocks()
with locks.lock(session): ...              # in a thread
async with locks.async_lock(session): ...  # in a task, of any event loop
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from threading import Lock

_Place = Future[None]
"""A caller's place in the line of a session: done when the caller may go on, cancelled when it stopped waiting."""


class SessionLocks:
    """One lock for each session, or for each other key; all methods may be called from any thread.

    At most `at_once` callers hold the lock of a session at a time. Threads and tasks wait in one line. A lock is
    forgotten when nobody holds it or waits for it.
    """

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._lines: dict[str, deque[_Place]] = {}
        self._mutex = Lock()

    def __len__(self) -> int:
        """The number of sessions whose lock is held."""
        return len(self._lines)

    @contextmanager
    def lock(self, session: str) -> Iterator[None]:
        """Hold the session's lock in a thread; blocks until all earlier callers have left."""
        place = self._join(session)
        try:
            place.result()
            yield
        finally:
            self._leave(session, place)

    @asynccontextmanager
    async def async_lock(self, session: str) -> AsyncIterator[None]:
        """Hold the session's lock in a task; the event loop goes on while it waits."""
        place = self._join(session)
        try:
            if not place.done():
                await asyncio.wrap_future(place)
            yield
        finally:
            self._leave(session, place)

    def _join(self, session: str) -> _Place:
        place = _Place()
        with self._mutex:
            line = self._lines.setdefault(session, deque())
            line.append(place)
            self._admit(line)
        return place

    def _leave(self, session: str, place: _Place) -> None:
        with self._mutex:
            line = self._lines[session]
            line.remove(place)
            if line:
                self._admit(line)
            else:
                del self._lines[session]

    def _admit(self, line: deque[_Place]) -> None:
        """Let the first of the line go on. One that was cancelled keeps its place until its task leaves."""
        for place in islice(line, self._at_once):
            if not place.done() and place.set_running_or_notify_cancel():
                place.set_result(None)

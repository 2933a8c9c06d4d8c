"""Wakes those who watch a session when it changes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class SessionWatchers:
    """Used on the event loop only. Stores no changes: a watcher that wakes reads the session's current state."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self.closed = False

    @property
    def sessions(self) -> list[str]:
        """The sessions that are watched."""
        return list(self._watchers)

    @contextmanager
    def watch(self, session: str) -> Iterator[asyncio.Event]:
        """An event that is set when the session has changed, or when `closed` is set."""
        changed = asyncio.Event()
        self._watchers.setdefault(session, set()).add(changed)
        try:
            yield changed
        finally:
            self._watchers[session].discard(changed)
            if not self._watchers[session]:
                del self._watchers[session]

    def notify(self, session: str) -> None:
        """Wake the watchers of a session."""
        for changed in self._watchers.get(session, ()):
            changed.set()

    def close(self) -> None:
        """Wake all watchers for the last time."""
        self.closed = True
        for session in self._watchers:
            self.notify(session)

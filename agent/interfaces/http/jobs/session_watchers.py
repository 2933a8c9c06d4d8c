"""Who waits for something to happen to a session, and is woken when it does."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class SessionWatchers:
    """Lives on the event loop. It keeps nothing of what happened: who is woken looks, however often it happened."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self.closed = False

    @property
    def sessions(self) -> list[str]:
        """The sessions that somebody watches."""
        return list(self._watchers)

    @contextmanager
    def watch(self, session: str) -> Iterator[asyncio.Event]:
        """An event that is set when something happened to the session, or nothing more will: see `closed`."""
        news = asyncio.Event()
        self._watchers.setdefault(session, set()).add(news)
        try:
            yield news
        finally:
            self._watchers[session].discard(news)
            if not self._watchers[session]:
                del self._watchers[session]

    def notify(self, session: str) -> None:
        """Something happened to it."""
        for news in self._watchers.get(session, ()):
            news.set()

    def close(self) -> None:
        """Let all go; nobody more may wait."""
        self.closed = True
        for session in self._watchers:
            self.notify(session)

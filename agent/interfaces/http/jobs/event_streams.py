"""The event streams that clients follow: how many may be open, when they send heartbeats, and when they end."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from ..auth import Principal
from ..config import ServerConfig
from ..problems import server_stopping, too_many
from .job import Job
from .key_shares import Places
from .session_watchers import SessionWatchers

_RETRY_SECONDS = 10
"""After so long a stream may have ended."""


class EventStreams:
    """Used on the event loop only. Its length is the number of open streams."""

    def __init__(self, config: ServerConfig, changes: SessionWatchers) -> None:
        self._changes = changes
        self._places = Places(config.watchers, config.share)
        self._watch_seconds = config.watch
        self.heartbeat = config.heartbeat
        """Seconds without an event after which a stream sends a heartbeat."""

    def __len__(self) -> int:
        return len(self._places)

    def check_place(self, principal: Principal) -> None:
        """Raise `Problem` where the caller may open no stream: 429, or 503 while the server stops."""
        if self._changes.closed:
            raise server_stopping()
        if not self._places.has_place(principal.id):
            detail = f"too many event streams are open: close one, or try again in {_RETRY_SECONDS} s"
            raise too_many("too-many-watchers", "Too many event streams", detail, _RETRY_SECONDS)

    @contextmanager
    def subscribe(self, principal: Principal, job: Job[Any] | None) -> Iterator[None]:
        """Hold a place for the block, and subscribe to the job, if there is one."""
        with self._places.hold(principal.id), job.subscribe() if job else nullcontext():
            yield

    async def watch_session(self, principal: Principal, session: str) -> AsyncGenerator[None]:
        """Yield at once, whenever the session may have changed, and at every heartbeat.

        Ends after `ServerConfig.watch` seconds, so that the key is checked again, and when the server stops.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self._watch_seconds
        with self._places.hold(principal.id), self._changes.watch(session) as changed:
            while not self._changes.closed and (left := end - loop.time()) > 0:
                changed.clear()
                yield
                try:
                    async with asyncio.timeout(min(self.heartbeat, left)):
                        await changed.wait()
                except TimeoutError:
                    continue

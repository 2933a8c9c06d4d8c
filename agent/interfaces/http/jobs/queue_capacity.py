"""How many jobs may wait, in all, of a key and of a session, and when to try again."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .....storage import UnknownSessionError
from ..config import ServerConfig
from ..problems import queue_full, server_stopping
from .key_shares import max_places
from .registry import JobRegistry

if TYPE_CHECKING:
    from .....storage import WaitingTurn
    from .job import Job

_INITIAL_SECONDS = 5.0
"""The estimate for a picture before any was drawn."""
_SMOOTHING = 8
"""The estimate is an exponential moving average: a new duration counts one part in so many."""


class QueueCapacity:
    """Used on the event loop only."""

    def __init__(self, config: ServerConfig, jobs: JobRegistry, devices: int) -> None:
        self._config, self._jobs, self._devices = config, jobs, devices
        self._closed_sessions: Counter[str] = Counter()
        self._seconds = _INITIAL_SECONDS
        self.is_closed = False
        """Whether the server stops, and takes no jobs."""

    def check(self, key: str | None, session: str) -> None:
        """Raise `Problem` where no further job of this key or session may wait.

        `Retry-After` is when the queue, which is fair, will have drawn one of the jobs that are in the way.
        """
        if session in self._closed_sessions:
            raise UnknownSessionError(f"no session “{session}”")
        if self.is_closed:
            raise server_stopping()
        self.check_waiting(key, session, self._jobs.list_waiting())

    def check_waiting(self, key: str | None, session: str, waiting: Sequence["WaitingTurn | Job[Any]"]) -> None:
        """Raise `Problem` where no further job of this key or session may wait beside these."""
        own = [job for job in waiting if job.owner == key]
        keys = len({job.owner for job in waiting})
        if len(waiting) >= self._config.queue:
            raise queue_full(f"{len(waiting)} turns are waiting", self._estimate_seconds(1))
        if len(own) >= max_places(key, len(own), len(waiting), self._config.queue, self._config.share):
            raise queue_full(f"{len(own)} turns of this key are waiting", self._estimate_seconds(keys))
        of_session = sum(job.session == session for job in own)
        if of_session >= self._config.session_queue:
            ahead = min(len(waiting), keys * len({job.session for job in own}))
            raise queue_full(f"{of_session} turns of this session are waiting", self._estimate_seconds(ahead))

    @contextmanager
    def close_session(self, session: str) -> Iterator[None]:
        """Refuse jobs of the session for the block, as if it did not exist."""
        self._closed_sessions[session] += 1
        try:
            yield
        finally:
            self._closed_sessions[session] -= 1
            self._closed_sessions += Counter()  # removes zero counts

    def record_duration(self, seconds: float) -> None:
        """Take the duration of a drawn picture into the estimate."""
        self._seconds += (seconds - self._seconds) / _SMOOTHING

    def _estimate_seconds(self, turns: int) -> int:
        return max(1, math.ceil(self._seconds * turns / self._devices))

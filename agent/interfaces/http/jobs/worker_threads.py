"""Threads for blocking work: reading the database and interpreting feedback."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

_READERS = 16
INTERPRETERS = 16


class WorkerThreads:
    """A pool for the database and a pool for interpreters, so that a slow language model delays no reads."""

    def __init__(self) -> None:
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="notthat-read")
        self._interpreters = ThreadPoolExecutor(INTERPRETERS, thread_name_prefix="notthat-interpret")

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do blocking work in a database thread and wait for it."""
        return await self.submit(work)

    def submit(self, work: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Begin blocking work in a database thread."""
        return asyncio.get_running_loop().run_in_executor(self._readers, work)

    def submit_interpretation(self, work: Callable[[], Result]) -> Future[Result]:
        """Begin to interpret feedback in a thread."""
        return self._interpreters.submit(work)

    def close(self) -> None:
        """Cancel what has not begun, without waiting."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._interpreters.shutdown(wait=False, cancel_futures=True)

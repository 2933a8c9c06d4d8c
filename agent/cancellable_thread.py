"""Work that takes seconds, off the event loop, and stopped between two steps when its task is cancelled."""

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError as StepCancelledError
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import anyio

from ..generation import Progress
from .studio import OnStep

AsyncOnStep = Callable[[Progress], Awaitable[None]]
"""Hears of every step of a picture, on the event loop; the next step waits until it has returned."""

T = TypeVar("T")

# Not asyncio's own pool: its few threads also look up host names, and drawings would keep them for minutes.
_threads = ThreadPoolExecutor(64, thread_name_prefix="notthat")


async def run_in_thread(call: Callable[[OnStep], T], on_step: AsyncOnStep | None = None) -> T:
    """What `call` returns, which runs in a thread and is given what to call after every step.

    A task that is cancelled stops it at its next step, and is cancelled once it has stopped: nothing goes
    on unseen, and what was recorded of a turn says so. Until its first step a call can't be stopped.
    """
    steps = _StepForwarder(on_step, asyncio.get_running_loop())
    work = asyncio.get_running_loop().run_in_executor(_threads, contextvars.copy_context().run, call, steps)
    try:
        await asyncio.wait([work])
    except asyncio.CancelledError:
        steps.stop()
        await _handle_thread_end(work)
        raise
    return work.result()


async def _handle_thread_end(work: "asyncio.Future[T]") -> None:
    """Wait until the work has ended, however often the task is cancelled meanwhile; its result is nobody's."""
    with anyio.CancelScope(shield=True):  # anyio would cancel again and again
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
    if not work.cancelled():
        work.exception()  # which asyncio would complain that nobody looked at


class _StoppedError(BaseException):
    """Ends a drawing as Ctrl-C would."""


class _StepForwarder:
    """Called in the thread after every step: tells the event loop, and ends the work once `stop` was called."""

    def __init__(self, on_step: AsyncOnStep | None, loop: asyncio.AbstractEventLoop) -> None:
        self._on_step = on_step
        self._loop = loop
        self._stopped = False
        self._telling: Future[None] | None = None
        self._lock = threading.Lock()

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            if self._stopped:
                raise _StoppedError
            if self._on_step is None:
                return
            telling = asyncio.run_coroutine_threadsafe(_notify_step(self._on_step, progress), self._loop)
            self._telling = telling
        try:
            telling.result()
        except StepCancelledError:
            raise _StoppedError from None

    def stop(self) -> None:
        """End the work: at its next step, or now where the loop is being told of one."""
        with self._lock:
            self._stopped = True
            if self._telling is not None:
                self._telling.cancel()


async def _notify_step(on_step: AsyncOnStep, progress: Progress) -> None:
    await on_step(progress)

"""A running job (turn, replay or audit): its event log, subscribers, cancellation and single result."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from opentelemetry.context import get_current

from .....errors import NotthatError
from ....turn_execution import TurnCancelled
from ..problems import to_problem
from .event_log import EventData, EventLog

Result = TypeVar("Result", bound=EventData)
Outcome = Literal["done", "unchanged", "cancelled", "failed"]


@dataclass
class JobClock:
    """When each phase of a job began, in seconds of `time.monotonic`, which changes of the system date don't affect."""

    submitted: float = field(default_factory=time.monotonic)
    submitted_epoch: float = field(default_factory=time.time)
    """The same moment as `submitted`, in seconds since 1970."""
    interpreting: float | None = None
    queued: float | None = None
    drawing: float | None = None
    ended: float = 0.0

    def mark_interpreting(self) -> None:
        """Interpretation begins now."""
        self.interpreting = time.monotonic()

    def mark_queued(self) -> None:
        """The turn is interpreted, recorded and waits for a device from now on."""
        self.queued = time.monotonic()

    def to_epoch(self, moment: float) -> float:
        """Convert a moment of this clock to seconds since 1970, by the system date when the job was submitted."""
        return self.submitted_epoch + moment - self.submitted

    @property
    def phases(self) -> dict[str, tuple[float, float]]:
        """Begin and end of each phase; `order` is the wait for earlier turns of the session."""
        moments = [
            ("order", self.submitted),
            ("interpret", self.interpreting),
            ("queue", self.queued),
            ("draw", self.drawing),
        ]
        begun = [(name, moment) for name, moment in moments if moment is not None]
        ends = [*(moment for _, moment in begun[1:]), self.ended]
        return {name: (begin, end) for (name, begin), end in zip(begun, ends, strict=True)}


class Job(Generic[Result]):
    """Used on the event loop only; the thread that draws reads `cancel_reason`.

    `owner` is the id of the key that submitted the job.
    """

    name: Literal["turn", "replay", "audit"]
    """The name in logs and traces."""
    words = ""
    """The user's words, where the job interprets some."""
    has_previews = True
    """Whether previews are made while it draws."""

    def __init__(self, session: str, *, owner: str | None) -> None:
        self.session, self.owner = session, owner
        self.events = EventLog()
        self.clock = JobClock()
        self.trace = get_current()
        """The parent context of its trace: see `middleware.trace_context`."""
        self.background = False
        """Whether it goes on when it has no subscriber."""
        self.cancel_reason: str | None = None
        """Why it is to be cancelled; None while it isn't."""
        self.is_drawing = False
        """Whether it holds a device."""
        self.task: asyncio.Task[None] | None = None
        self.linger = 0.0
        """Seconds that a background job keeps waiting in the queue after its last subscriber left."""
        self.subscribers = 0
        self.error: Exception | None = None
        """Why it failed or was cancelled, once it has ended so."""
        self._ended = asyncio.Event()
        self._result: Result | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it has not begun to draw, and still will."""
        return not self.is_drawing and not self.events.ended and self.cancel_reason is None

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None before it has."""
        if not self._ended.is_set():
            return None
        if self._result is None:
            return "cancelled" if isinstance(self.error, TurnCancelled) else "failed"
        return "done"

    @property
    def is_expected(self) -> bool:
        """Whether it succeeded or failed with an error that a client can act on."""
        return self.error is None or to_problem(self.error).status < 500

    @property
    def phases(self) -> Mapping[str, tuple[float, float]]:
        """Begin and end of each phase, once it has ended."""
        return self.clock.phases

    @property
    def log_fields(self) -> Mapping[str, str | int | None]:
        """The fields of logs and traces besides its session."""
        raise NotImplementedError

    async def result(self) -> Result:
        """Wait for the end and return the result.

        Raises the job's error: a `NotthatError`, of which `TurnCancelled` is one, or a `Problem`.
        """
        await self._ended.wait()
        if self._result is not None:
            return self._result
        error = self.error or TurnCancelled("it ended without a picture")
        raise error if isinstance(error, NotthatError) else to_problem(error)

    async def run(self, work: Callable[[], Awaitable[Result]]) -> None:
        """Do the work, and end with its result or its error."""
        try:
            self.succeed(await work())
        except Exception as error:
            self.fail(error)

    def cancel(self, reason: str) -> bool:
        """Cancel it: at once while it waits, else after the current step. False where it has ended."""
        if self.events.ended:
            return False
        self.cancel_reason = self.cancel_reason or reason
        if self.task is not None:
            self.task.cancel()
        return True

    def raise_if_cancelled(self) -> None:
        """Raise `TurnCancelled` where it is to be cancelled."""
        if self.cancel_reason is not None:
            raise TurnCancelled(self.cancel_reason)

    @contextmanager
    def subscribe(self) -> Iterator[None]:
        """Count a client that waits for the job or follows its events while the block runs.

        When the last one leaves, the job is cancelled; a background job only after `linger` seconds, and only if it
        still waits.
        """
        self.subscribers += 1
        try:
            yield
        finally:
            self.subscribers -= 1
            if not self.subscribers and not self.events.ended:
                if self.background:
                    asyncio.get_running_loop().call_later(self.linger, self._cancel_if_abandoned)
                else:
                    self.cancel("the client went away")

    def _cancel_if_abandoned(self) -> None:
        if not self.subscribers and self.is_waiting:
            self.cancel("nobody followed it any more")

    def set_queue_position(self, position: int) -> None:
        """Record its position in the queue; 1 is next."""
        self.events.add("queued", {"place": position})

    @contextmanager
    def hold_device(self) -> Iterator[None]:
        """Mark it as drawing while the block runs."""
        self.is_drawing = True
        self.clock.drawing = self.clock.drawing or time.monotonic()
        try:
            yield
        finally:
            self.is_drawing = False

    def record_step(self, step: int, steps: int, seconds_left: float | None, preview: str | None) -> None:
        """Record a denoising step; `preview` is a data URL."""
        left = None if seconds_left is None else round(seconds_left, 2)
        self.events.add("step", {"step": step, "steps": steps, "seconds_left": left})
        if preview is not None:
            self.events.add("preview", {"step": step, "image": preview})

    def succeed(self, result: Result) -> None:
        """End with a result."""
        self._result = result
        self._end()
        self.events.add("done", result, last=True)

    def fail(self, error: Exception) -> None:
        """End with an error; `TurnCancelled` is a cancellation."""
        self.error = error
        self._end()
        problem = to_problem(error).to_json()
        self.events.add("cancelled" if isinstance(error, TurnCancelled) else "failed", problem, last=True)

    def _end(self) -> None:
        self.clock.ended = time.monotonic()
        self._ended.set()

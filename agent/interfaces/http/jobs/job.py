"""Something that was asked of a session and takes its time: followed, attended, given up, and ended once."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from opentelemetry.context import get_current

from .....errors import NotthatError
from ....turn_execution import TurnCancelled
from ..problems import to_problem
from .event_log import Data, EventLog

Result = TypeVar("Result", bound=Data)
Outcome = Literal["done", "unchanged", "cancelled", "failed"]


@dataclass
class JobClock:
    """When something came to each of its phases, in seconds of `time.monotonic`, which no change of the date moves."""

    asked: float = field(default_factory=time.monotonic)
    asked_at: float = field(default_factory=time.time)
    """The same as `asked`, in seconds since 1970."""
    reading: float | None = None
    recorded: float | None = None
    drawing: float | None = None
    ended: float = 0.0

    def mark_begun(self) -> None:
        """It is read now."""
        self.reading = time.monotonic()

    def date_of(self, mark: float) -> float:
        """A moment of this clock in seconds since 1970, by what the date was when it was asked."""
        return self.asked_at + mark - self.asked

    @property
    def phases(self) -> dict[str, tuple[float, float]]:
        """From when to when each phase went that there was; `order` is the wait for the session's earlier turns."""
        marks = [("order", self.asked), ("interpret", self.reading), ("queue", self.recorded), ("draw", self.drawing)]
        begun = [(name, mark) for name, mark in marks if mark is not None]
        ends = [*(mark for _, mark in begun[1:]), self.ended]
        return {name: (begin, end) for (name, begin), end in zip(begun, ends, strict=True)}


class Job(Generic[Result]):
    """Lives on the event loop; `stopped` alone is read by the thread that draws.

    `owner` is the id of the asking key.
    """

    name: Literal["turn", "replay"]
    """What it is called in logs and traces."""
    words = ""
    """What somebody said, where that was what was asked."""
    previews = True
    """Whether small pictures are made while it is drawn."""

    def __init__(self, session: str, *, owner: str | None) -> None:
        self.session, self.owner = session, owner
        self.events = EventLog()
        self.clock = JobClock()
        self.trace = get_current()
        """What it is traced below: see `tracing.TraceContext`."""
        self.background = False
        """Whether it goes on when nobody waits for it."""
        self.stopped: str | None = None
        """Why it is to be given up."""
        self.drawing = False
        """Whether a device is its own."""
        self.task: asyncio.Task[None] | None = None
        self.linger = 0.0
        """Seconds that it keeps its place when it goes on by itself, and the last who followed it has gone."""
        self.attendants = 0
        self.error: Exception | None = None
        """What went wrong, once that is so."""
        self._ended = asyncio.Event()
        self._result: Result | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it isn't drawn yet, and is to be."""
        return not self.drawing and not self.events.ended and self.stopped is None

    @property
    def outcome(self) -> Outcome | None:
        """What it came to, None before it has ended."""
        if not self._ended.is_set():
            return None
        if self._result is None:
            return "cancelled" if isinstance(self.error, TurnCancelled) else "failed"
        return "done"

    @property
    def is_expected(self) -> bool:
        """Whether its end is one that a client can do something about."""
        return self.error is None or to_problem(self.error).status < 500

    @property
    def phases(self) -> Mapping[str, tuple[float, float]]:
        """From when to when each of its phases went, once it has ended."""
        return self.clock.phases

    @property
    def log_fields(self) -> Mapping[str, str | int | None]:
        """What logs and traces tell of it, besides its session."""
        raise NotImplementedError

    async def result(self) -> Result:
        """Wait for its end: what it came to.

        Raises what went wrong: a `NotthatError`, of which `TurnCancelled` is one, or a `Problem`.
        """
        await self._ended.wait()
        if self._result is not None:
            return self._result
        error = self.error or TurnCancelled("it ended without a picture")
        raise error if isinstance(error, NotthatError) else to_problem(error)

    def cancel(self, reason: str) -> bool:
        """Give it up: at once where it waits, else after the step at hand. False where it has ended."""
        if self.events.ended:
            return False
        self.stopped = self.stopped or reason
        if self.task is not None:
            self.task.cancel()
        return True

    def check(self) -> None:
        """Raise `TurnCancelled` where it is to be given up."""
        if self.stopped is not None:
            raise TurnCancelled(self.stopped)

    @contextmanager
    def subscribe(self) -> Iterator[None]:
        """Somebody waits for it, or follows its events, while the block runs.

        When the last of them has gone it is given up: at once, or after a while, and then only where it waits
        still, if it goes on by itself.
        """
        self.attendants += 1
        try:
            yield
        finally:
            self.attendants -= 1
            if not self.attendants and not self.events.ended:
                if self.background:
                    asyncio.get_running_loop().call_later(self.linger, self._abandon)
                else:
                    self.cancel("the client went away")

    def _abandon(self) -> None:
        if not self.attendants and self.is_waiting:
            self.cancel("nobody followed it any more")

    # What happens to it

    def set_queue_position(self, place: int) -> None:
        """It has another place in the queue; 1 is next."""
        self.events.add("queued", {"place": place})

    @contextmanager
    def hold_device(self) -> Iterator[None]:
        """A device is its own while the block runs."""
        self.drawing = True
        self.clock.drawing = self.clock.drawing or time.monotonic()
        try:
            yield
        finally:
            self.drawing = False

    def record_step(self, step: int, steps: int, seconds_left: float | None, preview: str | None) -> None:
        """A step is done; `preview` is a data URL."""
        left = None if seconds_left is None else round(seconds_left, 2)
        self.events.add("step", {"step": step, "steps": steps, "seconds_left": left})
        if preview is not None:
            self.events.add("preview", {"step": step, "image": preview})

    def succeed(self, result: Result) -> None:
        """It came to this."""
        self._result = result
        self._close()
        self.events.add("done", result, last=True)

    def fail(self, error: Exception) -> None:
        """It came to nothing."""
        self.error = error
        self._close()
        problem = to_problem(error).to_json()
        self.events.add("cancelled" if isinstance(error, TurnCancelled) else "failed", problem, last=True)

    def _close(self) -> None:
        self.clock.ended = time.monotonic()
        self._ended.set()

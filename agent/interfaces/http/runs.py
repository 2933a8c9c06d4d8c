"""A run: what was asked of a session once, on its way to a turn."""

import asyncio
import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Literal

from ....errors import NotthatError
from ....generation import Progress
from ....storage import Attempt, Receipt
from ...conversation import Turn
from ...recording import CancelledError
from .events import EventLog
from .problems import problem_of

if TYPE_CHECKING:
    from PIL.Image import Image

Kind = Literal["start", "say", "edits", "seed", "undo", "branch", "retry"]

_PREVIEWS = 5
"""How many previews a picture has, at most and about."""


@dataclass
class Clock:
    """When a run came to each of its phases, in seconds since 1970."""

    asked: float = field(default_factory=time.time)
    reading: float | None = None
    recorded: float | None = None
    drawing: float | None = None
    ended: float = 0.0

    def began(self) -> None:
        """It is read now."""
        self.reading = time.time()

    @property
    def phases(self) -> dict[str, tuple[float, float]]:
        """From when to when each phase went that there was; `order` is the wait for the session's earlier turns."""
        marks = [("order", self.asked), ("interpret", self.reading), ("queue", self.recorded), ("draw", self.drawing)]
        begun = [(name, mark) for name, mark in marks if mark is not None]
        ends = [*(mark for _, mark in begun[1:]), self.ended]
        return {name: (begin, end) for (name, begin), end in zip(begun, ends, strict=True)}


class Run:
    """Lives on the event loop; `stopped` alone is read by the thread that draws.

    `number` is the turn that it is to be, unless another process takes that first; `owner` the id of the asking key.
    """

    def __init__(self, kind: Kind, session: str, words: str, *, owner: str | None, receipt: Receipt | None) -> None:
        self.kind, self.session, self.words = kind, session, words
        self.owner, self.receipt = owner, receipt
        self.number = 0
        self.events = EventLog()
        self.clock = Clock()
        self.background = False
        """Whether it goes on when nobody waits for it."""
        self.attempt: Attempt | None = None
        """The turn as it is recorded, once that is so."""
        self.stopped: str | None = None
        """Why it is to be given up."""
        self.drawing = False
        """Whether a device is its own."""
        self.task: asyncio.Task[None] | None = None
        self.linger = 0.0
        """Seconds that it keeps its place when it goes on by itself, and the last who followed it has gone."""
        self.attendants = 0
        self._ended = asyncio.Event()
        self._turn: Turn | None = None
        self.error: Exception | None = None
        """What went wrong, once that is so."""

    @property
    def waiting(self) -> bool:
        """Whether it isn't drawn yet, and is to be."""
        return not self.drawing and not self.events.ended and self.stopped is None

    @property
    def draws(self) -> bool:
        """Whether it may come to a new turn."""
        return self.kind not in ("undo", "branch")

    @property
    def outcome(self) -> Literal["done", "unchanged", "cancelled", "failed"] | None:
        """What it came to, None before it has ended; `unchanged` where nothing had to be drawn."""
        if not self._ended.is_set():
            return None
        if self._turn is None:
            return "cancelled" if isinstance(self.error, CancelledError) else "failed"
        return "done" if self.attempt is not None else "unchanged"

    @property
    def is_expected(self) -> bool:
        """Whether its end is one that a client can do something about."""
        return self.error is None or problem_of(self.error).status < 500

    async def turn(self) -> Turn:
        """Wait for its end: the turn.

        Raises what went wrong: a `NotthatError`, of which `CancelledError` is one, or a `Problem`.
        """
        await self._ended.wait()
        if self._turn is not None:
            return self._turn
        error = self.error or CancelledError("it ended without a picture")
        raise error if isinstance(error, NotthatError) else problem_of(error)

    def cancel(self, reason: str) -> bool:
        """Give it up: at once where it waits, else after the step at hand. False where it has ended."""
        if self.events.ended:
            return False
        self.stopped = self.stopped or reason
        if self.task is not None:
            self.task.cancel()
        return True

    def check(self) -> None:
        """Raise `CancelledError` where it is to be given up."""
        if self.stopped is not None:
            raise CancelledError(self.stopped)

    @contextmanager
    def attended(self) -> Iterator[None]:
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
        if not self.attendants and self.waiting:
            self.cancel("nobody followed it any more")

    # What happens to it

    def moved(self, place: int) -> None:
        """It has another place in the queue; 1 is next."""
        self.events.add("queued", {"place": place})

    def recorded(self, attempt: Attempt) -> None:
        """It is understood, and recorded as a turn."""
        self.attempt = attempt
        self.clock.recorded = time.time()
        turn = attempt.turn
        self.events.add(
            "interpreted",
            {
                "session": attempt.session,
                "turn": turn.number,
                "parent": turn.parent,
                "feedback": turn.feedback,
                "edits": list(turn.edits),
                "reply": turn.reply,
                "prompt": turn.prompt,
                "negative": turn.negative,
            },
        )

    def begins_drawing(self) -> None:
        """A device is its own now."""
        self.drawing = True
        self.clock.drawing = time.time()

    def stepped(self, step: int, steps: int, seconds_left: float | None, preview: str | None) -> None:
        """A step is done; `preview` is a data URL."""
        left = None if seconds_left is None else round(seconds_left, 2)
        self.events.add("step", {"step": step, "steps": steps, "seconds_left": left})
        if preview is not None:
            self.events.add("preview", {"step": step, "image": preview})

    def done(self, turn: Turn) -> None:
        """It came to this turn."""
        self._turn = turn
        self._end()
        self.events.add("done", turn, last=True)

    def failed(self, error: Exception) -> None:
        """It came to none."""
        self.error = error
        self._end()
        problem = problem_of(error).as_json()
        self.events.add("cancelled" if isinstance(error, CancelledError) else "failed", problem, last=True)

    def _end(self) -> None:
        self.clock.ended = time.time()
        self.drawing = False
        self._ended.set()


def wants_preview(progress: Progress) -> bool:
    """Whether a step is one of the few that are shown."""
    every = max(1, progress.steps // _PREVIEWS)
    return progress.step < progress.steps and progress.step % every == 0


def data_url(image: "Image") -> str:
    """A small picture as text."""
    file = BytesIO()
    image.save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"

"""What happens to a turn, or to a replay, as a log that any number of clients follow, and come back to."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Literal

from ....conversation import Turn
from ....replay.regenerate import ReplayResult

Name = Literal["queued", "interpreted", "step", "preview", "replayed", "done", "failed", "cancelled"]
Data = dict[str, Any] | Turn | tuple[ReplayResult, ...]
"""JSON, or what is told with the reader's own addresses, as the answer to it would be."""


@dataclass(frozen=True)
class JobEvent:
    """Something that happened."""

    id: str
    number: int
    name: Name
    data: Data


class EventLog:
    """The events of one turn or replay, in order; the last is `done`, `failed` or `cancelled`.

    It is used on the event loop alone. An event's id names the log too, since a turn that came to no picture
    leaves its number to another.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name or secrets.token_hex(4)
        self._events: list[JobEvent] = []
        self._count = 0
        self._news = asyncio.Event()
        self.ended = False

    def add(self, name: Name, data: Data, *, last: bool = False) -> None:
        """Tell everybody."""
        if self.ended:
            return
        self._count += 1
        self._events.append(JobEvent(f"{self._name}-{self._count}", self._count, name, data))
        if last:
            self.ended = True
            self.forget("preview")  # who comes now sees the picture
        news, self._news = self._news, asyncio.Event()
        news.set()

    def forget(self, *names: Name) -> None:
        """Tell those who come later nothing of these events so far."""
        self._events = [event for event in self._events if event.name not in names]

    def latest(self, name: Name) -> dict[str, Any] | None:
        """What the last event of this name says, where there was one."""
        found = (event.data for event in reversed(self._events) if event.name == name)
        return next((data for data in found if isinstance(data, dict)), None)

    def is_finished_after(self, after: str | None) -> bool:
        """Whether whoever has heard of the event `after` has heard all."""
        return self.ended and self._find_position(after) == self._count

    async def follow(self, after: str | None = None, heartbeat: float | None = None) -> AsyncGenerator[JobEvent | None]:
        """The events after the one of this id, those of the past first, to the last one.

        None says that nothing happened for `heartbeat` seconds.
        """
        position = self._find_position(after)
        while True:
            news = self._news
            for event in [event for event in self._events if event.number > position]:
                position = event.number
                yield event
            if self.ended and position == self._count:
                return
            try:
                async with asyncio.timeout(heartbeat):
                    await news.wait()
            except TimeoutError:
                yield None

    def _find_position(self, after: str | None) -> int:
        name, _, number = (after or "").rpartition("-")
        return min(int(number), self._count) if name == self._name and number.isdecimal() else 0

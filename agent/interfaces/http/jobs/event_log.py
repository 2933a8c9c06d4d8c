"""The events of a turn or replay: a log that any number of clients follow and resume."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Literal

from ....conversation import Turn
from ....replay.regenerate import ReplayResult

EventName = Literal["queued", "interpreted", "step", "preview", "replayed", "done", "failed", "cancelled"]
EventData = dict[str, Any] | Turn | tuple[ReplayResult, ...]
"""JSON, or a result that is sent as the response to its request would be, with the reader's own URLs."""


LAST_NUMBER = 1_000_000_000
"""The number of the last event, which is the same on all servers, whichever events before it they know."""


@dataclass(frozen=True)
class JobEvent:
    """An event of a job."""

    id: str
    number: int
    name: EventName
    data: EventData


class EventLog:
    """The events of one turn or replay, in order; the last is `done`, `failed` or `cancelled`.

    Used on the event loop only. An event's id contains the log's name, since the number of a turn that came to no
    picture is used again.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name or secrets.token_hex(4)
        self.count = 0
        """The number of the newest event."""
        self.on_add: Callable[[], object] | None = None
        """Called after each event but the last."""
        self._events: list[JobEvent] = []
        self._changed = asyncio.Event()
        self.ended = False

    def add(self, name: EventName, data: EventData, *, last: bool = False) -> None:
        """Append an event and wake the followers; ignored after the last one."""
        if self.ended:
            return
        self._append(LAST_NUMBER if last else self.count + 1, name, data)
        if last:
            self.ended = True
            self.remove("preview")  # later followers get the picture
        elif self.on_add is not None:
            self.on_add()

    def copy(self, number: int, name: EventName, data: EventData) -> None:
        """Append an event of another server's log of this name, unless it is known; numbers may be left out."""
        if not self.ended and number > self.count:
            self._append(number, name, data)

    def remove(self, *names: EventName) -> None:
        """Remove the past events of these names; later followers don't get them."""
        self._events = [event for event in self._events if event.name not in names]

    def latest_of_each(self) -> list[JobEvent]:
        """The last event of each name, in order."""
        return sorted({event.name: event for event in self._events}.values(), key=lambda event: event.number)

    def latest(self, name: EventName) -> dict[str, Any] | None:
        """The JSON data of the last event of this name, if there is one."""
        matches = (event.data for event in reversed(self._events) if event.name == name)
        return next((data for data in matches if isinstance(data, dict)), None)

    def is_finished_after(self, event_id: str | None) -> bool:
        """Whether the log has ended and this event is its last."""
        return self.ended and self._find_position(event_id) == self.count

    async def follow(self, after: str | None = None, heartbeat: float | None = None) -> AsyncGenerator[JobEvent | None]:
        """Yield the events after the one of id `after`, past and future, up to the last.

        Yields None when there was no event for `heartbeat` seconds.
        """
        position = self._find_position(after)
        while True:
            changed = self._changed
            for event in [event for event in self._events if event.number > position]:
                position = event.number
                yield event
            if self.ended and position == self.count:
                return
            try:
                async with asyncio.timeout(heartbeat):
                    await changed.wait()
            except TimeoutError:
                yield None

    def _append(self, number: int, name: EventName, data: EventData) -> None:
        self.count = number
        self._events.append(JobEvent(f"{self.name}-{number}", number, name, data))
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _find_position(self, event_id: str | None) -> int:
        """The number of the event, which this server may not know yet; 0 if it is of another log."""
        name, _, number = (event_id or "").rpartition("-")
        is_known = name == self.name and number.isascii() and number.isdecimal()
        return min(int(number[:12]), LAST_NUMBER) if is_known else 0

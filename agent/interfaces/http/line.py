"""Who is next: a line before the devices that is fair between sessions, and the order within one.

Both live on the event loop, and are used from there alone.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import zip_longest
from typing import Generic, TypeVar

Device = TypeVar("Device")


@dataclass(eq=False)
class _Waiting(Generic[Device]):
    granted: "asyncio.Future[Device]"
    moved: Callable[[int], None]
    place: int = 0


class Line(Generic[Device]):
    """Devices, each used by one at a time, and those who wait for one, a party after the other in turn."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self._free = deque(devices)
        self._parties: dict[str, deque[_Waiting[Device]]] = {}  # the one at the front is next

    def __len__(self) -> int:
        return sum(map(len, self._parties.values()))

    @asynccontextmanager
    async def device(self, party: str, moved: Callable[[int], None] = lambda place: None) -> AsyncIterator[Device]:
        """Wait for a device and have it to oneself; `moved` hears the place, 1 being next, whenever it changes."""
        waiting = _Waiting(asyncio.get_running_loop().create_future(), moved)
        self._parties.setdefault(party, deque()).append(waiting)
        self._serve()
        try:
            device = await waiting.granted
        except asyncio.CancelledError:
            if waiting.granted.done() and not waiting.granted.cancelled():
                self._give_back(waiting.granted.result())  # it was given in the same moment
            else:
                self._leave(party, waiting)
            raise
        try:
            yield device
        finally:
            self._give_back(device)

    def _give_back(self, device: Device) -> None:
        self._free.append(device)
        self._serve()

    def _leave(self, party: str, waiting: _Waiting[Device]) -> None:
        queue = self._parties.get(party, deque())
        if waiting in queue:
            queue.remove(waiting)
        if not queue:
            self._parties.pop(party, None)
        self._tell()

    def _serve(self) -> None:
        while self._free and self._parties:
            party, queue = next(iter(self._parties.items()))
            waiting = queue.popleft()
            del self._parties[party]
            if queue:
                self._parties[party] = queue  # the party's next comes after every other party
            if not waiting.granted.cancelled():
                waiting.granted.set_result(self._free.popleft())
        self._tell()

    def _tell(self) -> None:
        for place, waiting in enumerate(self._order(), 1):
            if waiting.place != place:
                waiting.place = place
                waiting.moved(place)

    def _order(self) -> Iterator[_Waiting[Device]]:
        for turn in zip_longest(*self._parties.values()):
            yield from (waiting for waiting in turn if waiting is not None)


class Order:
    """Lets one in at a time for each name, in the order in which they came."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    def __len__(self) -> int:
        """The names under which somebody is in, or waits."""
        return len(self._locks)

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        """Wait for all who came before under this name."""
        lock, users = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(name)
            if users > 1:
                self._locks[name] = lock, users - 1

"""Who is next: a line before the devices that is fair between keys and their sessions, and the order within a session.

Both live on the event loop, and are used from there alone.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import zip_longest
from typing import Generic, TypeVar

from ....session_locks import SessionLocks

Device = TypeVar("Device")
Item = TypeVar("Item")


@dataclass(eq=False)
class _Waiter(Generic[Device]):
    granted: "asyncio.Future[Device]"
    moved: Callable[[int], None]
    place: int = 0


class FairQueue(Generic[Device]):
    """Devices, each used by one at a time, and those who wait for one.

    Keys take turns, however many sessions each has; and when it is a key's turn, its sessions do.
    """

    def __init__(self, devices: Iterable[Device]) -> None:
        self._free = deque(devices)
        # those at the front are next
        self._keys: dict[str | None, dict[str, deque[_Waiter[Device]]]] = {}

    def __len__(self) -> int:
        return sum(len(queue) for sessions in self._keys.values() for queue in sessions.values())

    @asynccontextmanager
    async def device(
        self, key: str | None, session: str, moved: Callable[[int], None] = lambda place: None
    ) -> AsyncIterator[Device]:
        """Wait for a device and have it to oneself; `moved` hears the place, 1 being next, whenever it changes."""
        waiting = _Waiter(asyncio.get_running_loop().create_future(), moved)
        self._keys.setdefault(key, {}).setdefault(session, deque()).append(waiting)
        self._grant_devices()
        try:
            device = await waiting.granted
        except asyncio.CancelledError:
            if waiting.granted.done() and not waiting.granted.cancelled():
                self._return_device(waiting.granted.result())  # it was given in the same moment
            else:
                self._remove_waiter(key, session, waiting)
            raise
        try:
            yield device
        finally:
            self._return_device(device)

    def _return_device(self, device: Device) -> None:
        self._free.append(device)
        self._grant_devices()

    def _remove_waiter(self, key: str | None, session: str, waiting: _Waiter[Device]) -> None:
        sessions = self._keys.get(key, {})
        queue = sessions.get(session, deque())
        if waiting in queue:
            queue.remove(waiting)
        if not queue:
            sessions.pop(session, None)
        if not sessions:
            self._keys.pop(key, None)
        self._notify_waiters()

    def _grant_devices(self) -> None:
        while self._free and self._keys:
            waiting = self._take_next()
            if not waiting.granted.cancelled():
                waiting.granted.set_result(self._free.popleft())
        self._notify_waiters()

    def _take_next(self) -> _Waiter[Device]:
        """The first of the line, whose session now comes after its key's others, and whose key after all others."""
        key, sessions = next(iter(self._keys.items()))
        session, queue = next(iter(sessions.items()))
        waiting = queue.popleft()
        del self._keys[key], sessions[session]
        if queue:
            sessions[session] = queue
        if sessions:
            self._keys[key] = sessions
        return waiting

    def _notify_waiters(self) -> None:
        for place, waiting in enumerate(self._iterate_fairly(), 1):
            if waiting.place != place:
                waiting.place = place
                waiting.moved(place)

    def _iterate_fairly(self) -> Iterator[_Waiter[Device]]:
        return _in_turn(_in_turn(sessions.values()) for sessions in self._keys.values())


def _in_turn(parties: Iterable[Iterable[Item]]) -> Iterator[Item]:
    """The first of each, then the second of each, and so on."""
    for turn in zip_longest(*parties):
        yield from (each for each in turn if each is not None)


class KeyedLock:
    """`SessionLocks` for tasks: at most `at_once` hold the lock of a name, in the order of their calls."""

    def __init__(self, at_once: int = 1) -> None:
        self._locks = SessionLocks(at_once)

    def __len__(self) -> int:
        """The number of names whose lock is held."""
        return len(self._locks)

    def lock(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold the lock of this name."""
        return self._locks.async_lock(name)

"""A queue for devices that is fair between keys and their sessions, and locks by name that keep the order of arrival.

Both are used on the event loop only.
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
    grant: "asyncio.Future[Device]"
    on_move: Callable[[int], None]
    position: int = 0


class FairQueue(Generic[Device]):
    """Devices, each held by one at a time, and those who wait for one.

    Keys take turns, however many sessions each has, and so do the sessions of a key.
    """

    def __init__(self, devices: Iterable[Device]) -> None:
        self._free = deque(devices)
        # the first key, and its first session, are next
        self._keys: dict[str | None, dict[str, deque[_Waiter[Device]]]] = {}

    def __len__(self) -> int:
        return sum(len(queue) for sessions in self._keys.values() for queue in sessions.values())

    @asynccontextmanager
    async def acquire(
        self, key: str | None, session: str, on_move: Callable[[int], None] = lambda position: None
    ) -> AsyncIterator[Device]:
        """Wait for a device and hold it for the block; `on_move` gets each new position in the queue, 1 being next."""
        waiter = _Waiter(asyncio.get_running_loop().create_future(), on_move)
        self._keys.setdefault(key, {}).setdefault(session, deque()).append(waiter)
        self._grant_devices()
        try:
            device = await waiter.grant
        except asyncio.CancelledError:
            if waiter.grant.done() and not waiter.grant.cancelled():
                self._return_device(waiter.grant.result())  # it was granted in the same moment
            else:
                self._remove_waiter(key, session, waiter)
            raise
        try:
            yield device
        finally:
            self._return_device(device)

    def _return_device(self, device: Device) -> None:
        self._free.append(device)
        self._grant_devices()

    def _remove_waiter(self, key: str | None, session: str, waiter: _Waiter[Device]) -> None:
        sessions = self._keys.get(key, {})
        queue = sessions.get(session, deque())
        if waiter in queue:
            queue.remove(waiter)
        if not queue:
            sessions.pop(session, None)
        if not sessions:
            self._keys.pop(key, None)
        self._notify_waiters()

    def _grant_devices(self) -> None:
        while self._free and self._keys:
            waiter = self._take_next()
            if not waiter.grant.cancelled():
                waiter.grant.set_result(self._free.popleft())
        self._notify_waiters()

    def _take_next(self) -> _Waiter[Device]:
        """Remove the next waiter; its session becomes the last of its key, and its key the last of all."""
        key, sessions = next(iter(self._keys.items()))
        session, queue = next(iter(sessions.items()))
        waiter = queue.popleft()
        del self._keys[key], sessions[session]
        if queue:
            sessions[session] = queue
        if sessions:
            self._keys[key] = sessions
        return waiter

    def _notify_waiters(self) -> None:
        for position, waiter in enumerate(self._iterate_fairly(), 1):
            if waiter.position != position:
                waiter.position = position
                waiter.on_move(position)

    def _iterate_fairly(self) -> Iterator[_Waiter[Device]]:
        return _interleave(_interleave(sessions.values()) for sessions in self._keys.values())


def _interleave(groups: Iterable[Iterable[Item]]) -> Iterator[Item]:
    """Yield the first item of each group, then the second of each, and so on."""
    for items in zip_longest(*groups):
        yield from (item for item in items if item is not None)


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

"""Locks of sessions: exclusive, in order, shared by threads and tasks, and forgotten when they are free."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from notthat.agent.session_locks import SessionLocks

PATIENCE = 60.0
"""Seconds for anything to happen that has to: reached only where a test fails."""


def run_thread(call: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def test_threads_hold_a_session_one_at_a_time_and_all_of_them_do() -> None:
    locks, inside, most, calls = SessionLocks(), [0], [0], [0]
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait(PATIENCE)
        for _ in range(200):
            with locks.lock("a"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                calls[0] += 1
                inside[0] -= 1

    threads = [run_thread(work) for _ in range(8)]
    for thread in threads:
        thread.join(PATIENCE)
    assert (most[0], calls[0], len(locks)) == (1, 1600, 0)


def test_tasks_are_admitted_in_the_order_of_their_calls() -> None:
    async def test() -> list[int]:
        locks, order = SessionLocks(), list[int]()

        async def hold(k: int) -> None:
            async with locks.async_lock("a"):
                order.append(k)
                await asyncio.sleep(0)

        await asyncio.gather(*(hold(k) for k in range(20)))
        assert len(locks) == 0
        return order

    assert asyncio.run(test()) == list(range(20))


def test_a_thread_and_a_task_exclude_each_other() -> None:
    locks, release, held = SessionLocks(), threading.Event(), threading.Event()

    def hold() -> None:
        with locks.lock("a"):
            held.set()
            assert release.wait(PATIENCE)

    async def test() -> None:
        thread = run_thread(hold)
        assert await asyncio.to_thread(held.wait, PATIENCE)
        entered = asyncio.Event()

        async def enter() -> None:
            async with locks.async_lock("a"):
                entered.set()

        task = asyncio.create_task(enter())
        for _ in range(100):
            await asyncio.sleep(0)
        assert not entered.is_set()
        async with locks.async_lock("b"):  # another session is free
            release.set()
        await asyncio.wait_for(task, PATIENCE)
        thread.join(PATIENCE)

    asyncio.run(test())
    assert len(locks) == 0


def test_a_task_that_is_cancelled_while_it_waits_lets_the_next_one_in() -> None:
    async def test() -> None:
        locks, order = SessionLocks(), list[str]()

        async def hold(name: str) -> None:
            async with locks.async_lock("a"):
                order.append(name)

        async with locks.async_lock("a"):
            first, second = (asyncio.create_task(hold(name)) for name in ("first", "second"))
            await asyncio.sleep(0)
            first.cancel()
        await asyncio.wait_for(second, PATIENCE)
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (order, len(locks)) == (["second"], 0)

    asyncio.run(test())


def test_a_task_that_is_cancelled_as_it_is_admitted_gives_the_lock_back() -> None:
    async def test() -> None:
        locks = SessionLocks()

        async def hold() -> None:
            async with locks.async_lock("a"):
                pass

        async with locks.async_lock("a"):
            waiting = asyncio.create_task(hold())
            await asyncio.sleep(0)
        waiting.cancel()  # the lock is already its own
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(PATIENCE), locks.async_lock("a"):
            pass
        assert len(locks) == 0

    asyncio.run(test())


def test_several_may_hold_a_lock_where_it_says_so() -> None:
    async def test() -> None:
        locks, gate, inside = SessionLocks(at_once=2), asyncio.Event(), list[int]()

        async def hold(k: int) -> None:
            async with locks.async_lock("a"):
                inside.append(k)
                await gate.wait()

        tasks = [asyncio.create_task(hold(k)) for k in range(4)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert inside == [0, 1]
        gate.set()
        await asyncio.gather(*tasks)
        assert (inside, len(locks)) == ([0, 1, 2, 3], 0)

    asyncio.run(test())

"""Several threads and processes on one store, and recovery after a process is killed."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from notthat.storage import NewTurn, Store, TurnRecord, check, prune

WRITER = Path(__file__).with_name("writer.py")


def start_writer(home: Path, session: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(WRITER), str(home), session, str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines_of(writer: subprocess.Popen[str]) -> list[tuple[str, int, str]]:
    """The output of a writer that ended normally: session, number and hash of each turn."""
    out, err = writer.communicate(timeout=60)
    assert (writer.returncode, err) == (0, "")
    return [(session, int(number), sha256) for session, number, sha256 in map(str.split, out.splitlines())]


def test_threads_lose_no_turn(
    store: Store,
    begin: Callable[..., TurnRecord],
    turn: Callable[..., NewTurn],
    picture: Callable[..., Image.Image],
) -> None:
    session = begin().session

    def write(thread: int) -> list[TurnRecord]:
        kept = []
        for each in range(5):
            number = store.next_number(session)
            kept.append(store.add_turn(session, turn(number, number - 1), picture(100 * thread + each + 1), {}))
            store.move_head(session, 0)
            assert store.turn(session).session == session
        return kept

    with ThreadPoolExecutor(20) as pool:
        written = [each for kept in pool.map(write, range(20)) for each in kept]

    assert [each.number for each in store.turns(session)] == list(range(101))
    assert sorted(written, key=lambda each: each.number) == store.turns(session)[1:]
    assert all(each.exclusions[0].since == each.number for each in written)
    assert check(store) == []


def test_processes_lose_no_turn(store: Store, home: Path, begin: Callable[..., TurnRecord]) -> None:
    session = begin().session
    writers = [start_writer(home, session, 10) for _ in range(3)]
    written = [line for writer in writers for line in lines_of(writer)]

    turns = store.turns(session)
    assert [turn.number for turn in turns] == list(range(31))
    assert sorted(written, key=lambda line: line[1]) == [(turn.session, turn.number, turn.sha256) for turn in turns[1:]]
    assert all(turn.exclusions[0].since == turn.number for turn in turns)
    assert set(Counter(turn.feedback for turn in turns[1:]).values()) == {10}
    assert check(store) == []


def test_processes_may_all_be_the_first(home: Path) -> None:
    writers = [start_writer(home, "new", 2) for _ in range(3)]
    written = [line for writer in writers for line in lines_of(writer)]

    with Store.open(home=home) as store:
        assert {session.id for session in store.sessions()} == {session for session, _, _ in written}
        assert len(store.sessions()) == 6
        assert check(store) == []


def test_pruning_takes_no_picture_from_a_turn_that_is_being_written(
    store: Store, home: Path, begin: Callable[..., TurnRecord]
) -> None:
    writer = start_writer(home, begin().session, 40)
    while writer.poll() is None:
        prune(store)
        time.sleep(0.005)  # SQLite's lock isn't fair, and prune takes it again and again

    assert len(lines_of(writer)) == 40
    assert check(store) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_killed_process_loses_no_finished_turn(store: Store, home: Path, begin: Callable[..., TurnRecord]) -> None:
    session = begin().session
    finished: list[tuple[int, str]] = []
    for _ in range(3):
        writer = start_writer(home, session, 100_000)
        assert writer.stdout is not None
        for _ in range(5):  # it is at work
            _, number, sha256 = writer.stdout.readline().split()
            finished.append((int(number), sha256))
        time.sleep(random.uniform(0, 0.05))  # and anywhere in it
        writer.kill()
        out, _ = writer.communicate(timeout=60)
        finished += [(int(number), sha256) for _, number, sha256 in map(str.split, out.splitlines())]

        with Store.open(home=home) as again:
            kept = {turn.number: turn.sha256 for turn in again.turns(session)}
            assert set(finished) <= set(kept.items())
            assert len(kept) <= len(finished) + 4  # the first, and one for each kill that was not printed
            assert [finding for finding in check(again) if not finding.is_harmless] == []
            assert again.next_number(session) == len(kept)


def die_at_sync(step: int) -> None:
    """Let this process be killed when it is about to sync a file or folder for the step-th time."""
    sync, count = os.fsync, itertools.count(1)

    def fsync(fd: Any) -> None:
        if next(count) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(fd)

    os.fsync = fsync


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_crash_at_any_sync_leaves_whole_turns_only(
    home: Path, turn: Callable[..., NewTurn], picture: Callable[..., Image.Image]
) -> None:
    with Store.open(home=home) as store:  # and closed again: SQLite's connections don't survive a fork
        session = store.begin_session("mini", (), turn(0, None), picture(0), {}).session
    for step in itertools.count(1):
        child = os.fork()
        if child == 0:
            try:
                die_at_sync(step)
                with Store.open(home=home) as store:
                    store.add_turn(session, turn(store.next_number(session), 0), picture(step), {})
                os._exit(0)
            finally:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        with Store.open(home=home) as store:
            assert [finding for finding in check(store) if not finding.is_harmless] == []
            if status == 0:
                assert store.images.open(store.turn(session).sha256).tobytes() == picture(step).tobytes()
                break
            assert status == -signal.SIGKILL
    assert step > 2  # the file and its folder, at least, were synced

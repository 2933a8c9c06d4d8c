"""Kill the program at random moments, again and again: is every turn that it finished still there?

    python benchmarks/kills.py [--count 200] [--mini 10] [--seed 1] [--json]

Every fifth kill hits a database that is being brought up from the first release; `--mini` more hit the real
engine, in processes of their own. After each, the database is opened and looked at. In the end, what was
interrupted is drawn again, every turn is replayed, and the store has to be without a fault. Exit 1 otherwise.
"""

import argparse
import json
import os
import random
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from notthat.agent import Conversation, Studio, replay
from notthat.agent.interpreters import OfflineInterpreter
from notthat.generation import StubEngine
from notthat.storage import Store, check, prune, revision, upgrade

RELEASED = Path(__file__).parents[1] / "tests" / "storage" / "released" / "0001" / "notthat.sql"
WORDS = ("no fog", "another one", "too dark", "another one", "undo, and no lanterns", "another one")
PATIENCE = 300.0


class LostError(Exception):
    """Something that was finished is not there."""


def studio_of(home: Path, model: str) -> Studio:
    """The studio of a home, on an engine of that name."""
    store = Store.open(home=home)
    store.attempts.mark_interrupted()
    if model == "mini":
        return Studio(store, OfflineInterpreter())
    return Studio(
        store, OfflineInterpreter(), model="stub", load_engine=lambda name: StubEngine(name, seconds_per_step=0.001)
    )


def work(home: Path, session: str, model: str, out: int) -> None:
    """Say things until killed; a line for every turn that is finished."""
    with studio_of(home, model) as studio:
        if model == "mini":
            studio.engine("mini")
        for k in range(1_000_000):
            turn = Conversation.open(session, studio).say(WORDS[(k + 1) % len(WORDS)])
            ready = "" if k else "ready\n"  # all that is loaded once is loaded
            os.write(out, f"{turn.number} {turn.sha256}\n{ready}".encode())


def killed_after(seconds: float, pid: int, out: int) -> list[tuple[int, str]]:
    """Let a process work for a while after it is ready, then kill it; what it has finished."""
    if not select.select([out], [], [], PATIENCE)[0]:
        raise LostError("a process did not begin to work")
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    with os.fdopen(out) as lines:
        finished = [line.split() for line in lines.read().splitlines() if line != "ready"]
    return [(int(line[0]), line[1]) for line in finished if len(line) == 2 and len(line[1]) == 64]


def kill_a_turn(home: Path, session: str, model: str, seconds: float) -> list[tuple[int, str]]:
    """Kill a process that draws; what it has finished."""
    out, into = os.pipe()
    if model == "mini":
        child = subprocess.Popen(
            [sys.executable, __file__, "--work", str(home), session, str(into)], pass_fds=[into], start_new_session=True
        )
        os.close(into)
        finished = killed_after(seconds, child.pid, out)
        child.wait()
        return finished
    pid = os.fork()
    if pid == 0:
        try:
            os.close(out)
            work(home, session, model, into)
        finally:
            os._exit(1)
    os.close(into)
    finished = killed_after(seconds, pid, out)
    os.waitpid(pid, 0)
    return finished


def kill_an_upgrade(home: Path, seconds: float) -> None:
    """Kill a process that upgrades a database of the first release; nothing that was in it is lost."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    with closing(sqlite3.connect(home / "notthat.db")) as database, database:
        database.executescript(RELEASED.read_text(encoding="utf-8"))
    pid = os.fork()
    if pid == 0:
        try:
            upgrade(home=home)
            os._exit(0)
        finally:
            os._exit(1)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    if revision(home=home) not in ("0001", upgrade(home=home)):
        raise LostError("a database is at no revision")
    with Store.open(home=home) as store:
        (session,) = store.sessions()
        if [turn.number for turn in store.turns(session.id)] != [0, 1, 2]:
            raise LostError("an upgrade lost a turn")


def look(home: Path, session: str, finished: dict[int, str]) -> None:
    """Hold what is kept against what was finished."""
    with Store.open(home=home) as store:
        kept = {turn.number: turn.sha256 for turn in store.turns(session)}
        if missing := set(finished.items()) - set(kept.items()):
            raise LostError(f"finished turns are not there: {sorted(missing)}")
        if bad := [finding.message for finding in check(store) if not finding.harmless]:
            raise LostError(f"the store is damaged: {bad}")


def end(home: Path, session: str, model: str) -> dict[str, int]:
    """Draw again what was interrupted, replay all, and clear away what the kills left."""
    with studio_of(home, model) as studio:
        store = studio.store
        interrupted = [attempt.turn.number for attempt in store.attempts.all(session)]
        for _ in interrupted:
            Conversation.retry(session, studio)
        results = list(replay(studio, session))
        if different := [result.turn for result in results if not result.identical]:
            raise LostError(f"turns came out differently: {different}")
        pruned = prune(store)
        if findings := [finding for finding in check(store) if finding.kind != "temporary file"]:
            raise LostError(f"the store is not clean: {findings}")
        return {"turns": len(results), "retried": len(interrupted), "pruned": len(pruned.pictures)}


def run(home: Path, count: int, model: str, upgrades: bool) -> dict[str, int]:
    """Kill `count` times, and look each time."""
    with studio_of(home, model) as studio:
        session = Conversation.start("a harbour at dawn without boats", studio, seed=1).id
    finished: dict[int, str] = {}
    for k in range(count):
        if upgrades and k % 5 == 4:
            kill_an_upgrade(home.with_name("old"), random.uniform(0, 0.3))
            continue
        finished |= dict(kill_a_turn(home, session, model, random.uniform(0, 0.2 if model == "stub" else 4.0)))
        look(home, session, finished)
    return {"kills": count, "finished": len(finished), **end(home, session, model)}


def main() -> int:
    """Kill, look, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--mini", type=int, default=0, help="so many more kills with the built-in model")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(Path(args.work[0]), args.work[1], "mini", int(args.work[2]))
    random.seed(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        try:
            results = {"stub": run(Path(folder, "stub"), args.count, "stub", upgrades=True)}
            if args.mini:
                results["mini"] = run(Path(folder, "mini"), args.mini, "mini", upgrades=False)
        except LostError as error:
            print(f"kills: {error}", file=sys.stderr)
            return 1
    for engine, result in results.items():
        told = ", ".join(f"{name} {number}" for name, number in result.items())
        print(json.dumps({"engine": engine, **result}) if args.json else f"{engine}: {told}; nothing lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())

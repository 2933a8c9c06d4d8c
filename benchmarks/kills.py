"""Kill the program at random moments: is every finished turn still there?

    python benchmarks/kills.py [--count 200] [--mini 20] [--seed 1] [--json]

Every fifth kill hits the upgrade of a database of the first release. `--mini` kills hit the built-in model, in
separate processes; all others hit an engine without a model, half of them while a picture is being stored. The
database is checked after each kill. At the end, interrupted turns are retried, every turn is replayed, and the stores
must have no damage; otherwise exits with 1. What is left shows what a kill interrupted:

    drawing    a pending turn without a picture
    writing    a pending turn with its picture or a part of it
    between    no turn
    migrating  a database of the first release whose upgrade had started
    migrated   a database of this release
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
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Self

from notthat.agent import Conversation, Studio, replay_session
from notthat.agent.interpreters import OfflineInterpreter
from notthat.generation import Progress, StubEngine
from notthat.storage import Store, check, prune, revision, upgrade

RELEASED = Path(__file__).parents[1] / "tests" / "storage" / "released" / "0001" / "notthat.sql"
WORDS = ("no fog", "another one", "too dark", "another one", "undo, and no lanterns", "another one")
PATIENCE = 300.0


class LostError(Exception):
    """A finished turn is missing."""


class Wait(NamedTuple):
    """When to kill: seconds after the process is ready, or after its next picture."""

    for_a_picture: bool
    seconds: float

    @classmethod
    def random(cls, model: str, k: int) -> Self:
        """A random moment, alternately at any time and while a picture is being stored."""
        if k % 2:
            return cls(True, random.uniform(0, 0.02))
        return cls(False, random.uniform(0, 0.2 if model == "stub" else 1.0))

    def is_over(self, said: bytes) -> bool:
        """Whether the process has reached that point."""
        _, ready, since = said.partition(b"ready\n")
        return bool(ready) and (b"drawn\n" in since or not self.for_a_picture)


def studio_of(home: Path, model: str) -> Studio:
    """The studio of a home with the engine of this name."""
    store = Store.open(home=home)
    store.attempts.mark_interrupted()
    if model == "mini":
        return Studio(store, OfflineInterpreter())
    return Studio(
        store, OfflineInterpreter(), model="stub", load_engine=lambda name: StubEngine(name, seconds_per_step=0.01)
    )


def work(home: Path, session: str, model: str, out: int) -> None:
    """Add turns until killed. Prints a line for every drawn picture and every finished turn."""

    def told(progress: Progress) -> None:
        if progress.picture is not None:
            os.write(out, b"drawn\n")

    with studio_of(home, model) as studio:
        if model == "mini":
            studio.engine("mini")
        for k in range(1_000_000):
            turn = Conversation.open(session, studio).say(WORDS[(k + 1) % len(WORDS)], told)
            ready = "" if k else "ready\n"  # all that is loaded once is loaded
            os.write(out, f"{turn.number} {turn.sha256}\n{ready}".encode())


def killed_after(wait: Wait, pid: int, out: int) -> list[tuple[int, str]]:
    """Run a worker, kill it, and return the turns that it finished."""
    said = b""
    while not wait.is_over(said):
        if not select.select([out], [], [], PATIENCE)[0] or not (more := os.read(out, 65536)):
            raise LostError("a process did not begin to work")
        said += more
    time.sleep(wait.seconds)
    os.kill(pid, signal.SIGKILL)
    with os.fdopen(out, "rb") as rest:
        said += rest.read()
    finished = [line.split() for line in said.decode().splitlines()]
    return [(int(line[0]), line[1]) for line in finished if len(line) == 2 and len(line[1]) == 64]


def kill_a_turn(home: Path, session: str, model: str, wait: Wait) -> list[tuple[int, str]]:
    """Kill a drawing process and return the turns that it finished."""
    out, into = os.pipe()
    if model == "mini":
        child = subprocess.Popen(
            [sys.executable, __file__, "--work", str(home), session, str(into)], pass_fds=[into], start_new_session=True
        )
        os.close(into)
        finished = killed_after(wait, child.pid, out)
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
    finished = killed_after(wait, pid, out)
    os.waitpid(pid, 0)
    return finished


def make_old(home: Path) -> None:
    """A home that has only a database of the first release."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    with closing(sqlite3.connect(home / "notthat.db")) as database, database:
        database.executescript(RELEASED.read_text(encoding="utf-8"))


def seconds_of_an_upgrade(home: Path) -> float:
    """Seconds of an upgrade that is not killed; also imports the modules."""
    make_old(home)
    upgrade(home=home)
    make_old(home)
    started = time.perf_counter()
    upgrade(home=home)
    return time.perf_counter() - started


def kill_an_upgrade(home: Path, seconds: float) -> str:
    """Kill an upgrade of a database of the first release. Nothing may be lost; returns what the kill interrupted."""
    make_old(home)
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
    found = revision(home=home)
    if found not in ("0001", upgrade(home=home)):
        raise LostError("a database is at no revision")
    with Store.open(home=home) as store:
        (session,) = store.sessions()
        if [turn.number for turn in store.turns(session.id)] != [0, 1, 2]:
            raise LostError("an upgrade lost a turn")
    return "migrating" if found == "0001" else "migrated"


def look(home: Path, session: str, finished: dict[int, str], since: float) -> str:
    """Compare the store with the finished turns; returns what a kill after the time `since` interrupted."""
    with Store.open(home=home) as store:
        turns = store.turns(session)
        kept, named = {turn.number: turn.sha256 for turn in turns}, {turn.image for turn in turns}
        if missing := set(finished.items()) - set(kept.items()):
            raise LostError(f"finished turns are not there: {sorted(missing)}")
        if bad := [finding.message for finding in check(store) if not finding.is_harmless]:
            raise LostError(f"the store is damaged: {bad}")
        if not any(attempt.status == "pending" for attempt in store.attempts.all(session)):
            return "between"
        unnamed = [path for _, path in store.images.pictures() if path not in named]
        written = [path for path in (*unnamed, *store.images.temporary()) if path.stat().st_mtime >= since]
        return "writing" if written else "drawing"


def end(home: Path, session: str, model: str) -> dict[str, int]:
    """Retry interrupted turns, replay all, and remove what the kills left."""
    with studio_of(home, model) as studio:
        store = studio.store
        interrupted = [attempt.turn.number for attempt in store.attempts.all(session)]
        for _ in interrupted:
            Conversation.retry(session, studio)
        results = list(replay_session(studio, session))
        if different := [result.turn for result in results if not result.identical]:
            raise LostError(f"turns came out differently: {different}")
        pruned = prune(store)
        if findings := [finding for finding in check(store) if finding.kind != "temporary file"]:
            raise LostError(f"the store is not clean: {findings}")
        return {"turns": len(results), "retried": len(interrupted), "pruned": len(pruned.pictures)}


def run(home: Path, count: int, model: str, upgrades: bool) -> dict[str, int]:
    """Kill `count` times and check after each."""
    with studio_of(home, model) as studio:
        session = Conversation.start("a house without boats", studio, seed=1, steps=6).id
    usual = seconds_of_an_upgrade(home.with_name("old")) if upgrades else 0.0
    finished: dict[int, str] = {}
    hit: Counter[str] = Counter()
    for k in range(count):
        if upgrades and k % 5 == 4:
            hit[kill_an_upgrade(home.with_name("old"), random.uniform(0, usual))] += 1
            continue
        started = time.time()
        finished |= dict(kill_a_turn(home, session, model, Wait.random(model, k)))
        hit[look(home, session, finished, started)] += 1
        if sys.stderr.isatty():
            print(f"{model}: {k + 1} of {count}", end="\r", file=sys.stderr)
    return {"kills": count, **dict(sorted(hit.items())), "finished": len(finished), **end(home, session, model)}


def main() -> int:
    """Run the kills and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--mini", type=int, default=0, help="number of kills with the built-in model")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(Path(args.work[0]), args.work[1], "mini", int(args.work[2]))
    random.seed(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        try:
            results = {"stub": run(Path(folder, "stub"), args.count - args.mini, "stub", upgrades=True)}
            if args.mini:
                results["mini"] = run(Path(folder, "mini"), args.mini, "mini", upgrades=False)
        except LostError as error:
            print(f"kills: {error}", file=sys.stderr)
            return 1
    for engine, result in results.items():
        told = ", ".join(f"{name} {number}" for name, number in result.items())
        print(json.dumps({"engine": engine, **result}) if args.json else f"{engine}: {told}")
    if not args.json:
        kept = sum(result["turns"] for result in results.values())
        print(f"{args.count} kills: nothing lost, the stores are clean, {kept} of {kept} turns replay identical")
    return 0


if __name__ == "__main__":
    sys.exit(main())

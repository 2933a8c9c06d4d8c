"""Many processes write to one session at once: is every turn recorded, and is the tree intact?

    python benchmarks/crowd.py [--processes 8] [--turns 50] [--url postgresql://…] [--json]

Exits with 1 unless every process added all its turns without an error.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from notthat.agent import Conversation, Studio
from notthat.agent.interpreters import OfflineInterpreter
from notthat.generation import StubEngine
from notthat.storage import Store, check


def studio_of(url: str | None, home: Path) -> Studio:
    """A studio with a stub engine."""
    return Studio(Store.open(url, home=home), OfflineInterpreter(), model="stub", load_engine=StubEngine)


def work(url: str | None, home: Path, session: str, turns: int) -> None:
    """Add `turns` turns to the session, each from the current head."""
    with studio_of(url, home) as studio:
        for _ in range(turns):
            Conversation.open(session, studio).say("another one")


def start(url: str | None, home: Path, session: str, turns: int) -> int:
    """Fork a worker process; returns its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work(url, home, session, turns)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def main() -> int:
    """Run all workers and check the session."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--turns", type=int, default=50)
    parser.add_argument("--url", help="URL of a database; by default a new SQLite file")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with studio_of(args.url, home) as studio:
            session = Conversation.start("a harbour at dawn", studio, seed=1).id
        started = time.perf_counter()
        pids = [start(args.url, home, session, args.turns) for _ in range(args.processes)]
        errors = sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 for pid in pids)
        seconds = time.perf_counter() - started
        with Store.open(args.url, home=home) as store:
            kept = store.turns(session)
            last = max(kept, key=lambda turn: turn.created_at)
            whole = [turn.number for turn in kept] == list(range(1 + args.processes * args.turns))
            found = {
                "turns": len(kept) - 1,
                "errors": errors,
                "whole": whole and not check(store) and not store.attempts.all(),
                "head_is_last": store.session(session).head == last.number,
                "seconds": round(seconds, 1),
            }
    if args.json:
        print(json.dumps(found))
    else:
        print(", ".join(f"{name} {value}" for name, value in found.items()))
    return 0 if found["whole"] and found["head_is_last"] and not errors else 1


if __name__ == "__main__":
    sys.exit(main())

"""How long storage takes, in an empty store and in large ones: opening, a turn's bookkeeping, listing.

    python benchmarks/storage.py [--sessions 10000] [--turns 2000] [--repeat 50] [--url postgresql://…] [--json]

A turn's bookkeeping is all that storage does for it: it is recorded as pending, its picture is written and
synced, and it is recorded as done. Prints medians in milliseconds, with the fastest and the slowest, and
how much of it this process computed: what is more than that was waiting, for the disk or for a busy machine.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image
from sqlalchemy import insert

from notthat.storage import ExclusionRecord, NewTurn, SessionStart, Store, upgrade
from notthat.storage.connection import connect, database_url
from notthat.storage.models import ExclusionRow, SessionRow, TurnRow

TERMS = ("mustache", "watermark", "cartoon", "fog", "blurry", "text", "border", "extra fingers")
BATCH = 2000
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
TURN = NewTurn(
    number=0,
    parent=None,
    feedback="too cartoonish, and no watermark",
    edits=({"op": "exclude", "term": "cartoon", "weight": 1.0},),
    reply="Excluded “cartoon”.",
    prompt="portrait of a man",
    negative=", ".join(TERMS),
    exclusions=tuple(ExclusionRecord(term, 1.0, "user", 0, "too cartoonish") for term in TERMS),
    seed=7,
    request={"model": "mini", "prompt": "portrait of a man", "num_inference_steps": 20, "guidance_scale": 5.0},
    seconds=2.0,
)


def fill(url: str | None, home: Path, sessions: int, turns: int) -> str:
    """Put that many sessions of a turn into a store, and one session of that many turns; its id. No pictures."""
    upgrade(url, home=home)
    engine = connect(database_url(url, home))
    long = f"{sessions:016x}"
    with engine.begin() as db:
        rows = [(f"{k:016x}", 0) for k in range(sessions)] + [(long, k) for k in range(turns)]
        values = {"model": "mini", "policies": []}
        begun = [
            {**values, "id": f"{k:016x}", "created_at": FIRST + timedelta(seconds=k), "head": 0}
            for k in range(sessions)
        ]
        begun.append({**values, "id": long, "created_at": FIRST, "head": turns - 1})
        for at in range(0, len(begun), BATCH):
            db.execute(insert(SessionRow), begun[at : at + BATCH])
        for at in range(0, len(rows), BATCH):
            batch = list(enumerate(rows[at : at + BATCH], start=at + 1))
            db.execute(insert(TurnRow), [_turn(id_, *row) for id_, row in batch])
            db.execute(insert(ExclusionRow), [each for id_, _ in batch for each in _exclusions(id_)])
        if db.dialect.name == "postgresql":
            db.exec_driver_sql(f"ALTER SEQUENCE turns_id_seq RESTART WITH {len(rows) + 1}")
    engine.dispose()
    return long


def _turn(id_: int, session: str, number: int) -> dict[str, object]:
    kept = {name: value for name, value in vars(TURN).items() if name not in ("exclusions", "number", "parent")}
    return {
        **kept,
        "edits": list(TURN.edits),
        "id": id_,
        "session_id": session,
        "number": number,
        "parent": number - 1 if number else None,
        "created_at": FIRST,
        "image": "0" * 64,
    }


def _exclusions(turn: int) -> list[dict[str, object]]:
    return [{"turn_id": turn, "position": k, **vars(each)} for k, each in enumerate(TURN.exclusions)]


def timed(run: Callable[[], object], repeat: int) -> list[tuple[float, float]]:
    """Milliseconds of each run: as they passed, and as this process used them."""
    times = []
    for _ in range(repeat):
        started, used = time.perf_counter(), time.process_time()
        run()
        times.append((1000 * (time.perf_counter() - started), 1000 * (time.process_time() - used)))
    return times


def bookkeeping(store: Store, session: str) -> None:
    """All that storage does for one turn."""
    picture = Image.frombytes("RGB", (128, 128), os.urandom(128 * 128 * 3))
    head = store.turn(session)
    turn = replace(TURN, number=store.next_number(session), parent=head.number)
    attempt = store.attempts.begin(session, turn)
    store.attempts.finish(attempt, picture, {"parameters": "portrait of a man"}, 2.0)
    store.attempts.meanwhile(attempt)


def measure(url: str | None, home: Path, session: str, repeat: int) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds by what was done, in the session of a store."""

    def opened() -> None:
        with Store.open(url, home=home) as again:
            again.session(session)
            again.turn(session)

    with Store.open(url, home=home) as store:
        bookkeeping(store, session)  # the first one reads what the next ones find in memory
        return {
            "open the store and a session": timed(opened, max(3, repeat // 5)),
            "bookkeeping of a turn": timed(lambda: bookkeeping(store, session), repeat),
            "list the 20 newest sessions": timed(lambda: store.sessions(20), repeat),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=2000)
    parser.add_argument("--repeat", type=int, default=50)
    parser.add_argument("--url", help="an empty database for the large store; by default a SQLite file")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small"), Path(folder, "large")
        with Store.open(home=small) as store:
            begun = store.attempts.begin_session(SessionStart("mini", ()), TURN)
            store.attempts.finish(begun, Image.new("RGB", (128, 128)), {}, 2.0)
        results["an empty store"] = measure(None, small, begun.session, args.repeat)
        long = fill(args.url, large, args.sessions, args.turns)
        results[f"{args.sessions} sessions, a new one"] = measure(args.url, large, "0" * 16, args.repeat)
        results[f"a session of {args.turns} turns"] = measure(args.url, large, long, args.repeat)
    if args.json:
        print(json.dumps(results))
        return
    print(f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}, Python {platform.python_version()}")
    for where, figures in results.items():
        print(where)
        for what, runs in figures.items():
            passed, used = zip(*runs, strict=True)
            span = f"{min(passed):.2f} to {max(passed):.2f}; {statistics.median(used):.2f} computing"
            print(f"  {what:<32}{statistics.median(passed):8.2f} ms   ({span})")


if __name__ == "__main__":
    main()

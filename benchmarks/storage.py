"""Latency of the storage, in an empty store and in large ones: opening, recording a turn, listing.

    python benchmarks/storage.py [--sessions 10000] [--turns 2000] [--repeat 50] [--side 128] [--folder DIR]
                                 [--url postgresql://…] [--json]

Recording a turn reads the earlier turns, records it as pending, writes and syncs its picture, and records it as done.
Its parts are listed below it: encoding the PNG, the file (written, synced, renamed, its folder synced), and the
database (two synced transactions). The last row is a sync alone on this disk. Prints medians in milliseconds with
minimum and maximum, and the processor time: the rest is waiting for the disk or for other processes.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import insert

from notthat.storage import ExclusionRecord, ImageStore, NewTurn, SessionStart, Store, upgrade
from notthat.storage.engine import create_engine_for, database_url
from notthat.storage.images import encode_png
from notthat.storage.tables import ExclusionRow, SessionRow, TurnRow

TERMS = ("mustache", "watermark", "cartoon", "fog", "blurry", "text", "border", "extra fingers")
TEXT = {"parameters": "portrait of a man"}
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
    """Insert `sessions` sessions with one turn and one session with `turns` turns, without pictures; returns its id."""
    upgrade(url, home=home)
    engine = create_engine_for(database_url(url, home))
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
    for k in range(256):  # as they are once there were some thousand pictures
        (home / "images" / f"{k:02x}").mkdir(parents=True, exist_ok=True)
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


Times = list[tuple[float, float]]
"""Milliseconds of each run: wall clock and processor time."""


def timed(run: Callable[[], object], repeat: int) -> Times:
    """Milliseconds of each run: wall clock and processor time."""
    times = []
    for _ in range(repeat):
        started, used = time.perf_counter(), time.process_time()
        run()
        times.append((1000 * (time.perf_counter() - started), 1000 * (time.process_time() - used)))
    return times


class Timed(ImageStore):
    """A folder of pictures that measures its own time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.times: Times = []

    def save(self, image: Image.Image, text: Mapping[str, str], request: Mapping[str, Any]) -> str:
        kept: list[str] = []
        self.times += timed(lambda: kept.append(super(Timed, self).save(image, text, request)), 1)
        return kept[0]


def some_picture(side: int) -> Image.Image:
    """A new picture: soft colours with a little noise."""
    soft = Image.frombytes("RGB", (8, 8), os.urandom(8 * 8 * 3)).resize((side, side), Image.Resampling.BICUBIC)
    return Image.blend(soft, Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)), 0.03)


def bookkeeping(store: Store, session: str, parent: int, picture: Image.Image) -> int:
    """All storage operations of one turn that continues `parent`; returns its number."""
    store.path(session, parent, last=3)
    turn = replace(TURN, number=store.next_number(session), parent=parent)
    attempt = store.attempts.begin(session, turn)
    kept = store.attempts.finish(attempt, picture, TEXT, 2.0)
    store.attempts.other_turns_since(attempt)
    return kept.number


def turns_of(store: Store, images: Timed, session: str, repeat: int, side: int) -> dict[str, Times]:
    """The time to record a turn, and its parts."""
    whole: Times = []
    encoding: Times = []
    images.times.clear()
    numbers = [store.session(session).head]
    for _ in range(repeat):
        picture = some_picture(side)
        encoding += timed(lambda picture=picture: encode_png(picture, TEXT), 1)  # once more, by itself
        whole += timed(lambda picture=picture: numbers.append(bookkeeping(store, session, numbers[-1], picture)), 1)
    return {
        "bookkeeping of a turn": whole,
        "  its picture as a PNG": encoding,
        "  the file, synced": _less(images.times, encoding),
        "  the database, synced": _less(whole, images.times),
    }


def _less(whole: Times, part: Times) -> Times:
    return [(passed - less, used - too) for (passed, used), (less, too) in zip(whole, part, strict=True)]


def syncs(folder: Path, repeat: int) -> dict[str, Times]:
    """The time to write and sync 4 kB, at the end of a growing file and in an existing file."""
    file = os.open(folder / "sync", os.O_CREAT | os.O_RDWR)

    def grow() -> None:
        os.lseek(file, 0, os.SEEK_END)
        os.write(file, bytes(4096))
        os.fsync(file)

    def overwrite() -> None:
        os.pwrite(file, os.urandom(4096), 0)
        os.fsync(file)

    try:
        return {"fsync of a file that grew": timed(grow, repeat), "fsync of one that didn't": timed(overwrite, repeat)}
    finally:
        os.close(file)


def measure(url: str | None, home: Path, session: str, repeat: int, side: int) -> dict[str, Times]:
    """Milliseconds by operation, in a session of a store."""

    def opened() -> None:
        with Store.open(url, home=home) as again:
            again.session(session)
            again.turn(session)

    Store.open(url, home=home).close()  # which makes the tables where there are none
    images = Timed(home / "images")
    with Store(create_engine_for(database_url(url, home)), images) as store:
        head = store.session(session).head
        bookkeeping(store, session, head, some_picture(side))  # the first one reads what the next ones find in memory
        return {
            "open the store and a session": timed(opened, max(3, repeat // 5)),
            **turns_of(store, images, session, repeat, side),
            "list the 20 newest sessions": timed(lambda: store.sessions(20), repeat),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=2000)
    parser.add_argument("--repeat", type=int, default=50)
    parser.add_argument("--side", type=int, default=128, help="width and height of a picture, in pixels")
    parser.add_argument("--folder", help="folder to measure in, on the disk of interest")
    parser.add_argument("--url", help="URL of an empty database for the large store; by default a SQLite file")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        small, large = Path(folder, "small"), Path(folder, "large")
        with Store.open(home=small) as store:
            begun = store.attempts.begin_session(SessionStart("mini", ()), TURN)
            store.attempts.finish(begun, Image.new("RGB", (128, 128)), {}, 2.0)
        results["an empty store"] = measure(None, small, begun.session, args.repeat, args.side)
        long = fill(args.url, large, args.sessions, args.turns)
        results[f"{args.sessions} sessions, a new one"] = measure(args.url, large, "0" * 16, args.repeat, args.side)
        results[f"a session of {args.turns} turns"] = measure(args.url, large, long, args.repeat, args.side)
        results["this disk"] = syncs(Path(folder), args.repeat)
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

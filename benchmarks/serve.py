"""Many sessions at once on a real `notthat serve`: lost turns, latency, and growth of memory.

    python benchmarks/serve.py [--model mini|stub] [--sessions 50] [--seconds 120] [--queue 64] [--json]

Each session adds one turn after the other; some clients disconnect in the middle. Then an idle server is measured: the
time to the first event of a turn, and the overhead of HTTP. Exits with 1 after an error other than 429, if a turn was
lost or mixed up, if the queue exceeded its limit, or if memory grew by more than a tenth in the second half.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from notthat.generation import StubEngine
from notthat.storage import Store, check

WORDS = ("fog", "boats", "hat", "beard", "watermark", "glasses", "cartoon", "text")
STUB_STEP = 0.005
CHILD = "--as-server"
"""The first argument of the child process."""
VANISHING = 0.03
"""The share of turns whose client disconnects while waiting."""


@dataclass
class Seen:
    """The results of the clients."""

    statuses: Counter[int] = field(default_factory=Counter)
    mixed_up: list[str] = field(default_factory=list)
    turns: dict[str, dict[int, str]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    vanished: int = 0


def serve(model: str) -> None:
    """Run `notthat serve` as a child process that ends with this benchmark; `stub` needs no model."""
    from notthat.agent import studio
    from notthat.agent.interfaces.cli.main import main

    threading.Thread(target=end_with_parent, daemon=True).start()
    if model == "stub":
        studio._load_engine = lambda model, device=None: StubEngine(model, seconds_per_step=STUB_STEP)
    main()


def end_with_parent() -> None:
    """Exit as soon as the parent closes this process's stdin, however the parent ends."""
    os.read(0, 1)  # not `sys.stdin`, whose lock a process that ends otherwise would wait for
    os._exit(1)


def start(home: Path, model: str, queue: int) -> tuple[subprocess.Popen[str], str]:
    """A server process, and its URL."""
    options = ["serve", "--port", "0", "--model", model, "--queue", str(queue)]
    process = subprocess.Popen(
        [sys.executable, __file__, CHILD, model, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NOTTHAT_HOME": str(home), "NOTTHAT_INTERPRETER": "offline"},
    )
    assert process.stderr is not None
    return process, next(word for word in process.stderr.readline().split() if word.startswith("http"))


async def until_ready(client: httpx.AsyncClient) -> None:
    """Wait until the server can draw."""
    while (await client.get("/readyz")).status_code != 200:
        await asyncio.sleep(0.2)


async def asked(client: httpx.AsyncClient, seen: Seen, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """A turn, with retries; None after an error."""
    while True:
        answer = await client.post(path, json=body)
        seen.statuses[answer.status_code] += 1
        if answer.status_code == 429:
            await asyncio.sleep(min(1.0, float(answer.headers["retry-after"])))
            continue
        return dict(answer.json()) if answer.status_code == 200 else None


async def talk(client: httpx.AsyncClient, seen: Seen, k: int, steps: int, ends: float) -> None:
    """Run one session turn by turn and check each one."""
    first = await asked(client, seen, "/api/sessions", {"prompt": f"portrait of a man {k}", "seed": k, "steps": steps})
    if first is None:
        return
    session, kept = first["session"], seen.turns.setdefault(first["session"], {0: first["sha256"]})
    number = 0
    while time.monotonic() < ends:
        if random.random() < VANISHING:
            seen.vanished += 1
            with suppress(httpx.TimeoutException):
                body = {"feedback": "another one"}
                await client.post(f"/api/sessions/{session}/turns", json=body, timeout=random.uniform(0.01, 0.3))
            number = 10**6  # whether that turn was drawn isn't known
        word = random.choice(WORDS)
        begun = time.perf_counter()
        turn = await asked(client, seen, f"/api/sessions/{session}/turns", {"feedback": f"no {word}, and another one"})
        if turn is None:
            return
        seen.seconds.append(time.perf_counter() - begun)
        expected = turn["turn"] if number == 10**6 else number + 1
        if (
            (turn["session"], turn["turn"]) != (session, expected)
            or turn["turn"] in kept
            or word not in turn["negative"]
        ):
            seen.mixed_up.append(f"{session}: asked for “no {word}” as turn {expected}, and got {turn}")
        number = turn["turn"]
        kept[number] = turn["sha256"]


async def watch(client: httpx.AsyncClient, pid: int, ends: float) -> tuple[list[int], list[float]]:
    """Sample the server's memory and the queue every second."""
    memory, queue = [], []
    while time.monotonic() < ends:
        memory.append(psutil.Process(pid).memory_info().rss)
        lines = (await client.get("/metrics")).text.splitlines()
        queue.append(next(float(line.split()[1]) for line in lines if line.startswith("notthat_queue_waiting ")))
        await asyncio.sleep(1)
    return memory, queue


async def first_events(client: httpx.AsyncClient, session: str, count: int) -> list[float]:
    """Seconds from the request to the first event of a turn, on an idle server."""
    found = []
    for _ in range(count):
        begun = time.perf_counter()
        body, later = {"feedback": "another one"}, {"Prefer": "respond-async"}
        pending = (await client.post(f"/api/sessions/{session}/turns", json=body, headers=later)).json()
        async with client.stream("GET", pending["events"]) as answer:
            first = None
            async for line in answer.aiter_lines():
                if line.startswith("event:") and first is None:
                    first = time.perf_counter() - begun
            found.append(first or float("inf"))
    return found


async def https_share(client: httpx.AsyncClient, session: str, count: int) -> float:
    """The share of a turn's time that is not interpreting, waiting for a device, drawing or storing."""
    shares = []
    for _ in range(count):
        before = await phases(client)
        begun = time.perf_counter()
        await client.post(f"/api/sessions/{session}/turns", json={"feedback": "another one"})
        whole = time.perf_counter() - begun
        after = await phases(client)
        shares.append(1 - (after - before) / whole)
    return statistics.median(shares)


async def phases(client: httpx.AsyncClient) -> float:
    """Total seconds of interpreting and drawing so far."""
    lines = (await client.get("/metrics")).text.splitlines()
    names = [f'notthat_turn_phase_seconds_sum{{phase="{phase}"}} ' for phase in ("interpret", "draw")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if any(line.startswith(name) for name in names))


def lost(home: Path, seen: Seen) -> list[str]:
    """Turns that were reported but are missing in the store or stored differently."""
    with Store.open(home=home) as store:
        found = [finding.message for finding in check(store) if not finding.is_harmless]
        for session, turns in seen.turns.items():
            kept = {turn.number: turn.sha256 for turn in store.turns(session)}
            found += [f"{session}: turn {n}" for n, sha256 in turns.items() if kept.get(n) != sha256]
    return found


async def measure(home: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Run the whole benchmark."""
    random.seed(args.seed)
    process, url = start(home, args.model, args.queue)
    limits = httpx.Limits(max_connections=args.sessions + 10)
    seen = Seen()
    try:
        async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as client:
            await until_ready(client)
            first = await asked(client, seen, "/api/sessions", {"prompt": "portrait of a man", "steps": args.steps})
            assert first is not None
            events = await first_events(client, first["session"], args.idle)
            share = await https_share(client, first["session"], args.idle)
            ends = time.monotonic() + args.seconds
            watching = asyncio.create_task(watch(client, process.pid, ends))
            await asyncio.gather(*(talk(client, seen, k, args.steps, ends) for k in range(args.sessions)))
            memory, queue = await watching
    finally:
        process.terminate()
        code = process.wait(60)
    half = memory[len(memory) // 2 :]
    return {
        "model": args.model,
        "sessions": args.sessions,
        "turns": sum(map(len, seen.turns.values())),
        "statuses": {str(status): count for status, count in sorted(seen.statuses.items())},
        "vanished": seen.vanished,
        "lost": lost(home, seen),
        "mixed_up": seen.mixed_up,
        "queue_most": max(queue),
        "memory_mb": [round(each / 1e6) for each in (memory[0], half[0], half[-1])],
        "memory_growth": round(half[-1] / half[0] - 1, 3),
        "turn_seconds_median": round(statistics.median(seen.seconds), 3),
        "first_event_ms": {"median": ms(statistics.median(events)), "most": ms(max(events))},
        "https_share": round(share, 4),
        "exit": code,
    }


def ms(seconds: float) -> float:
    """Seconds as text in milliseconds."""
    return round(seconds * 1000, 1)


def main() -> int:
    """Measure and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mini", choices=["mini", "stub"])
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--queue", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--idle", type=int, default=11, help="number of turns timed on an idle server")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ctrl-C does: what was begun is cleared away
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder) / "home", args))
    if args.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:20} {value}")
    errors = set(found["statuses"]) - {"200", "429"}
    bounded = found["queue_most"] <= args.queue
    good = not (errors or found["lost"] or found["mixed_up"] or found["exit"]) and bounded
    return 0 if good and found["memory_growth"] < 0.1 else 1


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        _, model = sys.argv[1:3]
        del sys.argv[1:3]
        serve(model)
    sys.exit(main())

"""Latency of the main job: the help, a turn in an open session, a turn from a cold start.

    python benchmarks/main_job.py [--turns 9] [--json]

Prints medians in seconds with minimum and maximum, and the machine.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from notthat.agent import Conversation, Settings, Studio

FEEDBACK = ("too cartoonish", "and no watermark", "no hat", "too dark", "another one")


def timed(run: Callable[[], object]) -> float:
    """Seconds that `run` takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def command(home: Path, *arguments: str) -> str:
    """The output of the `notthat` in this Python's environment."""
    program = Path(sys.executable).with_name("notthat")
    environment = {**os.environ, "NOTTHAT_HOME": str(home)}
    return subprocess.run([program, *arguments], env=environment, check=True, capture_output=True, text=True).stdout


def measure(home: Path, turns: int) -> dict[str, list[float]]:
    """Seconds of each run, by name."""
    with Studio.open(Settings.load(home=home)) as studio:
        conversation = Conversation.start("portrait of a man without mustache", studio, seed=7)
        warm = [timed(lambda k=k: conversation.say(FEEDBACK[k % len(FEEDBACK)])) for k in range(turns)]
    return {
        "notthat --help": [timed(lambda: command(home, "--help")) for _ in range(turns)],
        "a turn in an open session": warm,
        "notthat say, from a cold start": [
            timed(lambda: command(home, "say", conversation.id, "another one", "--json")) for _ in range(3)
        ],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        seconds = measure(Path(home), args.turns)
    if args.json:
        print(json.dumps(seconds))
        return
    print(f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}, Python {platform.python_version()}")
    for what, runs in seconds.items():
        print(f"{what:<32}{statistics.median(runs):6.2f} s   ({min(runs):.2f} to {max(runs):.2f}, {len(runs)} runs)")


if __name__ == "__main__":
    main()

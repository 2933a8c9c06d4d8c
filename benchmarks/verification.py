"""What verification costs on mini: a turn with it, over the same turn without it, and over two stock pictures.

    python benchmarks/verification.py [--turns 34] [--processor-time]

Each turn leaves out another attribute, as in `exclusion.py`: every second one is told so by its first prompt, the
others by feedback on a picture. The three kinds alternate, so that a slowdown of the machine affects all. A stock
picture is that of diffusers' pipeline with the same prompts and steps. On a busy machine, use `--processor-time`: other
processes do not affect it.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from drawing import bare, refused
from engine import stock
from judge import ATTRIBUTES
from rates import print_table

from notthat.agent import Conversation, Settings, Studio, turn_json
from notthat.agent.verification import VerifyOptions
from notthat.generation import GenerationRequest
from notthat.generation.model_catalog import locate_model
from notthat.storage import TurnRecord

diffusers: Any = import_module("diffusers")

NAMES = [name for name in ATTRIBUTES if name != "smile"]


def tell(
    studio: Studio, seed: int, verification: VerifyOptions | None, clock: Callable[[], float]
) -> tuple[float, TurnRecord]:
    """The seconds that a turn takes which excludes an attribute, and the turn."""
    name = NAMES[seed // 2 % len(NAMES)]
    if seed % 2:
        started = clock()
        conversation = Conversation.start(refused(bare(seed, name), name), studio, seed=seed, verification=verification)
    else:
        conversation = Conversation.start(bare(seed, name), studio, seed=seed, verification=verification)
        started = clock()
        conversation.say(f"no {name}")
    return clock() - started, conversation.head


def main() -> None:
    """Draw, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=34)
    parser.add_argument("--processor-time", action="store_true", help="measure processor time, not wall-clock time")
    args = parser.parse_args()
    clock = time.process_time if args.processor_time else time.perf_counter
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(locate_model("mini"), safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    seconds: dict[str, list[float]] = {"verified": [], "not verified": [], "two stock pictures": []}
    tries = []
    with (
        tempfile.TemporaryDirectory() as home,
        Studio.open(Settings.load(home=Path(home), interpreter="offline"), device="cpu") as studio,
    ):
        tell(studio, 0, VerifyOptions(), clock)  # loads everything
        for seed in range(1, args.turns + 1):
            plain, turn = tell(studio, seed, None, clock)
            draw = stock(pipeline, GenerationRequest.create(**turn.request))
            started = clock()
            draw()
            draw()
            seconds["two stock pictures"].append(clock() - started)
            seconds["not verified"].append(plain)
            verified, turn = tell(studio, seed, VerifyOptions(), clock)
            seconds["verified"].append(verified)
            tries.append(turn_json(turn)["tries"])
    mean = {what: statistics.mean(values) for what, values in seconds.items()}
    rows = [
        [what, f"{mean[what]:.2f} s", f"{statistics.median(values):.2f} s", f"{mean['verified'] / mean[what]:.2f}"]
        for what, values in seconds.items()
    ]
    print_table(["a turn", "mean", "median", "verified, relative to it"], rows)
    print(f"\n{args.turns} turns, {statistics.mean(tries):.2f} pictures for a verified one")


if __name__ == "__main__":
    main()

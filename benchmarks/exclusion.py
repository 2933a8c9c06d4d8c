"""How well exclusions work on mini: X in the negative prompt removes it; "without X" in the prompt adds it.

    python benchmarks/exclusion.py [--seeds 200] [--json]

Portraits are drawn by the engine with mini's defaults and the same seeds in every column:

    bare      "portrait of a man" (then a woman, then a child); where a style, an overlay or a fault is excluded,
              "found portrait of a man", since plain pictures seldom have one
    without   the raw prompt "portrait of a man without a hat"
    negative  the bare prompt with "hat" in the negative prompt
    agent     the agent, given "portrait of a man without a hat", or in every second batch the feedback "no hat"
    verified  the same as agent, with `--verify`: what is still there is tried again
    asked     the raw prompt "portrait of a man with a hat" (on a quarter of the seeds)

A classifier judges them; it was trained on renders, never on pictures drawn by mini (`judge.py`). Rates have 95 %
Wilson intervals. Attributes that the judge recognises too badly on held-out pictures are omitted. With `--json`, the
last line of stdout is the rates as JSON.
"""

import argparse
import json
import os
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from drawing import Drawer, agent_requests, bare, refused, stderr, wanted
from joining import find_joining
from judge import ATTRIBUTES, Judge, Verdicts, accuracy, held_out, through_the_autoencoder
from PIL import Image, ImageDraw
from rates import Rate, SideEffects, print_table
from verified import measure_verified, print_verified

from notthat.generation import GenerationRequest
from notthat.generation.model_catalog import locate_model

FIVE = ("hat", "glasses", "watermark", "text", "blurry")
SWEPT = ("mustache", "hat", "cartoon", "watermark", "blurry")
GUIDANCE = (2.0, 4.0, 6.0, 8.0)
STEPS = (8, 12, 20)
METHODS = ("cfg", "lookahead")
UNGUIDED_METHODS = ("nag", "vsf")
UNGUIDED = {"guidance_scale": 1.0, "num_inference_steps": 8}
"""As few-step models are used. `ong` is not defined for the cross-attention of a U-Net."""

TRUSTED = 0.9
"""Minimum sensitivity and specificity of the judge for an attribute to be included."""

RARE = 0.12
"""Minimum rate of an attribute in the bare pictures for it to be included."""


class Experiment:
    """The pictures of all columns and the judge's verdicts. Side effects are counted on the `judged` attributes."""

    def __init__(self, drawer: Drawer, judge: Judge, seeds: range, judged: Collection[str] = ATTRIBUTES) -> None:
        self.drawer, self.judge, self.judged = drawer, judge, judged
        self.seeds = seeds
        self.settings: dict[str, object] = {}
        """Settings of the bare pictures, other than the model's defaults."""
        self._columns: dict[str, dict[str, list[GenerationRequest]]] = {}

    def bare(self, name: str) -> list[GenerationRequest]:
        """The requests in whose pictures an attribute is frequent."""
        return [self.drawer.request(seed, bare(seed, name), **self.settings) for seed in self.seeds]

    def worth_excluding(self, names: Sequence[str]) -> list[str]:
        """The attributes that are frequent enough in the bare pictures."""
        seen = {name: self.verdicts(self.bare(name), "bare").mean(0) for name in names}
        rates = {name: float(seen[name][ATTRIBUTES.index(name)]) for name in names}
        rare = [f"{name} {100 * rate:.0f} %" for name, rate in rates.items() if rate < RARE]
        print(f"\nSeldom there unasked, so left out: {', '.join(rare) or 'none'}")
        return [name for name, rate in rates.items() if rate >= RARE]

    def verdicts(self, requests: Sequence[GenerationRequest], what: str) -> Verdicts:
        """The verdicts for the pictures of the requests; shape (len(requests), len(ATTRIBUTES))."""
        return self.judge.verdicts(self.drawer.draw(requests, what))

    def columns(self, name: str) -> dict[str, list[GenerationRequest]]:
        """The requests of each column for an attribute."""
        if name not in self._columns:
            self._columns[name] = self._new_columns(name)
        return self._columns[name]

    def _new_columns(self, name: str) -> dict[str, list[GenerationRequest]]:
        draw = self.drawer.request
        return {
            "bare": self.bare(name),
            "without": [draw(seed, refused(bare(seed, name), name)) for seed in self.seeds],
            "negative": [draw(seed, bare(seed, name), name) for seed in self.seeds],
            "agent": list(agent_requests(self.seeds, name)),
            "asked": [draw(seed, wanted(bare(seed, name), name)) for seed in self.seeds[: (len(self.seeds) + 3) // 4]],
        }

    def rates(self, name: str) -> dict[str, Rate]:
        """The rate of an attribute in each column."""
        k = ATTRIBUTES.index(name)
        found = {
            column: self.verdicts(requests, f"{name}, {column}") for column, requests in self.columns(name).items()
        }
        return {column: Rate(int(seen[:, k].sum()), len(seen)) for column, seen in found.items()}

    def five(self, **settings: object) -> dict[str, Rate]:
        """The rate of each of five attributes that are excluded together, with `settings` changed."""
        terms = ", ".join(FIVE)
        requests = [self.drawer.request(seed, bare(seed, "watermark"), terms, **settings) for seed in self.seeds]
        seen = self.verdicts(requests, f"five at once {settings or ''}")
        return {name: Rate(int(seen[:, ATTRIBUTES.index(name)].sum()), len(seen)) for name in FIVE}

    def side_effects(self, name: str, seeds: Sequence[int], **settings: object) -> "SideEffects":
        """The side effects of excluding an attribute, with `settings` changed."""
        only_excluding = ("joining_step", "method")
        beside = {name: value for name, value in settings.items() if name not in only_excluding}
        if beside.get("guidance_scale") == 1:
            beside["method"] = "cfg"  # which then leaves the prompt alone, while `nag` guides away from the empty text
        before = [self.drawer.request(seed, bare(seed, name), **beside) for seed in seeds]
        after = [self.drawer.request(seed, bare(seed, name), name, **settings) for seed in seeds]
        return SideEffects.between(
            name,
            (self.drawer.draw(before, f"bare {beside or ''}"), self.drawer.draw(after, f"{name} {settings or ''}")),
            (self.verdicts(before, ""), self.verdicts(after, "")),
            self.judged,
        )


def trusted(judge: Judge, count: int) -> dict[str, dict[str, float]]:
    """The judge's accuracy on held-out pictures, for the attributes that it recognises well enough."""
    pixels, true = held_out(count)
    plain, decoded = (
        accuracy(judge, pixels, true),
        accuracy(judge, through_the_autoencoder(pixels, locate_model("mini")), true),
    )
    print(f"\nThe judge, on {count} held-out portraits: seen where it is / not seen where it is not\n")
    print(f"{'':<15}{'rendered':>16}{'through the autoencoder':>28}")
    for name in ATTRIBUTES:
        note = "" if min(plain[name] + decoded[name]) >= TRUSTED else "   not reported: the judge can't tell"
        print(f"{name:<15}{_pair(plain[name]):>16}{_pair(decoded[name]):>28}{note}")
    return {
        name: {"seen": decoded[name][0], "spared": decoded[name][1]}
        for name in ATTRIBUTES
        if min(plain[name] + decoded[name]) >= TRUSTED
    }


def _pair(values: tuple[float, float]) -> str:
    return " / ".join(f"{100 * value:.1f} %" for value in values)


def sweep(experiment: Experiment, names: Sequence[str], setting: str, values: Sequence[object], seeds: int) -> None:
    """One row per value of a setting: the remaining rate of each attribute, and the side effects."""
    rows = []
    for value in values:
        effects = [experiment.side_effects(name, range(seeds), **{setting: value}) for name in names]
        flips = [flip for effect in effects for flip in effect.flips.values()]
        rows.append(
            [
                f"{value}",
                *(f"{100 * effect.left.value:.0f} %" for effect in effects),
                f"{100 * float(np.mean(flips)):.1f} %",
                f"{100 * max(flips):.0f} %",
                f"{np.mean([effect.pixels for effect in effects]):.1f}",
                f"{np.mean([effect.composition for effect in effects]):.2f}",
            ]
        )
    print_table([setting, *names, "flips, mean", "flips, worst", "pixels", "composition"], rows)


def compare_methods(
    experiment: Experiment, names: Sequence[str], methods: Sequence[str] = METHODS, **settings: object
) -> None:
    """One row per guidance method: the remaining rate with one and with five exclusions, and the side effects."""
    rows = []
    for method in methods:
        effects = [experiment.side_effects(name, experiment.seeds, method=method, **settings) for name in names]
        left = [effect.left.value for effect in effects]
        five = max(rate.value for rate in experiment.five(method=method, **settings).values())
        flips = [float(np.mean(list(effect.flips.values()))) for effect in effects]
        shares = [np.mean(left), max(left), five, np.mean(flips), max(max(effect.flips.values()) for effect in effects)]
        rest = np.mean([effect.pixels for effect in effects]), np.mean([effect.composition for effect in effects])
        rows.append([method, *(f"{100 * share:.1f} %" for share in shares), f"{rest[0]:.1f}", f"{rest[1]:.2f}"])
    header = ["left, mean", "most", "most of five", "flips, mean", "most", "pixels, of 255", "composition"]
    print_table(["method", *header], rows)


def judged_sheet(experiment: Experiment, names: Sequence[str]) -> Image.Image:
    """Forty pictures with the judge's verdicts, for a manual check."""
    pictures = experiment.drawer.draw(experiment.bare("watermark")[:40], "")
    seen = experiment.judge.verdicts(pictures)
    sheet = Image.new("RGB", (8 * 170, 5 * 216), "white")
    draw = ImageDraw.Draw(sheet)
    for k, picture in enumerate(pictures):
        left, top = k % 8 * 170, k // 8 * 216
        sheet.paste(Image.fromarray(picture), (left, top))
        words = [name for name, there in zip(ATTRIBUTES, seen[k], strict=True) if there and name in names]
        for line, start in enumerate(range(0, len(words), 2)):
            draw.text((left, top + 130 + 15 * line), ", ".join(words[start : start + 2]), fill="black")
    return sheet


def main() -> None:
    """Draw, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200, help="pictures per column")
    parser.add_argument("--first-seed", type=int, default=0, help="a multiple of 8; to tune on other pictures")
    parser.add_argument("--only", nargs="*", choices=ATTRIBUTES, metavar="NAME", help="only these attributes")
    parser.add_argument("--json", action="store_true", help="print a line of JSON at the end")
    parser.add_argument("--judged", type=Path, help="file for a sheet of pictures with the judge's verdicts")
    parser.add_argument("--no-sweeps", action="store_true", help="skip the sweeps over guidance and joining step")
    parser.add_argument("--verified", action="store_true", help="only measure verified turns")
    parser.add_argument("--methods", action="store_true", help="only compare the guidance methods")
    parser.add_argument("--unguided", action="store_true", help="only compare the methods that need no guidance")
    parser.add_argument("--joining", action="store_true", help="only measure how late each kind of term may join")
    parser.add_argument("--keep", type=Path, help="folder to cache drawn pictures in")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="number of drawing processes")
    args = parser.parse_args()
    judge = Judge.load()
    names = list(trusted(judge, 600))
    drawer = Drawer(args.jobs, args.keep)
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    experiment = Experiment(drawer, judge, seeds, names)
    if args.joining:
        find_joining(experiment, names)
        return
    if args.unguided:
        experiment.settings = {"method": "cfg", **UNGUIDED}
    names = experiment.worth_excluding([name for name in names if name in (args.only or names)])
    if args.unguided:
        compare_methods(experiment, names, UNGUIDED_METHODS, **UNGUIDED)
        return
    if args.methods:
        compare_methods(experiment, names)
        return
    if args.verified:
        print_verified({name: measure_verified(experiment, name) for name in names})
        return
    columns = ("bare", "without", "negative", "agent", "verified", "asked")
    rates, verified = {}, {}
    for name in names:
        verified[name] = measure_verified(experiment, name)
        rates[name] = experiment.rates(name) | {"verified": verified[name].left}
        stderr.print(f"{name}: " + ", ".join(f"{column} {rates[name][column]}" for column in columns))
    print(f"\n{args.seeds} seeds, 95 % Wilson intervals in brackets; asked for on a quarter of them")
    print_table(["", *columns], [[name, *(str(rates[name][column]) for column in columns)] for name in names])
    print_verified(verified)
    five = experiment.five()
    print_table(["five at once", "still there"], [[name, str(rate)] for name, rate in five.items()])
    effects = {name: experiment.side_effects(name, experiment.seeds) for name in names}
    others = ["others that came or went, mean", "where it was", "most", "in more than 10 %"]
    print_table(
        ["excluded", "untouched", *others, "pixels, of 255", "composition"],
        [
            [
                name,
                f"{100 * effect.untouched.value:.0f} %",
                f"{100 * np.mean(list(effect.flips.values())):.1f} %",
                f"{100 * effect.where_it_was:.1f} %",
                effect.worst,
                f"{sum(flip > 0.1 for flip in effect.flips.values())} of {len(effect.flips)}",
                f"{effect.pixels:.1f}",
                f"{effect.composition:.2f}",
            ]
            for name, effect in effects.items()
        ],
    )
    if not args.no_sweeps:
        swept, few = [name for name in SWEPT if name in names], min(args.seeds, 16)
        print(f"\nWith {few} seeds: what is left of each, and what else changed")
        sweep(experiment, swept, "guidance_scale", GUIDANCE, few)
        find_joining(experiment, names)
        sweep(experiment, swept, "num_inference_steps", STEPS, few)
    if args.judged:
        judged_sheet(experiment, names).quantize().save(args.judged, optimize=True)
    if args.json:
        shares = {name: {c: round(row[c].value, 4) for c in columns} for name, row in rates.items()}
        print(json.dumps({"attributes": shares, "five": {name: round(rate.value, 4) for name, rate in five.items()}}))


if __name__ == "__main__":
    main()

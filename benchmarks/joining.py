"""How late each kind of term may join without losing its effect: the values for `joining` in a model's notthat.json.

    python benchmarks/exclusion.py --joining [--seeds 64]

Over the pictures that have an attribute without exclusions: in how many does it remain if its term joins after k
steps? A kind may join after the largest k up to which no more remain than at k = 0. The gain is printed, too: how
much of the picture's composition stays.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from judge import ATTRIBUTES, KINDS
from rates import Rate, SideEffects, print_table

if TYPE_CHECKING:
    from exclusion import Experiment

STEPS = (0, 1, 2, 3, 5)
FEWEST = 20
"""Minimum number of pictures that show a kind of attribute."""
MOST = 16
"""Number of pictures per attribute."""


def find_joining(experiment: "Experiment", names: Sequence[str]) -> None:
    """Print a table for each kind, and the values for notthat.json."""
    found, total = {}, experiment.drawer.engine.defaults.num_inference_steps
    for kind, members in KINDS.items():
        effects = effects_by_step(experiment, [name for name in members if name in names])
        rates = [pooled([effect.left for effect in at_step]) for at_step in effects]
        if rates[0].of < FEWEST:
            print(f"\n{kind}: seen in {rates[0].of} pictures, too few to tell: 0")
        else:
            print(f"\n{kind}: seen in {rates[0].of} pictures")
            print_table(
                ["joins after", "left", "flips, mean", "pixels, of 255", "composition"],
                [
                    [f"{step} of {total}", str(rate), *beside(at_step)]
                    for step, rate, at_step in zip(STEPS, rates, effects, strict=True)
                ],
            )
        step = latest(STEPS, rates) if rates[0].of >= FEWEST else 0
        found[kind] = {"share": round(step / total, 3), "terms": sorted(members)}
    print(f'\nFor notthat.json:  "joining": {json.dumps(found)}')


def effects_by_step(experiment: "Experiment", names: Sequence[str]) -> list[list[SideEffects]]:
    """For each step of `STEPS`, the effects on each attribute, over the pictures that have it."""
    has = {name: experiment.verdicts(experiment.bare(name), "bare") for name in names}
    having = {name: np.flatnonzero(has[name][:, ATTRIBUTES.index(name)])[:MOST].tolist() for name in names}
    return [
        [experiment.side_effects(name, seeds, joining_step=step) for name, seeds in having.items() if seeds]
        for step in STEPS
    ]


def latest(steps: Sequence[int], rates: Sequence[Rate]) -> int:
    """The last step with the same exclusion as the first one."""
    kept = 0
    for step, rate in zip(steps, rates, strict=True):
        if rate.value > rates[0].value:
            break
        kept = step
    return kept


def pooled(rates: Sequence[Rate]) -> Rate:
    """The sum of all rates."""
    return Rate(sum(rate.hits for rate in rates), sum(rate.of for rate in rates))


def beside(effects: Sequence[SideEffects]) -> list[str]:
    """The mean side effects."""
    flips = float(np.mean([flip for effect in effects for flip in effect.flips.values()]))
    pixels, composition = (float(np.mean([getattr(e, name) for e in effects])) for name in ("pixels", "composition"))
    return [f"{100 * flips:.1f} %", f"{pixels:.1f}", f"{composition:.2f}"]

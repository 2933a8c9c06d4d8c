"""How late a kind of terms may join without losing its effect: what `joining` in a model's notthat.json should say.

    python benchmarks/exclusion.py --joining [--seeds 64]

Asked of the pictures that have an attribute while nothing is excluded: in how many is it left when its term
joins after k steps? A kind may join after the largest k at which, and before which, no more are left than at
k = 0. What is gained is said, too: how much of the picture's composition stays.
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
"""Pictures that a kind has to be seen in, for its rates to say anything."""
MOST = 16
"""Pictures of each attribute that are looked at."""


def find_joining(experiment: "Experiment", names: Sequence[str]) -> None:
    """Print a table a kind, and what notthat.json should say."""
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
    """For each step of `STEPS`, the effects on each attribute, of the pictures that have it."""
    has = experiment.verdicts(experiment.bare, "bare")
    having = {name: np.flatnonzero(has[:, ATTRIBUTES.index(name)])[:MOST].tolist() for name in names}
    return [
        [experiment.side_effects(name, seeds, joining_step=step) for name, seeds in having.items() if seeds]
        for step in STEPS
    ]


def latest(steps: Sequence[int], rates: Sequence[Rate]) -> int:
    """The last step up to which as much is excluded as at the first one."""
    kept = 0
    for step, rate in zip(steps, rates, strict=True):
        if rate.value > rates[0].value:
            break
        kept = step
    return kept


def pooled(rates: Sequence[Rate]) -> Rate:
    """All of them as one."""
    return Rate(sum(rate.hits for rate in rates), sum(rate.of for rate in rates))


def beside(effects: Sequence[SideEffects]) -> list[str]:
    """What else changed, on average."""
    flips = float(np.mean([flip for effect in effects for flip in effect.flips.values()]))
    pixels, composition = (float(np.mean([getattr(e, name) for e in effects])) for name in ("pixels", "composition"))
    return [f"{100 * flips:.1f} %", f"{pixels:.1f}", f"{composition:.2f}"]

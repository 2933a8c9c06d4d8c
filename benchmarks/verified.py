"""How well verified exclusions work on mini: what is left, what verdicts are worth, and what the tries cost.

    python benchmarks/exclusion.py --verified [--seeds 200]

The turns are those of the agent with `--verify`; the independent classifier of the benchmark looks at every picture
that a turn has drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from drawing import DrawerEngine, agent_requests, agent_turns
from judge import ATTRIBUTES
from rates import Rate, SideEffects, print_table

from notthat.agent.verification import VerifyOptions
from notthat.agent.verification.record import Try, Verification
from notthat.generation import GenerationRequest

if TYPE_CHECKING:
    from exclusion import Experiment


@dataclass(frozen=True)
class _Look:
    """A picture that was drawn for a turn: the verdict of the agent's judge, and what the classifier says."""

    verdict: str
    is_there: bool


@dataclass(frozen=True)
class VerifiedRates:
    """The rates of one attribute over verified turns, one turn for each seed.

    - `told`, `left`: turns whose first picture, and whose final picture, still shows it.
    - `false_alarms`: turns with a clean first picture that were drawn again.
    - `reported`: pictures that show it, and have the verdict `there`. Of all pictures, then of the turns' final ones.
    - `wrong`: pictures with the verdict `gone` that show it. Of all pictures, then of the turns' final ones.
    - `unknown`: final pictures without a verdict.
    - `extra`: pictures drawn for a turn besides the first; one that keeps a region of the first draws two.
    """

    told: Rate
    left: Rate
    false_alarms: Rate
    reported: tuple[Rate, Rate]
    wrong: tuple[Rate, Rate]
    unknown: Rate
    extra: float
    told_effects: SideEffects
    effects: SideEffects


def measure_verified(experiment: "Experiment", name: str) -> VerifiedRates:
    """Run the turns of an attribute with verification, and let the classifier look at their pictures."""
    experiment.verdicts(list(agent_requests(experiment.seeds, name)), f"{name}, agent")  # drawn in batches
    records = [
        _verification(turn.provenance)
        for turn in agent_turns(experiment.seeds, name, lambda _: DrawerEngine(experiment.drawer), VerifyOptions())
    ]
    looks = [[_look(experiment, name, each) for each in record.tries] for record in records]
    first = [turn[0] for turn in looks]
    final = [turn[record.chosen] for turn, record in zip(looks, records, strict=True)]
    every = [look for turn in looks for look in turn]
    clean = [turn for turn in looks if not turn[0].is_there]
    kept = [sum("kept" in each.request for each in record.tries) for record in records]
    return VerifiedRates(
        told=_rate([look.is_there for look in first]),
        left=_rate([look.is_there for look in final]),
        false_alarms=_rate([len(turn) > 1 for turn in clean]),
        reported=(_reported(every), _reported(final)),
        wrong=(_wrong(every), _wrong(final)),
        unknown=_rate([look.verdict == "unknown" for look in final]),
        extra=float(np.mean([len(turn) - 1 + more for turn, more in zip(looks, kept, strict=True)])),
        told_effects=_effects(experiment, name, [_request(record.tries[0]) for record in records]),
        effects=_effects(experiment, name, [_request(record.tries[record.chosen]) for record in records]),
    )


def print_verified(rates: dict[str, VerifiedRates]) -> None:
    """The table of all attributes, and the rates over all of them."""
    header = ["", "told", "told and verified", "redrawn for nothing", "there: reported", "of the final", "gone: wrong"]
    header += ["of the final", "unknown", "extra pictures", "flips, told", "flips, verified"]
    rows = [
        [
            name,
            *map(_percent, (row.told, row.left, row.false_alarms)),
            *map(_percent, (*row.reported, *row.wrong, row.unknown)),
            f"{row.extra:.2f}",
            *(f"{_mean_flips([effects]):.1f} %" for effects in (row.told_effects, row.effects)),
        ]
        for name, row in rates.items()
    ]
    print_table(header, rows)
    every = list(rates.values())
    low = sum(row.left.value <= 0.02 for row in every)
    left = [_percent(_pool(each)) for each in ([row.told for row in every], [row.left for row in every])]
    flips = [_mean_flips(each) for each in ([row.told_effects for row in every], [row.effects for row in every])]
    print(f"\nLeft in at most 2 %: {low} of {len(every)} attributes. Mean: {left[0]} told, {left[1]} verified")
    print(f"Others that came or went, mean: {flips[0]:.1f} % told, {flips[1]:.1f} % verified")
    for k, which in enumerate(("all pictures", "the turns' final pictures")):
        reported, wrong = _pool([r.reported[k] for r in every]), _pool([r.wrong[k] for r in every])
        print(f"Of {which}: {_percent(reported)} of those that show it are reported as there ({reported.of}), ", end="")
        print(f"{_percent(wrong)} of those reported as gone are wrong ({wrong.of})")
    print(f"Clean pictures that were drawn again: {_percent(_pool([r.false_alarms for r in every]))}")
    print(f"Extra pictures for a turn, mean: {np.mean([row.extra for row in every]):.2f}")


def _verification(provenance: dict[str, object] | None) -> Verification:
    return Verification.model_validate((provenance or {})["verification"])


def _request(record: Try) -> GenerationRequest:
    return GenerationRequest.create(**record.request)


def _look(experiment: "Experiment", name: str, record: Try) -> _Look:
    (seen,) = experiment.verdicts([_request(record)], "")
    (verdict,) = (found.verdict for found in record.verdicts.values())
    return _Look(verdict, bool(seen[ATTRIBUTES.index(name)]))


def _effects(experiment: "Experiment", name: str, after: Sequence[GenerationRequest]) -> SideEffects:
    before = experiment.bare(name)
    return SideEffects.between(
        name,
        (experiment.drawer.draw(before, ""), experiment.drawer.draw(after, "")),
        (experiment.verdicts(before, ""), experiment.verdicts(after, "")),
        experiment.judged,
    )


def _mean_flips(effects: Sequence[SideEffects]) -> float:
    """In percent."""
    return 100 * float(np.mean([np.mean(list(each.flips.values())) for each in effects]))


def _rate(hits: Sequence[bool]) -> Rate:
    return Rate(sum(hits), len(hits))


def _reported(looks: Sequence[_Look]) -> Rate:
    return _rate([look.verdict == "there" for look in looks if look.is_there])


def _wrong(looks: Sequence[_Look]) -> Rate:
    return _rate([look.is_there for look in looks if look.verdict == "gone"])


def _pool(rates: Sequence[Rate]) -> Rate:
    return Rate(sum(rate.hits for rate in rates), sum(rate.of for rate in rates))


def _percent(rate: Rate) -> str:
    return f"{100 * rate.value:.1f} %" if rate.of else "–"

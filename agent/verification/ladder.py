"""What is tried next for terms that are still there.

Stronger weights, then a stronger method: where judges find places, only there, so that the rest of the picture stays,
and then everywhere. Last, another seed.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from ...generation import GenerationRequest
from ...generation.prompt_syntax import split_terms
from ...generation.request import ATTENTION_METHODS, KeptOutside, Method
from ..edits import next_seed
from ..exclusions import MAX_WEIGHT, Exclusion, NegativePrompt, clamp_weight, format_term
from .record import How

WEIGHT_FACTOR = 1.5
"""What a weight is multiplied by. Chosen by hand: weights go up to 2, so that two steps reach the highest from 1."""

STRONGER_METHODS: Mapping[Method, tuple[Method, ...]] = {
    "lookahead": ("cfg",),
    "apg": ("cfg",),
    "perp_neg": ("cfg",),
    "nag": ("ong", "cfg"),
    "vsf": ("ong", "cfg", "nag"),
    "ong": ("cfg",),
    "cfg": ("nag",),
}
"""The methods that push harder, the preferred one first; the first that can exclude on the model is tried.

`cfg` pushes everywhere and at full strength: on mini it leaves 1.3 % of the excluded attributes and `lookahead` 1.7 %,
but it changes more of the rest (docs/measurements.md). Of the methods in the attention, only `ong` has no upper limit:
its strength is the weight. Its authors report that it excludes more than `nag`. `nag` follows `cfg` only where
`cfg` can't exclude."""


@dataclass(frozen=True)
class Attempted:
    """What a try is drawn from."""

    how: How
    negative: NegativePrompt
    request: GenerationRequest


Box = tuple[float, float, float, float]
"""(left, top, right, bottom), as shares of the picture."""

_MARGIN = 0.1
"""How far the redrawn region goes beyond the found one at each side, as a share of the picture. Chosen by hand."""


def plan_next(
    first: Attempted,
    last: Attempted,
    there: Mapping[str, Box | None],
    tried: Collection[How],
    *,
    can_exclude: Callable[[GenerationRequest], bool],
    new_seeds: bool,
) -> Attempted | None:
    """The next try after `last`, which still shows the terms `there`; None if nothing is left to try.

    `there` has the region of each term, where the judge found one. Each step is tried once, except for seeds, and for
    weights where no method is stronger; it keeps the changes of the steps before. `tried` are the earlier ones, and
    `first` is the one before all of them. `can_exclude` says whether the model can exclude by the method of a request.
    """
    if "weight" not in tried and (stronger := _raise_weights(last, there)):
        return stronger
    stronger = _change_method(last, can_exclude)
    if not {"region", "seed"} & set(tried) and (narrower := _keep_outside(first, stronger or last, there)):
        return narrower
    if "method" not in tried and (stronger := stronger or _draw_everywhere(first, last)):
        return stronger
    is_heavier_next = last.request.method in ATTENTION_METHODS and list(tried).count("weight") < 2
    if is_heavier_next and (heavier := _raise_weights(last, there)):
        return heavier
    return _change_seed(last, len(tried)) if new_seeds else None


def _keep_outside(first: Attempted, last: Attempted, there: Mapping[str, Box | None]) -> Attempted | None:
    """The changes so far, with raised weights, only where the terms were found; elsewhere the first picture."""
    boxes = [box for box in there.values() if box is not None]
    if len(boxes) < len(there) or last.request == first.request:
        return None
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    box = (
        max(0.0, min(lefts) - _MARGIN),
        max(0.0, min(tops) - _MARGIN),
        min(1.0, max(rights) + _MARGIN),
        min(1.0, max(bottoms) + _MARGIN),
    )
    stronger = _raise_weights(last, there) or last
    kept = KeptOutside(box=box, request=first.request)
    return replace(stronger, how="region", request=stronger.request.model_copy(update={"kept": kept}))


def _draw_everywhere(first: Attempted, last: Attempted) -> Attempted | None:
    """What a region was drawn by, for the whole picture, if its method is a stronger one."""
    if last.request.kept is None or last.request.method == first.request.method:
        return None
    return replace(last, how="method", request=last.request.model_copy(update={"kept": None}))


def _raise_weights(last: Attempted, there: Collection[str]) -> Attempted | None:
    raised = NegativePrompt(tuple(_raise(e) if e.term in there else e for e in last.negative))
    if raised == last.negative:
        return None
    terms = [format_term(e.term, e.weight) for e in raised if e.term in there]
    is_lookahead = last.request.method == "lookahead"
    earlier = set(last.request.shown)
    written = split_terms(raised.render())
    shown = tuple(term for term in written if term in terms or term in earlier) if is_lookahead else ()
    request = last.request.model_copy(
        update={"negative_prompt": raised.render(), "joining_step": 0, "shown": shown}  # the look counts it as found
    )
    return Attempted("weight", raised, request)


def _raise(exclusion: Exclusion) -> Exclusion:
    weight = min(MAX_WEIGHT, clamp_weight(exclusion.weight * WEIGHT_FACTOR))
    return exclusion.model_copy(update={"weight": max(weight, exclusion.weight)})


def _change_method(last: Attempted, can_exclude: Callable[[GenerationRequest], bool]) -> Attempted | None:
    if last.request.method == "cfg" and can_exclude(last.request):
        return None
    for method in STRONGER_METHODS[last.request.method]:
        request = last.request.model_copy(update={"method": method, "shown": ()})
        if can_exclude(request):
            return replace(last, how="method", request=request)
    return None


def _change_seed(last: Attempted, number: int) -> Attempted:
    seed = next_seed(last.request.seed, number)
    return replace(last, how="seed", request=last.request.model_copy(update={"seed": seed, "shown": (), "kept": None}))

"""`lookahead` guidance, a method of our own, in two passes.

Pass one, the look, draws most of the picture without exclusions. Pass two either continues from it, if the look found
no excluded term, or draws again from the state before the look, and then changes only the places of the terms.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from ..prompt_syntax import split_terms
from .lookahead_math import (
    change_map,
    changed_places,
    changed_share,
    is_found,
    lookahead_certainty,
    nearness,
)
from .lookahead_params import LookaheadParams
from .term_tracking import TermTracker


@dataclass(frozen=True)
class LookPlan:
    """The steps of a look, counted from 0: from `start` up to, but without, `stop`.

    `is_redraw_certain` says whether they will certainly be drawn again.
    """

    start: int
    stop: int
    is_redraw_certain: bool

    @classmethod
    def create(cls, start: int, guided_until: float, params: LookaheadParams, *, is_redraw_certain: bool) -> "LookPlan":
        """A look from `start`, where guidance ends after `guided_until` steps."""
        return cls(start, start + ceil(params.look_share * (guided_until - start)), is_redraw_certain)

    @property
    def certain_extra_steps(self) -> int:
        """How many steps are certain to be drawn twice."""
        return self.stop - self.start if self.is_redraw_certain else 0


@dataclass(frozen=True)
class LookResult:
    """What a look found.

    `found` of shape (batch, 1, ...) says which pictures show any term, `places` of shape (batch, 1, height, width) at
    which places. `expected` has the initial likelihood of each term in pass two, `certainty` how sure the look is.
    """

    found: Tensor
    places: Tensor
    expected: Mapping[str, Tensor]
    certainty: Mapping[str, Tensor]


def evaluate_look(
    trackers: Sequence[TermTracker],
    picture: Tensor,
    terms: Collection[str],
    params: LookaheadParams,
    known: Collection[str] = (),
) -> LookResult:
    """Decide which pictures of a look show which terms, and where.

    `trackers` are those after each of its steps, `picture` is its last prediction of the clean latents. Terms in
    `known` count as found in every picture.
    """
    nulls = torch.stack([tracker.null for tracker in trackers])
    found, certainty, places = {}, {}, []
    for term in terms:
        towards = torch.stack([tracker.towards[term] for tracker in trackers])
        changed = change_map(towards)
        spread, near = changed_share(changed), nearness(picture, nulls, towards)
        found[term] = is_found(near, spread, params)
        if term in known:
            found[term], near = torch.ones_like(found[term]), near.clamp(min=0)
        certainty[term] = lookahead_certainty(near, spread, params)
        places.append(changed_places(changed, params) & found[term])
    likely, unlikely = params.found_likelihood, params.not_found_likelihood
    expected = {term: torch.where(each, likely, unlikely) for term, each in found.items()}
    return LookResult(torch.stack(list(found.values())).any(0), torch.stack(places).any(0), expected, certainty)


def find_shown_texts(texts: Collection[str], shown: Collection[str]) -> set[str]:
    """The texts that contain one of the terms that a picture with the same seed has shown."""
    return {text for text in texts if not set(shown).isdisjoint(split_terms(text))}


class DirectPass:
    """A pass without a look: every term is pushed away from by its likelihood. Other passes extend this."""

    has_terms = True
    """Whether the terms need predictions."""

    @property
    def expected(self) -> Mapping[str, Tensor]:
        """The initial likelihood of each term, where it is known."""
        return {}

    def weights(self, tracker: TermTracker, params: LookaheadParams) -> Mapping[str, Tensor]:
        """The weight of each term's push, of shape (batch, 1, ...)."""
        return tracker.weights(params)

    def finish(self, guided: Tensor, tracker: TermTracker, done: int) -> Tensor:
        """The final prediction of a guided step, which is the one after `done` steps."""
        return guided


class LookPass(DirectPass):
    """Pass one: nothing is pushed away from. Records what `evaluate_look` and `RedrawPass` need."""

    def __init__(self) -> None:
        self.trackers: list[TermTracker] = []
        self.predictions: dict[int, Tensor] = {}

    def weights(self, tracker: TermTracker, params: LookaheadParams) -> Mapping[str, Tensor]:
        """Zeros."""
        return {term: weight * 0.0 for term, weight in tracker.weights(params).items()}

    def finish(self, guided: Tensor, tracker: TermTracker, done: int) -> Tensor:
        """The prediction as it is."""
        self.trackers.append(tracker)
        self.predictions[done] = guided
        return guided


class ContinuePass(DirectPass):
    """Pass two if the look found nothing: continues without exclusions, and needs no predictions for them."""

    has_terms = False


class RedrawPass(DirectPass):
    """Pass two if the look found a term: pushes away where it was found, and repeats the look everywhere else."""

    def __init__(self, result: LookResult, predictions: Mapping[int, Tensor]) -> None:
        self._result, self._predictions = result, predictions

    @property
    def expected(self) -> Mapping[str, Tensor]:
        """The initial likelihoods that follow from the look."""
        return self._result.expected

    def weights(self, tracker: TermTracker, params: LookaheadParams) -> Mapping[str, Tensor]:
        """Zeros for the pictures of a batch in which nothing was found."""
        found = self._result.found.float()
        return {term: weight * found for term, weight in tracker.weights(params, self._result.certainty).items()}

    def finish(self, guided: Tensor, tracker: TermTracker, done: int) -> Tensor:
        """The prediction in the places of the terms, and that of the look in all others."""
        looked = self._predictions.get(done)
        return guided if looked is None else torch.where(self._result.places, guided, looked)

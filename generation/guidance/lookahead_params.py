"""The numbers of `lookahead` guidance."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

Likelihood = Annotated[float, Field(gt=0, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Ratio = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, config=ConfigDict(allow_inf_nan=False))
class LookaheadParams:
    """The numbers of `lookahead` guidance: tuned on mini, see benchmarks/exclusion.py.

    A likelihood is the probability that the finished picture shows a term. All values are without a unit.

    Raises:
        pydantic.ValidationError: a value is out of its range.
    """

    max_tracked_terms: Annotated[int, Field(ge=1)] = 6
    """How many terms are tracked separately, from 1. Each costs a pass per step; more terms share as many lists."""
    look_share: Likelihood = 0.7
    """Share of the guided steps that the look runs, above 0 and up to 1."""

    prior_likelihood: Likelihood = 0.18
    """Initial likelihood of a term, before anything is known about the picture: above 0 and up to 1."""
    min_likelihood: Likelihood = 0.01
    """Lower bound of a likelihood, above 0 and up to 1: no observation rules a term out."""
    found_likelihood: Likelihood = 0.45
    """Initial likelihood, when a picture is drawn again, of a term that the look found: above 0 and up to 1."""
    not_found_likelihood: Likelihood = 0.05
    """Initial likelihood, when a picture is drawn again, of any other term: above 0 and up to 1."""
    unrelated_share: Share = 0.25
    """Share of a move of the prediction that is treated as unrelated to a term, from 0 to 1."""

    half_signal_ratio: Annotated[float, Field(gt=0)] = 0.13
    """Length of a term's difference, as a ratio of the prediction's, at which half of it can be tracked: above 0."""
    signal_decay: Share = 0.9
    """Decay per step of how well a term can be tracked, from 0 to 1. In the last steps all predictions are alike."""

    cfg_likelihood: Annotated[float, Field(gt=0)] = 0.4
    """The likelihood at which the push equals that of `cfg`: above 0; above 1 the push is always weaker."""
    untracked_push: Ratio = 1.2
    """Strength of the push from a term that cannot be tracked, as a multiple of that of `cfg`: from 0."""

    found_nearness: float = -0.28
    """`nearness` above which a picture may show a term: any number. Most pictures at 0 do; `nearness` is at most 2."""
    spread_tolerance: Share = 0.8
    """How much `found_nearness` shrinks for a term that covers the whole picture, from 0 to 1: pushing costs more."""
    place_change: Ratio = 0.3
    """Change, as a ratio of the term's usual change, from which a place belongs to a term: from 0."""

    min_certainty: Share = 0.5
    """Lower bound of the certainty, from 0 to 1: a term that was not found may still appear."""
    certainty_per_nearness: Ratio = 3.0
    """Certainty gained for every 1 of `nearness`: from 0."""
    spread_doubt: Share = 0.4
    """Certainty lost by a term that covers the whole picture, from 0 to 1."""


TUNED = LookaheadParams()
"""The values that were tuned on mini."""

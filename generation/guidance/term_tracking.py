"""Track for each term, from step to step, how likely the picture is to show it."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .lookahead_math import push_weight, signal_strength, update_likelihood
from .lookahead_params import LookaheadParams


@dataclass(frozen=True)
class TermTracker:
    """The likelihood of each term after a step. Predictions are of the clean latents, of shape (batch, ...).

    `null` is the unprompted prediction, `towards` each term's prediction minus `null`. Of shape (batch, 1, ...) are
    `likelihood`, the likelihood that the term appears, and `signal`, how well it can be tracked, which decays slowly.
    """

    null: Tensor
    towards: Mapping[str, Tensor]
    likelihood: Mapping[str, Tensor]
    signal: Mapping[str, Tensor]

    @classmethod
    def update(
        cls,
        before: "TermTracker | None",
        null: Tensor,
        terms: Mapping[str, Tensor],
        params: LookaheadParams,
        expected: Mapping[str, Tensor] | None = None,
    ) -> "TermTracker":
        """Update with a step's predictions.

        A new term starts at its likelihood in `expected`, or else at `prior_likelihood`.
        """
        towards = {term: predicted - null for term, predicted in terms.items()}
        now = {term: signal_strength(difference, null, params) for term, difference in towards.items()}
        likelihood = {
            term: update_likelihood(before.likelihood[term], before.towards[term], null - before.null, params)
            if before and term in before.likelihood
            else torch.zeros_like(of) + (expected or {}).get(term, params.prior_likelihood)
            for term, of in now.items()
        }
        signal = {
            term: torch.maximum(of, params.signal_decay * before.signal[term])
            if before and term in before.signal
            else of
            for term, of in now.items()
        }
        return cls(null, towards, likelihood, signal)

    def weights(self, params: LookaheadParams, certainty: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """The weight of each term's push, of shape (batch, 1, ...); `certainty` is that of a look, if there was one."""
        return {
            term: push_weight(likelihood, self.signal[term], params, (certainty or {}).get(term, 1.0))
            for term, likelihood in self.likelihood.items()
        }


def group_terms(terms: list[str], most: int) -> list[str]:
    """The terms; if there are more than `most`, that many comma-separated lists, since each costs a pass."""
    count = len(terms)
    if count <= most:
        return terms
    return [", ".join(terms[k * count // most : (k + 1) * count // most]) for k in range(most)]

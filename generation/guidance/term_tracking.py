"""Track for each term how likely the picture is to show it, and evaluate the look-ahead."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .lookahead_math import (
    KEPT,
    PRIOR,
    SEEN,
    SHOWS,
    UNSEEN,
    WIDE,
    change_map,
    changed_places,
    changed_share,
    lookahead_certainty,
    nearness,
    push_weight,
    signal_strength,
    update_likelihood,
)


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
        expected: Mapping[str, Tensor | float] | None = None,
    ) -> "TermTracker":
        """Update with a step's predictions. A new term starts at its likelihood in `expected`, or else at PRIOR."""
        towards = {term: predicted - null for term, predicted in terms.items()}
        now = {term: signal_strength(difference, null) for term, difference in towards.items()}
        share = {
            term: update_likelihood(before.likelihood[term], before.towards[term], null - before.null)
            if before and term in before.likelihood
            else torch.zeros_like(of) + (expected or {}).get(term, PRIOR)
            for term, of in now.items()
        }
        kept = {
            term: torch.maximum(of, KEPT * before.signal[term]) if before and term in before.signal else of
            for term, of in now.items()
        }
        return cls(null, towards, share, kept)

    def weights(self, certainty: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weight of each term's push, of shape (batch, 1, ...); `sure` has the certainties of the look-ahead."""
        return {
            term: push_weight(share, self.signal[term], certainty.get(term, 1.0))
            for term, share in self.likelihood.items()
        }


@dataclass
class LookaheadResult:
    """A look-ahead: steps without exclusions, which show whether an excluded term would appear, and where.

    During the look-ahead, `trackers` has the tracked terms of each step, and `predicted` the guided prediction by the
    number of finished steps. Afterwards, `found` of shape (batch, 1, ...) says which pictures show any term, and
    `where` of shape (batch, 1, height, width) at which places; all other places repeat `predicted`. `expected` is the
    initial likelihood of each term for the second run, `sure` the certainty. `in_vain` means that nothing was found
    in any picture.
    """

    trackers: list[TermTracker] = field(default_factory=list)
    predicted: dict[int, Tensor] = field(default_factory=dict)
    found: Tensor | None = None
    where: Tensor | None = None
    expected: Mapping[str, Tensor] = field(default_factory=dict)
    sure: Mapping[str, Tensor] = field(default_factory=dict)
    in_vain: bool = False

    def conclude(self, picture: Tensor, terms: Collection[str], known: Collection[str] = ()) -> "LookaheadResult":
        """Evaluate the look-ahead for these terms. `picture` is its last prediction of the clean latents.

        Terms in `known` count as found in every picture.
        """
        nulls = torch.stack([watch.null for watch in self.trackers])
        shown, sure, where = {}, {}, []
        for term in terms:
            towards = torch.stack([watch.towards[term] for watch in self.trackers])
            changed = change_map(towards)
            wide, near = changed_share(changed), nearness(picture, nulls, towards)
            shown[term] = near > SHOWS * (1 - WIDE * wide**2)
            if term in known:
                shown[term], near = torch.ones_like(shown[term]), near.clamp(min=0)
            sure[term] = lookahead_certainty(near, wide)
            where.append(changed_places(changed) & shown[term])
        found = torch.stack(list(shown.values())).any(0)
        if not found.any():
            return LookaheadResult(found=found, in_vain=True)
        expected = {term: torch.where(each, SEEN, UNSEEN) for term, each in shown.items()}
        return LookaheadResult(
            predicted=self.predicted, found=found, where=torch.stack(where).any(0), expected=expected, sure=sure
        )


def group_terms(terms: list[str], most: int) -> list[str]:
    """The terms; if there are more than `most`, that many comma-separated lists, since each costs a pass."""
    count = len(terms)
    if count <= most:
        return terms
    return [", ".join(terms[k * count // most : (k + 1) * count // most]) for k in range(most)]

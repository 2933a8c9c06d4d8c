"""Where a picture is heading, term by term: what `dynamic` guidance goes by."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .guidance import PRIOR, coming, push


@dataclass(frozen=True)
class Watch:
    """What was seen up to a step, of predictions of the clean latents, of shape (batch, ...).

    `null` is the unprompted one, `towards` what those for the terms differ from it by, `share` how likely each
    term is to come, of shape (batch, 1, ...).
    """

    null: Tensor
    towards: Mapping[str, Tensor]
    share: Mapping[str, Tensor]

    @classmethod
    def after(cls, before: "Watch | None", null: Tensor, terms: Mapping[str, Tensor]) -> "Watch":
        """What is seen with a step's predictions; a term that wasn't watched before is as likely as any."""
        prior = torch.full_like(null.flatten(1)[:, :1], PRIOR).reshape(-1, *[1] * (null.ndim - 1))
        share = {
            term: coming(before.share[term], before.towards[term], null - before.null)
            if before and term in before.share
            else prior
            for term in terms
        }
        return cls(null, {term: predicted - null for term, predicted in terms.items()}, share)

    @property
    def weights(self) -> dict[str, Tensor]:
        """How far each term is to be pushed away from, of shape (batch, 1, ...)."""
        return {term: push(self.share[term], towards, self.null) for term, towards in self.towards.items()}


def watched_at_once(terms: list[str], most: int) -> list[str]:
    """The terms, or, where they are more than `most`, so many lists of them: each costs a pass of the model."""
    count = len(terms)
    if count <= most:
        return terms
    return [", ".join(terms[k * count // most : (k + 1) * count // most]) for k in range(most)]

"""Where a picture is heading, term by term: what `dynamic` guidance goes by."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .guidance import KEPT, PRIOR, coming, push, tellable


@dataclass(frozen=True)
class Watch:
    """What was seen up to a step, of predictions of the clean latents, of shape (batch, ...).

    `null` is the unprompted one, `towards` what those for the terms differ from it by. Of shape (batch, 1, ...) are
    `share`, how likely each term is to come, and `told`, how much of that can be told, which is forgotten but slowly.
    """

    null: Tensor
    towards: Mapping[str, Tensor]
    share: Mapping[str, Tensor]
    told: Mapping[str, Tensor]

    @classmethod
    def after(cls, before: "Watch | None", null: Tensor, terms: Mapping[str, Tensor]) -> "Watch":
        """What is seen with a step's predictions; a term that wasn't watched before is as likely as any."""
        towards = {term: predicted - null for term, predicted in terms.items()}
        now = {term: tellable(difference, null) for term, difference in towards.items()}
        share = {
            term: coming(before.share[term], before.towards[term], null - before.null)
            if before and term in before.share
            else torch.full_like(of, PRIOR)
            for term, of in now.items()
        }
        kept = {
            term: torch.maximum(of, KEPT * before.told[term]) if before and term in before.told else of
            for term, of in now.items()
        }
        return cls(null, towards, share, kept)

    @property
    def weights(self) -> dict[str, Tensor]:
        """How far each term is to be pushed away from, of shape (batch, 1, ...)."""
        return {term: push(share, self.told[term]) for term, share in self.share.items()}


def watched_at_once(terms: list[str], most: int) -> list[str]:
    """The terms, or, where they are more than `most`, so many lists of them: each costs a pass of the model."""
    count = len(terms)
    if count <= most:
        return terms
    return [", ".join(terms[k * count // most : (k + 1) * count // most]) for k in range(most)]

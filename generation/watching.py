"""Where a picture is heading, term by term: what `dynamic` guidance goes by."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .guidance import KEPT, PRIOR, SEEN, SHOWS, UNSEEN, coming, nearer, push, tellable


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
    def after(
        cls,
        before: "Watch | None",
        null: Tensor,
        terms: Mapping[str, Tensor],
        expected: Mapping[str, Tensor | float] | None = None,
    ) -> "Watch":
        """What is seen with a step's predictions; a term that wasn't watched before is as likely as `expected`."""
        towards = {term: predicted - null for term, predicted in terms.items()}
        now = {term: tellable(difference, null) for term, difference in towards.items()}
        share = {
            term: coming(before.share[term], before.towards[term], null - before.null)
            if before and term in before.share
            else torch.zeros_like(of) + (expected or {}).get(term, PRIOR)
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


@dataclass
class Look:
    """A look ahead: steps in which nothing is kept out, to see whether anything has to be.

    `watched` is what was seen at each of them. Once it is over, `found` says which pictures of the batch, of shape
    (batch, 1, ...), show any of the terms, and `expected` how likely each is to come again; it was `in_vain` where
    nothing was found in any.
    """

    watched: list[Watch] = field(default_factory=list)
    found: Tensor | None = None
    expected: Mapping[str, Tensor] = field(default_factory=dict)
    in_vain: bool = False

    def over(self, picture: Tensor, terms: Collection[str]) -> "Look":
        """What the look for these terms came to, where the clean latents are predicted to be this `picture` by now."""
        nulls = torch.stack([watch.null for watch in self.watched])
        towards = {term: torch.stack([watch.towards[term] for watch in self.watched]) for term in terms}
        shown = {term: nearer(picture, nulls, each) > SHOWS for term, each in towards.items()}
        found = torch.stack(list(shown.values())).any(0)
        expected = {term: torch.where(each, SEEN, UNSEEN) for term, each in shown.items()}
        return Look(found=found, expected=expected, in_vain=not found.any())


def watched_at_once(terms: list[str], most: int) -> list[str]:
    """The terms, or, where they are more than `most`, so many lists of them: each costs a pass of the model."""
    count = len(terms)
    if count <= most:
        return terms
    return [", ".join(terms[k * count // most : (k + 1) * count // most]) for k in range(most)]

"""Where a picture is heading, term by term: what `dynamic` guidance goes by."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .guidance import (
    KEPT,
    PRIOR,
    SEEN,
    SHOWS,
    UNSEEN,
    WIDE,
    certainty,
    changes,
    coming,
    nearer,
    places,
    push,
    spread,
    tellable,
)


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

    def weights(self, sure: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """How far each is to be pushed away from, of shape (batch, 1, ...), by how `sure` a look ahead is of it."""
        return {term: push(share, self.told[term], sure.get(term, 1.0)) for term, share in self.share.items()}


@dataclass
class Look:
    """A look ahead: steps in which nothing is kept out, to see whether anything has to be, and where.

    `watched` is what was seen at each of them, `predicted` the guided prediction after how many steps. Once it is over,
    `found` says which pictures of the batch, of shape (batch, 1, ...), show any of the terms, and `where`, of shape
    (batch, 1, height, width), at which places: elsewhere they stay on the way of the look. `expected` is how likely
    each term is to come again, and `sure` how sure the look is of it; it was `in_vain` where nothing was found in any.
    """

    watched: list[Watch] = field(default_factory=list)
    predicted: dict[int, Tensor] = field(default_factory=dict)
    found: Tensor | None = None
    where: Tensor | None = None
    expected: Mapping[str, Tensor] = field(default_factory=dict)
    sure: Mapping[str, Tensor] = field(default_factory=dict)
    in_vain: bool = False

    def over(self, picture: Tensor, terms: Collection[str], known: Collection[str] = ()) -> "Look":
        """What the look for these terms came to, where the clean latents are predicted to be this `picture` by now.

        Those that are `known` to be shown are found in every picture, whatever it came nearer to.
        """
        nulls = torch.stack([watch.null for watch in self.watched])
        shown, sure, where = {}, {}, []
        for term in terms:
            towards = torch.stack([watch.towards[term] for watch in self.watched])
            changed = changes(towards)
            wide, near = spread(changed), nearer(picture, nulls, towards)
            shown[term] = near > SHOWS * (1 - WIDE * wide**2)
            if term in known:
                shown[term], near = torch.ones_like(shown[term]), near.clamp(min=0)
            sure[term] = certainty(near, wide)
            where.append(places(changed) & shown[term])
        found = torch.stack(list(shown.values())).any(0)
        if not found.any():
            return Look(found=found, in_vain=True)
        expected = {term: torch.where(each, SEEN, UNSEEN) for term, each in shown.items()}
        return Look(
            predicted=self.predicted, found=found, where=torch.stack(where).any(0), expected=expected, sure=sure
        )


def watched_at_once(terms: list[str], most: int) -> list[str]:
    """The terms, or, where they are more than `most`, so many lists of them: each costs a pass of the model."""
    count = len(terms)
    if count <= most:
        return terms
    return [", ".join(terms[k * count // most : (k + 1) * count // most]) for k in range(most)]

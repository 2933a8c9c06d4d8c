"""The formulas of `lookahead` guidance, and the constants they were tuned to."""

from collections.abc import Sequence

import torch
from torch import Tensor

PRIOR = 0.18
"""Initial likelihood of a term, before anything is known about the picture."""
UNLIKELY = 0.01
"""Lower bound of the likelihood: no observation rules a term out."""
ASIDE = 0.25
"""Share of a move that is treated as unrelated to a term."""
COMING = 0.4
"""The likelihood at which the push equals that of `cfg`."""
SLIGHT = 0.13
"""A term whose difference is below this share of the prediction can hardly be tracked."""
KEPT = 0.9
"""Decay per step of how well a term can be tracked. Towards the end, all predictions are nearly equal."""
SURE = 1.2
"""Strength of the push from a term that cannot be tracked: as in `cfg`, and a little more."""
LOOK = 0.7
"""Share of the steps that a look-ahead runs."""
SHOWS = -0.28
"""Threshold of `nearness` above which a picture may show a term; most pictures at 0 do."""
WIDE = 0.8
"""How much a term that covers the whole picture reduces SHOWS, since pushing away from it costs more."""
CLEARER = 3.0
"""Certainty gained for every 1 of `nearness`."""
BROAD = 0.4
"""Certainty lost by a term that covers the whole picture."""
UNSURE = 0.5
"""Lower bound of the certainty: a term that was not found may still appear."""
PLACE = 0.3
"""A place belongs to a term if it changes by at least this share of the term's usual change."""
SEEN = 0.45
"""Initial likelihood of a term that the look-ahead found."""
UNSEEN = 0.05
"""Initial likelihood of a term that the look-ahead did not find."""
_TINY = 1e-12


def combine_terms(neg: Sequence[Tensor], null: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """The negative prediction of several weighted terms: null + sum of weight (neg - null).

    It replaces the negative prediction in `cfg`. With one term of weight 1 it is that term's prediction. The
    weights come from `push_weight` and have the shape (batch, 1, ...).
    """
    return null + sum(weight * (each - null) for each, weight in zip(neg, weights, strict=True))


def update_likelihood(share: Tensor, towards: Tensor, moved: Tensor) -> Tensor:
    """The likelihood that a picture will show a term, updated after a step that `moved` the unprompted prediction.

    The unprompted prediction of the clean latents is the mean of all pictures that are still possible, with the term
    or without it. When it moves `towards` the term (the term's prediction minus the unprompted one, before the
    step), the share of pictures with the term grows:

        share + (1 - share) <towards, moved> / (|towards|^2 + ASIDE |moved|^2), clipped to [UNLIKELY, 1]

    ASIDE |moved|^2 prevents a large move from counting as evidence for a small difference. `share` is the likelihood
    before the step, of shape (batch, 1, ...).
    Koulischer et al. 2024, "Dynamic Negative Guidance of Diffusion Models", arXiv:2410.14398, estimate it from the
    noise of a stochastic sampler, for the negative prompt as a whole. This estimate needs no noise.
    """
    along = _inner_product(towards, moved) / (
        _inner_product(towards, towards) + ASIDE * _inner_product(moved, moved)
    ).clamp(min=_TINY)
    return (share + (1 - share) * along).clamp(UNLIKELY, 1)


def signal_strength(towards: Tensor, null: Tensor) -> Tensor:
    """How well `update_likelihood` can track a term, from 0 to 1: |towards|^4 / (|towards|^4 + SLIGHT^4 |null|^4).

    Well for a term that changes a large part of the picture (a watermark, darkness); badly for one that changes a few
    places (earrings) or fine detail (blur). It is 1/2 if |towards| = SLIGHT |null|.
    """
    much, slight = _inner_product(towards, towards) ** 2, (SLIGHT**2 * _inner_product(null, null)) ** 2
    return much / (much + slight).clamp(min=_TINY)


def push_weight(share: Tensor, signal: Tensor, sure: Tensor | float = 1.0) -> Tensor:
    """The weight of a term's negative prediction, from its likelihood; `cfg` uses 1.

        (share / COMING)^told (SURE sure)^(1 - told)

    with `told` from `signal_strength` and `sure` from `lookahead_certainty`. A term that can be tracked fully is pushed
    away from in proportion to its likelihood. A term that cannot be tracked is always pushed away from, a little harder
    than by `cfg`, because the places around it stay and keep suggesting it.
    """
    return (share / COMING) ** signal * (SURE * sure) ** (1 - signal)


def nearness(picture: Tensor, nulls: Tensor, towards: Tensor) -> Tensor:
    """How much nearer a picture is to its steps' predictions for a term than to their unprompted predictions.

        sum w (|picture - null|^2 - |picture - null - towards|^2) / sqrt(sum w |towards|^2  sum w |picture - null|^2)

    over the steps, with w = 1 / sqrt|picture - null|, so that a step with a better prediction counts more. All are
    predictions of the clean latents: `picture` of shape (batch, ...), the others of shape (steps, batch, ...);
    `towards` is the term's prediction minus the unprompted one.
    The idea is that of Li et al. 2023, "Your Diffusion Model is Secretly a Zero-Shot Classifier", arXiv:2303.16203,
    who compare noised copies of a finished picture with a prediction for each class.
    """
    missed = picture - nulls
    lengths, distances, along = (
        torch.stack([_inner_product(x, y) for x, y in zip(xs, ys, strict=True)])
        for xs, ys in ((towards, towards), (missed, missed), (towards, missed))
    )
    weights = distances.clamp(min=_TINY) ** -0.25
    lengths, distances, along = ((weights * each).sum(0) for each in (lengths, distances, along))
    return (2 * along - lengths) / (lengths * distances).sqrt().clamp(min=_TINY)


def change_map(towards: Tensor) -> Tensor:
    """How much a term changes each place of a picture: the squares of `towards`, summed over steps and channels.

    From shape (steps, batch, channels, height, width) to (batch, 1, height, width); for latents in patches, from
    (steps, batch, patches, channels) to (batch, patches, 1).
    """
    return towards.square().sum(0).sum(1 if towards.ndim == 5 else -1, keepdim=True)


def changed_share(changed: Tensor) -> Tensor:
    """The share of a picture that a term changes, of shape (batch, 1, ...); 1 if it changes all places equally.

    The participation ratio of `change_map`: (their sum)^2 / (number of places x sum of their squares).
    """
    dims = tuple(range(1, changed.ndim))
    whole = changed[0].numel() * (changed * changed).sum(dims, keepdim=True)
    return changed.sum(dims, keepdim=True) ** 2 / whole.clamp(min=_TINY)


def lookahead_certainty(near: Tensor, wide: Tensor) -> Tensor:
    """How sure a look-ahead is that a picture shows a term.

        (1 - BROAD wide) (1 + CLEARER near), clipped to [UNSURE, 1]

    with `near` from `nearness` and `wide` from `changed_share`. In doubt, the push is weaker: a picture that does not
    show the term then loses little else, and one that hardly shows it needs no more.
    """
    return ((1 - BROAD * wide) * (1 + CLEARER * near)).clamp(UNSURE, 1)


def changed_places(changed: Tensor) -> Tensor:
    """A mask of the places that belong to a term, of the shape of its `change_map`: few for a hat, most for darkness.

    A place belongs to the term if it changes by at least PLACE times the average change, weighted by the change itself.
    Couairon et al. 2022, "DiffEdit: Diffusion-based semantic image editing with mask guidance", arXiv:2210.11427,
    derive a mask in the same way, from the difference of the predictions for two prompts.
    """
    dims = tuple(range(1, changed.ndim))
    usual = (changed * changed).sum(dims, keepdim=True) / changed.sum(dims, keepdim=True).clamp(min=_TINY)
    return changed >= PLACE * usual


def _inner_product(x: Tensor, y: Tensor) -> Tensor:
    """The inner product for each element of the batch."""
    product: Tensor = (x * y).sum(dim=tuple(range(1, x.ndim)), keepdim=True)
    return product

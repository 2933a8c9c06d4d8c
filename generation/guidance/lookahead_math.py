"""The formulas of `lookahead` guidance. Their numbers are in `LookaheadParams`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .lookahead_params import LookaheadParams

_TINY = 1e-12


def combine_terms(neg: Sequence[Tensor], null: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """The negative prediction of several weighted terms: null + sum of weight (neg - null).

    It replaces the negative prediction in `cfg`. With one term of weight 1 it is that term's prediction. The
    weights come from `push_weight` and have the shape (batch, 1, ...).
    """
    return null + sum(weight * (each - null) for each, weight in zip(neg, weights, strict=True))


def update_likelihood(likelihood: Tensor, towards: Tensor, moved: Tensor, params: LookaheadParams) -> Tensor:
    """The likelihood that a picture will show a term, updated after a step that `moved` the unprompted prediction.

    The unprompted prediction of the clean latents is the mean of all pictures that are still possible, with the term
    or without it. When it moves `towards` the term (the term's prediction minus the unprompted one, before the
    step), the likelihood of the term grows:

        likelihood + (1 - likelihood) <towards, moved> / (|towards|^2 + unrelated_share |moved|^2)

    clipped to [min_likelihood, 1]. The term with `unrelated_share` prevents a large move from counting as evidence for
    a small difference. `likelihood` is that before the step, of shape (batch, 1, ...).
    Koulischer et al. 2024, "Dynamic Negative Guidance of Diffusion Models", arXiv:2410.14398, estimate it from the
    noise of a stochastic sampler, for the negative prompt as a whole. This estimate needs no noise.
    """
    along = _inner_product(towards, moved) / (
        _inner_product(towards, towards) + params.unrelated_share * _inner_product(moved, moved)
    ).clamp(min=_TINY)
    return (likelihood + (1 - likelihood) * along).clamp(params.min_likelihood, 1)


def signal_strength(towards: Tensor, null: Tensor, params: LookaheadParams) -> Tensor:
    """How well `update_likelihood` can track a term, from 0 to 1.

        |towards|^4 / (|towards|^4 + half_signal_ratio^4 |null|^4)

    Well for a term that changes a large part of the picture (a watermark, darkness); badly for one that changes a few
    places (earrings) or fine detail (blur). It is 1/2 if |towards| = half_signal_ratio |null|.
    """
    much = _inner_product(towards, towards) ** 2
    half = (params.half_signal_ratio**2 * _inner_product(null, null)) ** 2
    return much / (much + half).clamp(min=_TINY)


def push_weight(likelihood: Tensor, signal: Tensor, params: LookaheadParams, certainty: Tensor | float = 1.0) -> Tensor:
    """The weight of a term's negative prediction, from its likelihood; `cfg` uses 1.

        (likelihood / cfg_likelihood)^signal (untracked_push certainty)^(1 - signal)

    with `signal` from `signal_strength` and `certainty` from `lookahead_certainty`. A term that can be tracked fully is
    pushed away from in proportion to its likelihood. A term that cannot be tracked is always pushed away from, a little
    harder than by `cfg`, because the places around it stay and keep suggesting it.
    """
    tracked, untracked = likelihood / params.cfg_likelihood, params.untracked_push * certainty
    return tracked**signal * untracked ** (1 - signal)


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


def is_found(near: Tensor, spread: Tensor, params: LookaheadParams) -> Tensor:
    """Whether a look counts as showing a term, for each picture of a batch.

        near > found_nearness (1 - spread_tolerance spread^2)

    with `near` from `nearness` and `spread` from `changed_share`. A term that covers more of the picture needs more
    evidence, since pushing away from it changes more.
    """
    return near > params.found_nearness * (1 - params.spread_tolerance * spread**2)


def lookahead_certainty(near: Tensor, spread: Tensor, params: LookaheadParams) -> Tensor:
    """How sure a look-ahead is that a picture shows a term.

        (1 - spread_doubt spread) (1 + certainty_per_nearness near), clipped to [min_certainty, 1]

    with `near` from `nearness` and `spread` from `changed_share`. In doubt, the push is weaker: a picture that does not
    show the term then loses little else, and one that hardly shows it needs no more.
    """
    certainty = (1 - params.spread_doubt * spread) * (1 + params.certainty_per_nearness * near)
    return certainty.clamp(params.min_certainty, 1)


def changed_places(changed: Tensor, params: LookaheadParams) -> Tensor:
    """A mask of the places that belong to a term, of the shape of its `change_map`: few for a hat, most for darkness.

    A place belongs to the term if it changes by at least `place_change` times the average change. The average is
    weighted by the change itself.
    Couairon et al. 2022, "DiffEdit: Diffusion-based semantic image editing with mask guidance", arXiv:2210.11427,
    derive a mask in the same way, from the difference of the predictions for two prompts.
    """
    dims = tuple(range(1, changed.ndim))
    usual = (changed * changed).sum(dims, keepdim=True) / changed.sum(dims, keepdim=True).clamp(min=_TINY)
    return changed >= params.place_change * usual


def _inner_product(x: Tensor, y: Tensor) -> Tensor:
    """The inner product for each element of the batch."""
    product: Tensor = (x * y).sum(dim=tuple(range(1, x.ndim)), keepdim=True)
    return product

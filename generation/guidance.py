"""Guidance: combine the predictions for several texts into one.

Each method is a pure function of predictions of one shape, batch first: `cond` for the prompt, `neg` for the
negative prompt, `null` for the empty text. `scale` is the guidance scale; at 1 the negative prompt has no effect.
"""

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
"""Threshold of `nearer` above which a picture may show a term; most pictures at 0 do."""

WIDE = 0.8
"""How much a term that covers the whole picture reduces SHOWS, since pushing away from it costs more."""

CLEARER = 3.0
"""Certainty gained for every 1 of `nearer`."""

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


def cfg(cond: Tensor, neg: Tensor, *, scale: float) -> Tensor:
    """Classifier-free guidance with the negative prompt in place of the empty one: neg + scale (cond - neg).

    Ho and Salimans 2022, "Classifier-Free Diffusion Guidance", arXiv:2207.12598; `scale` is the paper's 1 + w.
    """
    return neg + scale * (cond - neg)


def rescaled(guided: Tensor, cond: Tensor, *, phi: float) -> Tensor:
    """Guidance rescale, against overexposure: phi guided std(cond) / std(guided) + (1 - phi) guided.

    Lin et al. 2023, "Common Diffusion Noise Schedules and Sample Steps are Flawed", arXiv:2305.08891, section 3.4.
    """
    dims = list(range(1, cond.ndim))
    ratio = cond.std(dim=dims, keepdim=True) / guided.std(dim=dims, keepdim=True)
    return phi * (guided * ratio) + (1 - phi) * guided


def in_interval(done: int, total: int, *, start: float, stop: float) -> bool:
    """Whether the step after `done` of `total` is in the guided interval; `start` and `stop` are shares of the steps.

    Kynkäänniemi et al. 2024, "Applying Guidance in a Limited Interval Improves Sample and Distribution Quality
    in Diffusion Models", arXiv:2404.07724.
    """
    return start * total <= done < stop * total


def agreement(cond: Tensor, neg: Tensor) -> Tensor:
    """The smallest cosine over the batch between the two predictions. Near 1, a second pass gains nothing.

    Castillo et al. 2023, "Adaptive Guidance: Training-free Acceleration of Conditional Diffusion Models",
    arXiv:2312.12487, end guidance for good once it exceeds a threshold.
    """
    cosines: Tensor = torch.cosine_similarity(cond.flatten(1).float(), neg.flatten(1).float())
    return cosines.min()


def apg(
    cond: Tensor,
    neg: Tensor,
    momentum: Tensor | None,
    *,
    scale: float,
    beta: float = -0.5,
    radius: float = 15.0,
    eta: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Adaptive projected guidance of predictions of the clean latents. Also returns the next step's `momentum`.

    d = (cond - neg) + beta momentum, clipped to length `radius`; cond + (scale - 1) (d_orthogonal + eta d_parallel),
    where d_parallel is the component of d along cond, which causes oversaturation.
    Sadat et al. 2024, "Eliminating Oversaturation and Artifacts of High Guidance Scales in Diffusion Models",
    arXiv:2410.02416, algorithm 1.
    """
    momentum = cond - neg if momentum is None else cond - neg + beta * momentum
    length = _norm(momentum)
    difference = momentum * (radius / length.clamp(min=radius))
    parallel = _along(difference, cond)
    return cond + (scale - 1) * (difference - parallel + eta * parallel), momentum


def perp_neg(cond: Tensor, neg: Tensor, null: Tensor, *, scale: float, weight: float = 1.0) -> Tensor:
    """Perp-Neg: guide away only from the component of the negative prompt that is perpendicular to the prompt.

    null + scale ((cond - null) - weight (n - n_parallel)) with n = neg - null, and n_parallel its component along
    cond - null. If the negative prompt equals the prompt, this is guidance without a negative prompt.
    Armandpour et al. 2023, "Re-imagine the Negative Prompt Algorithm", arXiv:2304.04968.
    """
    main, negative = cond - null, neg - null
    return null + scale * (main - weight * (negative - _along(negative, main)))


def dynamic(neg: Sequence[Tensor], null: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """The negative prediction of several weighted terms: null + sum of weight (neg - null).

    It replaces the negative prediction in `cfg`. With one term of weight 1 it is that term's prediction. The
    weights come from `push` and have the shape (batch, 1, ...).
    """
    return null + sum(weight * (each - null) for each, weight in zip(neg, weights, strict=True))


def coming(share: Tensor, towards: Tensor, moved: Tensor) -> Tensor:
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
    along = _inner(towards, moved) / (_inner(towards, towards) + ASIDE * _inner(moved, moved)).clamp(min=_TINY)
    return (share + (1 - share) * along).clamp(UNLIKELY, 1)


def tellable(towards: Tensor, null: Tensor) -> Tensor:
    """How well `coming` can track a term, from 0 to 1: |towards|^4 / (|towards|^4 + SLIGHT^4 |null|^4).

    Well for a term that changes a large part of the picture (a watermark, darkness); badly for one that changes a few
    places (earrings) or fine detail (blur). It is 1/2 if |towards| = SLIGHT |null|.
    """
    much, slight = _inner(towards, towards) ** 2, (SLIGHT**2 * _inner(null, null)) ** 2
    return much / (much + slight).clamp(min=_TINY)


def push(share: Tensor, told: Tensor, sure: Tensor | float = 1.0) -> Tensor:
    """The weight of a term's negative prediction, from its likelihood; `cfg` uses 1.

        (share / COMING)^told (SURE sure)^(1 - told)

    with `told` from `tellable` and `sure` from `certainty`. A term that can be tracked fully is pushed away from in
    proportion to its likelihood. A term that cannot be tracked is always pushed away from, a little harder than by
    `cfg`, because the places around it stay and keep suggesting it.
    """
    return (share / COMING) ** told * (SURE * sure) ** (1 - told)


def nearer(picture: Tensor, nulls: Tensor, towards: Tensor) -> Tensor:
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
        torch.stack([_inner(x, y) for x, y in zip(xs, ys, strict=True)])
        for xs, ys in ((towards, towards), (missed, missed), (towards, missed))
    )
    weights = distances.clamp(min=_TINY) ** -0.25
    lengths, distances, along = ((weights * each).sum(0) for each in (lengths, distances, along))
    return (2 * along - lengths) / (lengths * distances).sqrt().clamp(min=_TINY)


def changes(towards: Tensor) -> Tensor:
    """How much a term changes each place of a picture: the squares of `towards`, summed over steps and channels.

    From shape (steps, batch, channels, height, width) to (batch, 1, height, width); for latents in patches, from
    (steps, batch, patches, channels) to (batch, patches, 1).
    """
    return towards.square().sum(0).sum(1 if towards.ndim == 5 else -1, keepdim=True)


def spread(changed: Tensor) -> Tensor:
    """The share of a picture that a term changes, of shape (batch, 1, ...); 1 if it changes all places equally.

    The participation ratio of `changes`: (their sum)^2 / (number of places x sum of their squares).
    """
    dims = tuple(range(1, changed.ndim))
    whole = changed[0].numel() * (changed * changed).sum(dims, keepdim=True)
    return changed.sum(dims, keepdim=True) ** 2 / whole.clamp(min=_TINY)


def certainty(near: Tensor, wide: Tensor) -> Tensor:
    """How sure a look-ahead is that a picture shows a term.

        (1 - BROAD wide) (1 + CLEARER near), clipped to [UNSURE, 1]

    with `near` from `nearer` and `wide` from `spread`. In doubt, the push is weaker: a picture that does not show the
    term then loses little else, and one that hardly shows it needs no more.
    """
    return ((1 - BROAD * wide) * (1 + CLEARER * near)).clamp(UNSURE, 1)


def places(changed: Tensor) -> Tensor:
    """A mask of the places that belong to a term, of the shape of its `changes`: few for a hat, most for darkness.

    A place belongs to the term if it changes by at least PLACE times the average change, weighted by the change itself.
    Couairon et al. 2022, "DiffEdit: Diffusion-based semantic image editing with mask guidance", arXiv:2210.11427,
    derive a mask in the same way, from the difference of the predictions for two prompts.
    """
    dims = tuple(range(1, changed.ndim))
    usual = (changed * changed).sum(dims, keepdim=True) / changed.sum(dims, keepdim=True).clamp(min=_TINY)
    return changed >= PLACE * usual


def nag(pos: Tensor, neg: Tensor, *, scale: float, tau: float, alpha: float) -> Tensor:
    """Normalized attention guidance, from an attention layer's outputs for the prompt and the negative prompt.

    z = scale pos - (scale - 1) neg, clipped to `tau` times the 1-norm of pos; alpha z + (1 - alpha) pos.
    Shapes are (batch, tokens, channels), norms are over channels. It works where classifier-free guidance is off:
    on few-step models, and on models with distilled guidance.
    Chen et al. 2025, "Normalized Attention Guidance: Universal Negative Guidance for Diffusion Models",
    arXiv:2505.21179.
    """
    guided = scale * pos - (scale - 1) * neg
    tiny = torch.finfo(pos.dtype).tiny
    before, after = (x.norm(p=1, dim=-1, keepdim=True).clamp(min=tiny) for x in (pos, guided))
    shortened: Tensor = guided * (tau * before / after).clamp(max=1)
    return alpha * shortened + (1 - alpha) * pos


def _inner(x: Tensor, y: Tensor) -> Tensor:
    """The inner product for each element of the batch."""
    product: Tensor = (x * y).sum(dim=tuple(range(1, x.ndim)), keepdim=True)
    return product


def _norm(x: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(x, dim=tuple(range(1, x.ndim)), keepdim=True)
    return length


def _along(x: Tensor, direction: Tensor) -> Tensor:
    """The component of x along a direction, for each element of the batch."""
    dims = tuple(range(1, x.ndim))
    x, direction = x.float(), direction.float()  # sums of squares overflow in half precision
    squared = (direction * direction).sum(dim=dims, keepdim=True)
    share = (x * direction).sum(dim=dims, keepdim=True) / squared.clamp(min=torch.finfo(x.dtype).tiny)
    return share * direction

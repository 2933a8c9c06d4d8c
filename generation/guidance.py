"""Guidance: how the predictions with and without the prompt become one.

Each method is a pure function of predictions of one shape, the batch first: `cond` for the prompt, `neg`
for the negative prompt, `null` for the empty one. `scale` is the guidance scale, at 1 of which the negative
prompt has no effect.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

PRIOR = 0.18
"""How likely a term is to come before anything is known of the picture."""

UNLIKELY = 0.01
"""How likely it is at least: nothing that was seen rules a term out."""

ASIDE = 0.25
"""How much of a move counts as one that has nothing to do with a term."""

COMING = 0.4
"""How likely it is to come where `dynamic` pushes away from it as `cfg` does."""

SLIGHT = 0.13
"""The share of a prediction below which a term's difference to it tells little of whether the term is coming."""

KEPT = 0.9
"""How much of what could be told of a term at a step counts at the next: towards the end all predictions are one."""

SURE = 1.2
"""How much a term is pushed away from of which little can be told; as in `cfg`, and a little more."""

LOOK = 0.7
"""The share of the steps after which `dynamic` knows enough of a picture to say what it shows."""

SHOWS = -0.28
"""How much `nearer` to a term's predictions a picture is, at least, that may show it; most of those at 0 do."""

WIDE = 0.8
"""How much of SHOWS a term loses that is spread over the whole picture: to push away from it costs more."""

CLEARER = 3.0
"""How much surer a look ahead is of a term for every 1 that the picture is `nearer` to it."""

BROAD = 0.4
"""How much less sure it is of one that is spread over the whole picture."""

UNSURE = 0.5
"""How sure it is at least: a term that wasn't found may still come."""

PLACE = 0.3
"""The share of what a term usually changes, where it does, at which a place is one of its."""

SEEN = 0.45
"""How likely a term is to come that such a picture has shown."""

UNSEEN = 0.05
"""How likely one is to come that it hasn't."""

_TINY = 1e-12


def cfg(cond: Tensor, neg: Tensor, *, scale: float) -> Tensor:
    """Classifier-free guidance with the negative prompt in the empty one's place: neg + scale (cond - neg).

    Ho and Salimans 2022, "Classifier-Free Diffusion Guidance", arXiv:2207.12598; `scale` is the paper's 1 + w.
    """
    return neg + scale * (cond - neg)


def rescaled(guided: Tensor, cond: Tensor, *, phi: float) -> Tensor:
    """Guidance rescale: phi guided std(cond) / std(guided) + (1 - phi) guided, against overexposure.

    Lin et al. 2023, "Common Diffusion Noise Schedules and Sample Steps are Flawed", arXiv:2305.08891, section 3.4.
    """
    dims = list(range(1, cond.ndim))
    ratio = cond.std(dim=dims, keepdim=True) / guided.std(dim=dims, keepdim=True)
    return phi * (guided * ratio) + (1 - phi) * guided


def in_interval(done: int, total: int, *, start: float, stop: float) -> bool:
    """Whether the step after `done` of `total` lies in the guided interval, given as shares of the steps.

    Kynkäänniemi et al. 2024, "Applying Guidance in a Limited Interval Improves Sample and Distribution Quality
    in Diffusion Models", arXiv:2404.07724.
    """
    return start * total <= done < stop * total


def agreement(cond: Tensor, neg: Tensor) -> Tensor:
    """The smallest cosine over the batch between the two predictions: near 1, a second pass buys nothing.

    Castillo et al. 2023, "Adaptive Guidance: Training-free Acceleration of Conditional Diffusion Models",
    arXiv:2312.12487, which ends guidance for good when it exceeds a threshold.
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
    """Adaptive projected guidance of predictions of the clean latents; also the next step's `momentum`.

    d = (cond - neg) + beta momentum, shortened to `radius`; cond + (scale - 1) (d_orthogonal + eta d_parallel),
    where d_parallel is the part of d along cond, which is what oversaturates.
    Sadat et al. 2024, "Eliminating Oversaturation and Artifacts of High Guidance Scales in Diffusion Models",
    arXiv:2410.02416, algorithm 1.
    """
    momentum = cond - neg if momentum is None else cond - neg + beta * momentum
    length = _norm(momentum)
    difference = momentum * (radius / length.clamp(min=radius))
    parallel = _along(difference, cond)
    return cond + (scale - 1) * (difference - parallel + eta * parallel), momentum


def perp_neg(cond: Tensor, neg: Tensor, null: Tensor, *, scale: float, weight: float = 1.0) -> Tensor:
    """Only what of the negative is perpendicular to the prompt is guided away from, so that they can't cancel.

    null + scale ((cond - null) - weight (n - n_parallel)) with n = neg - null, and n_parallel its part along
    cond - null. Where the negative is the prompt, this is guidance without a negative.
    Armandpour et al. 2023, "Re-imagine the Negative Prompt Algorithm", arXiv:2304.04968.
    """
    main, negative = cond - null, neg - null
    return null + scale * (main - weight * (negative - _along(negative, main)))


def dynamic(neg: Sequence[Tensor], null: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """The negative that terms make, each of them as far as it is wanted: null + sum of weight (neg - null).

    With one term and a weight of 1 it is that term's prediction. It takes the negative's place in `cfg`. The
    weights, of shape (batch, 1, ...), are those of `push`.
    """
    return null + sum(weight * (each - null) for each, weight in zip(neg, weights, strict=True))


def coming(share: Tensor, towards: Tensor, moved: Tensor) -> Tensor:
    """How likely a picture is to show what a term names, after a step that `moved` the unprompted prediction.

    That prediction, of the clean latents, is the mean of all pictures that may still come, with the term or without
    it. As it moves `towards` the term (the term's prediction less the unprompted one, before the step), the share
    of those with it grows:

        share + (1 - share) <towards, moved> / (|towards|^2 + ASIDE |moved|^2), within UNLIKELY and 1

    where ASIDE |moved|^2 keeps a slight difference from being read out of a large move. `share` is of shape
    (batch, 1, ...).
    Koulischer et al. 2024, "Dynamic Negative Guidance of Diffusion Models", arXiv:2410.14398, estimate it from the
    noise of a stochastic sampler's steps, for the negative prompt as a whole; this needs no noise.
    """
    along = _inner(towards, moved) / (_inner(towards, towards) + ASIDE * _inner(moved, moved)).clamp(min=_TINY)
    return (share + (1 - share) * along).clamp(UNLIKELY, 1)


def tellable(towards: Tensor, null: Tensor) -> Tensor:
    """How much `coming` can tell of a term, from 0 to 1: |towards|^4 / (|towards|^4 + SLIGHT^4 |null|^4).

    Much of one that would change a large part of the picture (a watermark, darkness), little of one that shows in a
    few places (earrings) or in fine detail (blur). It is 1/2 where |towards| = SLIGHT |null|.
    """
    much, slight = _inner(towards, towards) ** 2, (SLIGHT**2 * _inner(null, null)) ** 2
    return much / (much + slight).clamp(min=_TINY)


def push(share: Tensor, told: Tensor, sure: Tensor | float = 1.0) -> Tensor:
    """How much of a term's negative is wanted, by how likely it is to come; 1 is what `cfg` takes.

        (share / COMING)^told (SURE sure)^(1 - told)

    with `told` from `tellable` and `sure` from `certainty`: a term of which all can be told is pushed away from as far
    as it is coming, and one of which nothing can, always, and harder where what surrounds it stays and calls for it.
    """
    return (share / COMING) ** told * (SURE * sure) ** (1 - told)


def nearer(picture: Tensor, nulls: Tensor, towards: Tensor) -> Tensor:
    """How much nearer a picture came to what steps on its way predicted for a term than to what they predicted of none.

        sum w (|picture - null|^2 - |picture - null - towards|^2) / sqrt(sum w |towards|^2  sum w |picture - null|^2)

    over the steps, with w = 1 / sqrt|picture - null|: a step that guessed better tells more. All are predictions of
    the clean latents, `picture` of shape (batch, ...), the others of shape (steps, batch, ...), and `towards` a term's
    less the unprompted one. In hindsight the predictions are guesses, and the better ones tell what is in the picture:
    after Li et al. 2023, "Your Diffusion Model is Secretly a Zero-Shot Classifier", arXiv:2303.16203, who hold noised
    copies of a finished picture against a prediction for each class.
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

    From shape (steps, batch, channels, height, width) to (batch, 1, height, width), or, of latents in patches, from
    (steps, batch, patches, channels) to (batch, patches, 1).
    """
    return towards.square().sum(0).sum(1 if towards.ndim == 5 else -1, keepdim=True)


def spread(changed: Tensor) -> Tensor:
    """The share of a picture that a term changes, of shape (batch, 1, ...): 1 where it changes all places alike.

    (sum of `changes`)^2 / (places x sum of their squares): the participation ratio.
    """
    dims = tuple(range(1, changed.ndim))
    whole = changed[0].numel() * (changed * changed).sum(dims, keepdim=True)
    return changed.sum(dims, keepdim=True) ** 2 / whole.clamp(min=_TINY)


def certainty(near: Tensor, wide: Tensor) -> Tensor:
    """How sure a look ahead is that a picture shows a term, from how `near` it came to it and how `wide` that is.

        (1 - BROAD wide) (1 + CLEARER near), within UNSURE and 1

    with `near` from `nearer` and `wide` from `spread`. Where it is in doubt, less is pushed away from: a picture that
    doesn't show the term loses little of the rest by it then, and one that hardly shows it needs no more.
    """
    return ((1 - BROAD * wide) * (1 + CLEARER * near)).clamp(UNSURE, 1)


def places(changed: Tensor) -> Tensor:
    """Which places of a picture are a term's, of the shape of its `changes`: a few for a hat, nearly all for darkness.

    Those it changes by PLACE of what it changes a place on average, weighed by that change.
    Couairon et al. 2022, "DiffEdit: Diffusion-based semantic image editing with mask guidance", arXiv:2210.11427, find
    a mask in the same way, from how predictions for two prompts differ, and keep what lies outside of it.
    """
    dims = tuple(range(1, changed.ndim))
    usual = (changed * changed).sum(dims, keepdim=True) / changed.sum(dims, keepdim=True).clamp(min=_TINY)
    return changed >= PLACE * usual


def nag(pos: Tensor, neg: Tensor, *, scale: float, tau: float, alpha: float) -> Tensor:
    """Normalized attention guidance, of the outputs of an attention to the prompt and to the negative prompt.

    z = scale pos - (scale - 1) neg, shortened to `tau` times the 1-norm of pos; alpha z + (1 - alpha) pos.
    Shapes (batch, tokens, channels), with norms over channels. It works where classifier-free guidance is off:
    on few-step models, and on those with their guidance built in.
    Chen et al. 2025, "Normalized Attention Guidance: Universal Negative Guidance for Diffusion Models",
    arXiv:2505.21179.
    """
    guided = scale * pos - (scale - 1) * neg
    tiny = torch.finfo(pos.dtype).tiny
    before, after = (x.norm(p=1, dim=-1, keepdim=True).clamp(min=tiny) for x in (pos, guided))
    shortened: Tensor = guided * (tau * before / after).clamp(max=1)
    return alpha * shortened + (1 - alpha) * pos


def _inner(x: Tensor, y: Tensor) -> Tensor:
    """The inner product for each of the batch."""
    product: Tensor = (x * y).sum(dim=tuple(range(1, x.ndim)), keepdim=True)
    return product


def _norm(x: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(x, dim=tuple(range(1, x.ndim)), keepdim=True)
    return length


def _along(x: Tensor, direction: Tensor) -> Tensor:
    """The part of x along a direction, for each of the batch."""
    dims = tuple(range(1, x.ndim))
    x, direction = x.float(), direction.float()  # sums of squares leave half precision's range
    squared = (direction * direction).sum(dim=dims, keepdim=True)
    share = (x * direction).sum(dim=dims, keepdim=True) / squared.clamp(min=torch.finfo(x.dtype).tiny)
    return share * direction

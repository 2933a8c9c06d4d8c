"""Guidance: combine the predictions for several texts into one.

Each method is a pure function of predictions of one shape, batch first: `cond` for the prompt, `neg` for the
negative prompt, `null` for the empty text. `scale` is the guidance scale; at 1 the negative prompt has no effect.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


def cfg(cond: Tensor, neg: Tensor, *, scale: float) -> Tensor:
    """Classifier-free guidance with the negative prompt in place of the empty one: neg + scale (cond - neg).

    Ho and Salimans 2022, "Classifier-Free Diffusion Guidance", arXiv:2207.12598; `scale` is the paper's 1 + w.
    """
    return neg + scale * (cond - neg)


def rescale(guided: Tensor, cond: Tensor, *, phi: float) -> Tensor:
    """Guidance rescale, against overexposure: phi guided std(cond) / std(guided) + (1 - phi) guided.

    Lin et al. 2023, "Common Diffusion Noise Schedules and Sample Steps are Flawed", arXiv:2305.08891, section 3.4.
    """
    dims = list(range(1, cond.ndim))
    ratio = cond.std(dim=dims, keepdim=True) / guided.std(dim=dims, keepdim=True)
    return phi * (guided * ratio) + (1 - phi) * guided


def keep_norm(guided: Tensor, cond: Tensor) -> Tensor:
    """The guided prediction with the norm of `cond` along the last axis: guided |cond| / |guided|."""
    ratio: Tensor = cond.norm(dim=-1, keepdim=True) / guided.norm(dim=-1, keepdim=True)
    return guided * ratio


def is_in_interval(done: int, total: int, *, start: float, stop: float) -> bool:
    """Whether the step after `done` of `total` is in the guided interval; `start` and `stop` are shares of the steps.

    Kynkäänniemi et al. 2024, "Applying Guidance in a Limited Interval Improves Sample and Distribution Quality
    in Diffusion Models", arXiv:2404.07724.
    """
    return start * total <= done < stop * total


def minimum_cosine(cond: Tensor, neg: Tensor) -> Tensor:
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
    parallel = _project(difference, cond)
    return cond + (scale - 1) * (difference - parallel + eta * parallel), momentum


def perp_neg(cond: Tensor, neg: Tensor, null: Tensor, *, scale: float, weight: float = 1.0) -> Tensor:
    """Perp-Neg: guide away only from the component of the negative prompt that is perpendicular to the prompt.

    null + scale ((cond - null) - weight (n - n_parallel)) with n = neg - null, and n_parallel its component along
    cond - null. If the negative prompt equals the prompt, this is guidance without a negative prompt.
    Armandpour et al. 2023, "Re-imagine the Negative Prompt Algorithm", arXiv:2304.04968.
    """
    main, negative = cond - null, neg - null
    return null + scale * (main - weight * (negative - _project(negative, main)))


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


def ong(pos: Tensor, negatives: Sequence[Tensor], *, weights: Sequence[float]) -> Tensor:
    """Orthogonal negative guidance, from an attention layer's outputs for the prompt and for each text to exclude.

    pos - sum of weight_k n_k, where n_k is the component of the k-th negative output that is orthogonal to pos, for
    each token. Shapes are (batch, tokens, channels). An excluded text that equals the prompt changes nothing.
    Ko et al. 2026, "Orthogonal Negative Guidance in Attention Feature Space for Text-to-Image Generation",
    arXiv:2605.29390.

    Of several texts, n_k is orthogonal to the earlier n_j too, so that what they share is subtracted once. This is our
    rule: without it, a list of exclusions takes away many times what every short text lacks of the prompt.
    """
    guided, basis = pos.float(), [pos.float()]
    for negative, weight in zip(negatives, weights, strict=True):
        rest = negative.float()
        for direction in basis:
            squared = direction.square().sum(dim=-1, keepdim=True).clamp(min=torch.finfo(rest.dtype).tiny)
            rest = rest - (rest * direction).sum(dim=-1, keepdim=True) / squared * direction
        guided = guided - weight * rest
        basis.append(rest)
    return guided.to(pos.dtype)


def vsf(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    negative_key: Tensor,
    negative_value: Tensor,
    negative_mask: Tensor,
    *,
    scale: float,
    offset: float,
    mask: Tensor | None = None,
    factor: float | None = None,
) -> Tensor:
    """Value sign flip: attention that reads the tokens of the negative prompt too, with values of opposite sign.

    softmax(q [k, k_neg] + [mask, -offset]) [v, -scale v_neg]. Shapes are (batch, heads, tokens, channels). `mask` is
    added to the logits of the other keys, or is True for those to read. `negative_mask`, of shape (tokens,), is True
    for the negative prompt's tokens to read. `factor` is what queries are scaled by.
    Guo and Du 2025, "VSF: Simple, Efficient, and Effective Negative Guidance in Few-Step Image Generation Models by
    Value Sign Flip", arXiv:2508.10931.
    """
    keys, values = torch.cat([key, negative_key], dim=2), torch.cat([value, -scale * negative_value], dim=2)
    if mask is None:
        mask = query.new_zeros(1, 1, 1, key.shape[2])
    elif mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill(~mask, -torch.inf)
    highest = mask.amax(dim=-1, keepdim=True)  # what a token that is read adds to its logits: Chroma adds 1
    appended = torch.where(negative_mask, highest - offset, -torch.inf)
    bias = torch.cat([mask, appended], dim=-1).to(query.dtype)
    return scaled_dot_product_attention(query, keys, values, attn_mask=bias, scale=factor)


def _norm(x: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(x, dim=tuple(range(1, x.ndim)), keepdim=True)
    return length


def _project(x: Tensor, direction: Tensor) -> Tensor:
    """The component of x along a direction, for each element of the batch."""
    dims = tuple(range(1, x.ndim))
    x, direction = x.float(), direction.float()  # sums of squares overflow in half precision
    squared = (direction * direction).sum(dim=dims, keepdim=True)
    share = (x * direction).sum(dim=dims, keepdim=True) / squared.clamp(min=torch.finfo(x.dtype).tiny)
    return share * direction

"""Normalized attention guidance (NAG): hooks on a denoiser's attention layers, installed for one forward pass.

The attention outputs for the prompt and for the negative prompt are combined before the output projection,
as in the authors' code. Hooks work with any attention processor.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from ..guidance.methods import nag

_UNET = {"scale": 3.0, "tau": 2.5, "alpha": 0.5}
_TRANSFORMER = {"scale": 5.0, "tau": 2.5, "alpha": 0.25}
"""The authors' settings: for Stable Diffusion XL, and for Flux."""


@contextmanager
def guide_cross_attention(unet: Any) -> Iterator[None]:
    """Guide every cross-attention of a U-Net.

    The batch of text embeddings is [prompt, negative prompt]; the latents are not repeated. Only the
    cross-attention itself is computed for both.
    """

    def twice(module: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (torch.cat([arguments[0]] * 2), *arguments[1:])

    def once(module: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (_apply_nag(arguments[0], **_UNET), *arguments[1:])

    with ExitStack() as hooks:
        for name, module in unet.named_modules():
            if name.endswith("attn2"):
                hooks.callback(module.register_forward_pre_hook(twice).remove)
                hooks.callback(module.to_out[0].register_forward_pre_hook(once).remove)
        yield


@contextmanager
def guide_joint_attention(transformer: Any, tokens: int) -> Iterator[None]:
    """Guide the image stream of a transformer with joint attention over text and image.

    Latents and texts are repeated, the prompt's half first; the image stream stays the same in both halves.
    `tokens` is the length of the text, which precedes the image in single-stream blocks.
    """

    def after_the_text(module: Any, arguments: Any, output: Tensor) -> Tensor:
        return torch.cat([output[:, :tokens], _as_tensor(output[:, tokens:])], dim=1)

    with ExitStack() as hooks:
        hooks.enter_context(guide_double_stream(transformer.transformer_blocks))
        for block in getattr(transformer, "single_transformer_blocks", ()):
            hooks.callback(block.attn.register_forward_hook(after_the_text).remove)
        yield


@contextmanager
def guide_double_stream(blocks: Iterable[Any]) -> Iterator[None]:
    """Guide the image stream of blocks that process picture and text apart, except for the attention."""

    def before_projection(module: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (_as_tensor(arguments[0]), *arguments[1:])

    with ExitStack() as hooks:
        for block in blocks:
            hooks.callback(block.attn.to_out[0].register_forward_pre_hook(before_projection).remove)
        yield


@contextmanager
def guide_single_stream(
    projections: Iterable[Any], pictures: Sequence[slice], channels: int | None = None
) -> Iterator[None]:
    """Guide the picture's tokens in blocks that process picture and text as one sequence.

    Latents and texts are repeated, the prompt's half first. `projections` are the attentions' output projections, of
    whose input the first `channels` are the attention's (by default, all). `pictures` has the picture's tokens for each
    text, since they may follow texts of different lengths.
    """
    half = len(pictures) // 2

    def before_projection(module: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        guided = arguments[0].clone()
        for pos, neg in zip(range(half), range(half, 2 * half), strict=True):
            wanted, unwanted = guided[pos, pictures[pos], :channels], guided[neg, pictures[neg], :channels]
            combined = _apply_nag(torch.stack([wanted, unwanted]), **_TRANSFORMER)[0]
            wanted.copy_(combined)
            unwanted.copy_(combined)
        return (guided, *arguments[1:])

    with ExitStack() as hooks:
        for projection in projections:
            hooks.callback(projection.register_forward_pre_hook(before_projection).remove)
        yield


def _as_tensor(output: Tensor) -> Tensor:
    return torch.cat([_apply_nag(output, **_TRANSFORMER)] * 2)


def _apply_nag(output: Tensor, *, scale: float, tau: float, alpha: float) -> Tensor:
    positive, negative = output.chunk(2)
    return nag(positive, negative, scale=scale, tau=tau, alpha=alpha)

"""Attention guidance by outputs: hooks on a denoiser's attention layers, installed for one forward pass.

The attention outputs for the prompt and for the texts to guide away from are combined before the output projection,
as in the code of NAG's authors. Hooks work with any attention processor.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..guidance.methods import nag, ong

_UNET = {"scale": 3.0, "tau": 2.5, "alpha": 0.5}
_TRANSFORMER = {"scale": 5.0, "tau": 2.5, "alpha": 0.25}
"""The authors' settings of NAG: for Stable Diffusion XL, and for Flux."""

ONG_SCALE = 1.0
"""The strength of an exclusion at weight 1: `nag` with its settings for Flux moves the attention about as far."""


@dataclass(frozen=True)
class OutputGuidance:
    """How to combine the attention's outputs for `texts` texts: the prompt, then those to guide away from.

    `combine` takes an output of shape (batch, tokens, channels) for each, and returns the guided one.
    """

    texts: int
    combine: Callable[[Sequence[Tensor]], Tensor]

    def guide(self, output: Tensor) -> Tensor:
        """The guided output for the prompt, of the outputs for all texts in one batch."""
        return self.combine(output.chunk(self.texts))

    def guide_all(self, output: Tensor) -> Tensor:
        """The guided output, once for each text."""
        return torch.cat([self.guide(output)] * self.texts)


def joint_output_guidance(method: str, weights: Sequence[float]) -> OutputGuidance:
    """The guidance of joint attention by `nag` or `ong`; `weights` are those of the texts to guide away from."""
    if method == "ong":
        strengths = [ONG_SCALE * weight for weight in weights]
        return OutputGuidance(1 + len(weights), lambda outputs: ong(outputs[0], outputs[1:], weights=strengths))
    return OutputGuidance(2, lambda outputs: nag(outputs[0], outputs[1], **_TRANSFORMER))


def cross_output_guidance(method: str) -> OutputGuidance:
    """The guidance of cross-attention by `nag`; by `vsf`, which acts before, the output for the prompt."""
    if method == "vsf":
        return OutputGuidance(2, lambda outputs: outputs[0])
    return OutputGuidance(2, lambda outputs: nag(outputs[0], outputs[1], **_UNET))


def cross_attentions(unet: Any) -> list[Any]:
    """The modules of a U-Net whose picture attends to the text."""
    return [module for name, module in unet.named_modules() if name.endswith("attn2")]


@contextmanager
def guide_cross_attention(unet: Any, guidance: OutputGuidance) -> Iterator[None]:
    """Guide every cross-attention of a U-Net.

    The batch of text embeddings is [prompt, negative prompt]; the latents are not repeated. Only the
    cross-attention itself is computed for both.
    """

    def twice(module: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (torch.cat([arguments[0]] * 2), *arguments[1:])

    def once(module: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (guidance.guide(arguments[0]), *arguments[1:])

    with ExitStack() as hooks:
        for module in cross_attentions(unet):
            hooks.callback(module.register_forward_pre_hook(twice).remove)
            hooks.callback(module.to_out[0].register_forward_pre_hook(once).remove)
        yield


@contextmanager
def guide_joint_attention(transformer: Any, tokens: int, guidance: OutputGuidance) -> Iterator[None]:
    """Guide the image stream of a transformer with joint attention over text and image.

    Latents are repeated for each text, the prompt's first; the image stream stays the same for all of them.
    `tokens` is the length of the text, which precedes the image in single-stream blocks.
    """

    def after_the_text(module: Any, arguments: Any, output: Tensor) -> Tensor:
        return torch.cat([output[:, :tokens], guidance.guide_all(output[:, tokens:])], dim=1)

    with ExitStack() as hooks:
        hooks.enter_context(guide_double_stream(transformer.transformer_blocks, guidance))
        for block in getattr(transformer, "single_transformer_blocks", ()):
            hooks.callback(block.attn.register_forward_hook(after_the_text).remove)
        yield


@contextmanager
def guide_double_stream(blocks: Iterable[Any], guidance: OutputGuidance) -> Iterator[None]:
    """Guide the image stream of blocks that process picture and text apart, except for the attention."""

    def before_projection(module: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (guidance.guide_all(arguments[0]), *arguments[1:])

    with ExitStack() as hooks:
        for block in blocks:
            hooks.callback(block.attn.to_out[0].register_forward_pre_hook(before_projection).remove)
        yield


@contextmanager
def guide_single_stream(
    projections: Iterable[Any], pictures: Sequence[slice], guidance: OutputGuidance, channels: int | None = None
) -> Iterator[None]:
    """Guide the picture's tokens in blocks that process picture and text as one sequence.

    Latents are repeated for each text, the prompt's first. `projections` are the attentions' output projections, of
    whose input the first `channels` are the attention's (by default, all). `pictures` has the picture's tokens for each
    text, since they may follow texts of different lengths.
    """
    batch = len(pictures) // guidance.texts

    def before_projection(module: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        guided = arguments[0].clone()
        for k in range(batch):
            outputs = [guided[row : row + 1, pictures[row], :channels] for row in range(k, len(pictures), batch)]
            combined = guidance.combine(outputs)
            for output in outputs:
                output.copy_(combined)
        return (guided, *arguments[1:])

    with ExitStack() as hooks:
        for projection in projections:
            hooks.callback(projection.register_forward_pre_hook(before_projection).remove)
        yield

"""Common parts of the rectified flows: joint attention, packed latents, and timesteps shifted by the picture's size."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..model_catalog import ModelDefaults
from ..request import GenerationRequest
from ..text_encoders.clip import Embedding
from ..text_encoders.t5 import T5Encoder
from .attention_hooks import OutputGuidance, guide_joint_attention, joint_output_guidance
from .base import Family, TextReader
from .value_flip import JOINT_FLIP, TokenLayout, flip_values


class Flow(Family):
    """A transformer that predicts noise - x0."""

    flow: ClassVar[bool] = True
    has_joint_attention: ClassVar[bool] = True
    t5: T5Encoder | None = None

    def __init__(self, pipeline: Any, about: ModelDefaults) -> None:
        self.transformer = pipeline.transformer
        super().__init__(pipeline, pipeline.transformer, about.vocabulary)

    @property
    def encoders(self) -> Sequence[TextReader]:
        """The T5 if there is one, which reads a text in one chunk of any length; then the CLIPs."""
        return [self.t5, *self.clips] if self.t5 else self.clips

    def attention_guidance(
        self, embedding: Embedding, request: GenerationRequest, weights: Sequence[float]
    ) -> AbstractContextManager[None]:
        """Guide the picture's tokens in the joint attention."""
        if request.method == "vsf":
            return flip_values(self.joint_attentions, self.token_layout(embedding, request), embedding, JOINT_FLIP)
        return self.guide_outputs(embedding, request, joint_output_guidance(request.method, weights))

    def guide_outputs(
        self, embedding: Embedding, request: GenerationRequest, guidance: OutputGuidance
    ) -> AbstractContextManager[None]:
        """Guide by the attention's outputs."""
        return guide_joint_attention(self.transformer, embedding.tokens.shape[1], guidance)

    @property
    def joint_attentions(self) -> list[Any]:
        """The attention modules over text and picture."""
        singles = getattr(self.transformer, "single_transformer_blocks", ())
        return [block.attn for block in (*self.transformer.transformer_blocks, *singles)]

    def token_layout(self, embedding: Embedding, request: GenerationRequest) -> TokenLayout:
        """Where the attention has the tokens of text and picture, for each text: by default, the text comes first."""
        texts, length = embedding.tokens.shape[:2]
        return TokenLayout([slice(length, None)] * texts, [0] * texts)


class PackedFlow(Flow):
    """A flow whose transformer reads 2 x 2 latents as one token."""

    @property
    def multiple(self) -> int:
        """The autoencoder's factor, times the 2 x 2 packing."""
        return 2 * self.autoencoder.scale

    def pack(self, latents: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, height / 2 * width / 2, 4 channels)."""
        batch, channels, height, width = latents.shape
        patches = latents.view(batch, channels, height // 2, 2, width // 2, 2).permute(0, 2, 4, 1, 3, 5)
        return patches.reshape(batch, (height // 2) * (width // 2), 4 * channels)

    def unpack(self, latents: Tensor, request: GenerationRequest) -> Tensor:
        """The inverse of `pack`, for a picture of the request's size."""
        _, channels, height, width = self.noise_shape(request)
        patches = latents.view(len(latents), height // 2, width // 2, channels, 2, 2).permute(0, 3, 1, 4, 2, 5)
        return patches.reshape(len(latents), channels, height, width)


def timestep_shift(scheduler: Any, tokens: int, max_shift: float = 1.15, max_tokens: int = 4096) -> float:
    """The paper's mu for a picture of `tokens` patches: linear interpolation between the scheduler's two sizes.

    `max_shift` and `max_tokens` are for schedulers that do not say theirs.
    Esser et al. 2024, "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis",
    arXiv:2403.03206, section 5.3.2, as Flux's authors interpolate it.
    """
    config = scheduler.config
    low, high = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", max_tokens)
    least, most = config.get("base_shift", 0.5), config.get("max_shift", max_shift)
    slope = (most - least) / (high - low)
    return float(tokens * slope + (least - slope * low))


def set_shifted_timesteps(scheduler: Any, steps: int, mu: float, *, has_own_sigmas: bool = False) -> None:
    """Set the timesteps of evenly spaced sigmas from 1 to 1 / steps, shifted by mu, on the CPU.

    With `has_own_sigmas`, the scheduler spaces them itself, as some stock pipelines let it.
    """
    spaced: dict[str, Any] = {"num_inference_steps": steps}
    if not has_own_sigmas:
        spaced = {"sigmas": np.linspace(1.0, 1 / steps, steps)}
    scheduler.set_timesteps(**spaced, device="cpu", mu=mu)


def position_grid(height: int, width: int) -> Tensor:
    """Position ids (0, row, column) of each patch, of shape (height * width, 3)."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([torch.zeros_like(rows), rows, columns], dim=-1).reshape(-1, 3)

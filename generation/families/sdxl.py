"""Stable Diffusion XL: two CLIP text encoders, a pooled embedding, and a U-Net conditioned on the picture's size.

Turbo and Lightning are the same architecture with other weights and few steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from ..errors import InvalidModelError
from ..model_catalog import ModelDefaults
from ..request import GenerationRequest
from ..text_encoders.clip import ClipEncoder, Embedding, PromptOptions, penultimate_hidden_state
from .unets import UNetFamily


class StableDiffusionXL(UNetFamily):
    """The family of `StableDiffusionXLPipeline`."""

    lora_loader = "StableDiffusionXLLoraLoaderMixin"
    guidance_scale = 5.0

    def __init__(self, pipeline: Any, about: ModelDefaults, model: str) -> None:
        if pipeline.text_encoder is None or pipeline.text_encoder_2 is None:
            raise InvalidModelError("this model lacks a text encoder: it may be a refiner, which can't draw by itself")
        super().__init__(pipeline, about, model)
        if pipeline.config.force_zeros_for_empty_prompt:
            self.no_negative = "zeros"
        self.clips = [
            ClipEncoder(pipeline.tokenizer, pipeline.text_encoder, penultimate_hidden_state),
            ClipEncoder(pipeline.tokenizer_2, pipeline.text_encoder_2, penultimate_hidden_state),
        ]

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """The penultimate layers of both encoders, joined along the width; the second encoder's pooled output."""
        first, second = (clip.encode(texts, options) for clip in self.clips)
        pairs = zip(first, second, strict=True)
        return [replace(b, tokens=torch.cat([a.tokens, b.tokens], dim=-1)) for a, b in pairs]

    def build_added_conditions(self, request: GenerationRequest) -> Callable[[Embedding], dict[str, Any]]:
        """The pooled embedding and the size conditioning: original size, crop (0, 0), and target size."""
        size = (request.height, request.width)
        sizes = torch.tensor([[*size, 0, 0, *size]], dtype=self.unet.dtype, device=self.unet.device)

        def added(embedding: Embedding) -> dict[str, Any]:
            if embedding.pooled is None:
                raise TypeError("this text encoder has no pooled output")
            return {"text_embeds": embedding.pooled, "time_ids": sizes.expand(len(embedding.pooled), -1)}

        return added

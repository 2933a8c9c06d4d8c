"""Stable Diffusion XL: two CLIP text encoders, a pooled text, and a U-Net that is told the picture's size.

Turbo and Lightning are it with other weights and few steps.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from ..attention import guided_cross_attention
from ..conditioning import ClipEncoder, Embedding, Manner, penultimate
from ..errors import InvalidModelError
from ..models import About
from ..request import GenerationRequest
from .base import Family, Predictor, defaults_of
from .sd import check_input, guidance_condition
from .variants import few_steps


class StableDiffusionXL(Family):
    """Drives the parts of a `StableDiffusionXLPipeline`."""

    lora_loader = "StableDiffusionXLLoraLoaderMixin"

    def __init__(self, pipeline: Any, about: About, model: str) -> None:
        self.unet = pipeline.unet
        if pipeline.text_encoder is None or pipeline.text_encoder_2 is None:
            raise InvalidModelError("this model has no two text encoders: a refiner can't draw by itself")
        check_input(self.unet, pipeline.vae)
        super().__init__(pipeline, pipeline.unet, about.vocabulary)
        if pipeline.config.force_zeros_for_empty_prompt:
            self.no_negative = "zeros"
        self.guidance_built_in = self.unet.config.time_cond_proj_dim is not None
        self.clips = [
            ClipEncoder(pipeline.tokenizer, pipeline.text_encoder, penultimate),
            ClipEncoder(pipeline.tokenizer_2, pipeline.text_encoder_2, penultimate),
        ]
        side = self.unet.config.sample_size * self.vae_scale
        named = {**few_steps(model, self.scheduler, built_in=self.guidance_built_in), **about.defaults}
        base = {"num_inference_steps": 50, "guidance_scale": 5.0, "unguided_method": "nag"}
        self.defaults = defaults_of(named, **base, width=side, height=side)

    def encode(self, texts: Sequence[str], manner: Manner) -> list[Embedding]:
        """Both encoders' last layer but one, side by side; the second one's pooled output."""
        first, second = (clip.encode(texts, manner) for clip in self.clips)
        pairs = zip(first, second, strict=True)
        return [Embedding(torch.cat([a.tokens, b.tokens], dim=-1), b.pooled) for a, b in pairs]

    def predictor(self, request: GenerationRequest) -> Predictor:
        """The U-Net's epsilon or v, for a picture that is whole and of the size that is asked for."""
        unet, condition = self.unet, guidance_condition(self.unet, request.guidance_scale)
        size = (request.height, request.width)
        sizes = torch.tensor([[*size, 0, 0, *size]], dtype=unet.dtype, device=unet.device)

        def predict(latents: Tensor, timestep: Tensor, told: Embedding) -> Tensor:
            prediction: Tensor = unet(
                latents,
                timestep,
                encoder_hidden_states=told.tokens,
                timestep_cond=None if condition is None else condition.expand(len(latents), -1),
                added_cond_kwargs={"text_embeds": told.pooled, "time_ids": sizes.expand(len(latents), -1)},
                return_dict=False,
            )[0]
            return prediction

        return predict

    def attention_guidance(self, tokens: int) -> AbstractContextManager[None]:
        """In the U-Net's cross-attention."""
        return guided_cross_attention(self.unet)

"""Stable Diffusion 1.x and 2.x: one CLIP text encoder, a U-Net that predicts epsilon or v, an autoencoder.

Latent consistency models are among them: their U-Net takes the guidance scale as an input.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from ..attention import guided_cross_attention
from ..conditioning import ClipEncoder, Embedding, Manner
from ..errors import InvalidModelError
from ..models import About
from ..request import GenerationRequest
from .base import Family, Predictor, defaults_of
from .variants import few_steps


class StableDiffusion(Family):
    """Drives the parts of a `StableDiffusionPipeline`."""

    lora_loader = "StableDiffusionLoraLoaderMixin"

    def __init__(self, pipeline: Any, about: About, model: str) -> None:
        self.unet = pipeline.unet
        if self.unet.config.addition_embed_type is not None or self.unet.config.class_embed_type is not None:
            raise InvalidModelError("this model wants more than a prompt (it is SDXL, say), and its index hides it")
        check_input(self.unet, pipeline.vae)
        super().__init__(pipeline, pipeline.unet, about.vocabulary)
        self.guidance_built_in = self.unet.config.time_cond_proj_dim is not None
        self.clips = [ClipEncoder(pipeline.tokenizer, pipeline.text_encoder)]
        side = self.unet.config.sample_size * self.vae_scale
        named = {**few_steps(model, self.scheduler, built_in=self.guidance_built_in), **about.defaults}
        base = {"num_inference_steps": 50, "guidance_scale": 7.5, "unguided_method": "nag"}
        self.defaults = defaults_of(named, **base, width=side, height=side)

    def encode(self, texts: Sequence[str], manner: Manner) -> list[Embedding]:
        """Token embeddings of the last layer."""
        return self.clips[0].encode(texts, manner)

    def predictor(self, request: GenerationRequest) -> Predictor:
        """The U-Net's epsilon or v."""
        unet, condition = self.unet, guidance_condition(self.unet, request.guidance_scale)

        def predict(latents: Tensor, timestep: Tensor, told: Embedding) -> Tensor:
            prediction: Tensor = unet(
                latents,
                timestep,
                encoder_hidden_states=told.tokens,
                timestep_cond=None if condition is None else condition.expand(len(latents), -1),
                return_dict=False,
            )[0]
            return prediction

        return predict

    def attention_guidance(self, tokens: int) -> AbstractContextManager[None]:
        """In the U-Net's cross-attention."""
        return guided_cross_attention(self.unet)


def check_input(unet: Any, vae: Any) -> None:
    """Raise InvalidModelError where a U-Net wants more channels than noise has."""
    if unet.config.in_channels != vae.config.latent_channels:
        raise InvalidModelError("this model wants more than noise to start from (an inpainting model, say)")


def guidance_condition(unet: Any, scale: float) -> Tensor | None:
    """The guidance scale as latent consistency models take it, of shape (1, width); None for other models.

    A sinusoidal embedding of 1000 (scale - 1): Luo et al. 2023, "Latent Consistency Models", arXiv:2310.04378.
    """
    width = unet.config.time_cond_proj_dim
    if width is None:
        return None
    half = width // 2
    rates = torch.exp(torch.arange(half) * -(torch.log(torch.tensor(10_000.0)) / (half - 1)))
    angles = torch.tensor([[(scale - 1) * 1000.0]]) * rates
    embedding = torch.cat([angles.sin(), angles.cos()], dim=1)
    return torch.nn.functional.pad(embedding, (0, width % 2)).to(unet.device, unet.dtype)

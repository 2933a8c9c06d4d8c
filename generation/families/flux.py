"""Flux: pooled CLIP text, T5 tokens, and a transformer with distilled guidance (dev, Fill) or without (schnell).

A request's guidance scale is the true scale, with two passes. The distilled guidance keeps the stock default.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..model_catalog import ModelDefaults
from ..request import GenerationRequest
from ..text_encoders.clip import ClipEncoder, Embedding, PromptOptions, pooler_output
from ..text_encoders.t5 import T5Encoder
from .base import Predictor, build_defaults
from .flows import PackedFlow, position_grid, set_shifted_timesteps, timestep_shift
from .variants import few_step_defaults

_T5_TOKENS = 512
_DISTILLED_GUIDANCE = 3.5
_FILL_GUIDANCE = 30.0
_SIDE = 1024


class Flux(PackedFlow):
    """The family of `FluxPipeline`."""

    no_negative = "nothing"
    lora_loader = "FluxLoraLoaderMixin"

    def __init__(self, pipeline: Any, about: ModelDefaults, model: str) -> None:
        super().__init__(pipeline, about)
        inputs, channels = self.transformer.config.in_channels, 4 * self.autoencoder.channels
        self.has_mask_input = inputs == 2 * channels + 4 * self.autoencoder.scale**2
        self.clips = [ClipEncoder(pipeline.tokenizer, pipeline.text_encoder, pooler_output)]
        self.t5 = T5Encoder(pipeline.tokenizer_2, pipeline.text_encoder_2, _T5_TOKENS)
        # without distilled guidance there are schnell, whose timesteps are not shifted, and de-distilled models
        has_guidance = self.transformer.config.guidance_embeds
        is_shifted = self.scheduler.config.get("use_dynamic_shifting", False)
        few = few_step_defaults(model, self.scheduler, built_in=False, is_distilled=not has_guidance and not is_shifted)
        named = {**few, **about.request_defaults}
        base = {"num_inference_steps": 28, "guidance_scale": 1.0, "unguided_method": "nag"}
        self.defaults = build_defaults(named, **base, width=_SIDE, height=_SIDE)

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """The T5's token embeddings, and the CLIP's pooled output of a text's first chunk."""
        pooled = [each.pooled for each in self.clips[0].encode(texts, options)]
        tokens = self.t5.encode(texts, options) if self.t5 else []
        return [replace(t, pooled=p) for t, p in zip(tokens, pooled, strict=True)]

    def predictor(self, request: GenerationRequest) -> Predictor:
        """The transformer's prediction, noise - x0."""
        model = self.transformer
        _, _, height, width = self.noise_shape(request)
        places = position_grid(height // 2, width // 2).to(model.device, model.dtype)
        built_in = None
        if model.config.guidance_embeds:
            scale = _FILL_GUIDANCE if self.has_mask_input else _DISTILLED_GUIDANCE
            built_in = torch.full([1], scale, device=model.device, dtype=torch.float32)

        def predict(latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
            prediction: Tensor = model(
                hidden_states=latents,
                timestep=timestep.expand(len(latents)).to(latents.dtype) / 1000,
                guidance=None if built_in is None else built_in.expand(len(latents)),
                pooled_projections=embedding.pooled,
                encoder_hidden_states=embedding.tokens,
                txt_ids=places.new_zeros(embedding.tokens.shape[1], 3),
                img_ids=places,
                return_dict=False,
            )[0]
            return prediction

        return predict

    def mask_condition(self, mask: Tensor, masked: Tensor) -> Tensor:
        """The masked latents, and the mask's pixels as channels, both packed."""
        pixels = torch.nn.functional.pixel_unshuffle(mask, self.autoencoder.scale).to(masked)
        return torch.cat([self.pack(masked), self.pack(pixels.expand(len(masked), -1, -1, -1))], dim=-1)

    def set_timesteps(self, scheduler: Any, latents: Tensor, request: GenerationRequest) -> None:
        """Set timesteps that are shifted by the picture's size."""
        mu = timestep_shift(scheduler, latents.shape[1])
        has_own_sigmas = bool(scheduler.config.get("use_flow_sigmas", False))
        set_shifted_timesteps(scheduler, request.num_inference_steps, mu, has_own_sigmas=has_own_sigmas)

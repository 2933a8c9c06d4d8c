"""Stable Diffusion 1.x and 2.x: one CLIP text encoder, a U-Net that predicts epsilon or v, an autoencoder."""

from dataclasses import replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ..conditioning import TextConditioner
from ..errors import InvalidModelError
from ..guidance import cfg
from ..models import About
from ..request import Defaults, GenerationRequest
from ..sampling import Predict


class StableDiffusion:
    """Drives the parts of a `StableDiffusionPipeline`: encode, predict, decode."""

    def __init__(self, pipeline: Any, about: About) -> None:
        self.unet, self.vae, self.scheduler = pipeline.unet, pipeline.vae, pipeline.scheduler
        if self.unet.config.time_cond_proj_dim is not None:
            raise InvalidModelError("this model takes its guidance as an input (a few-step model): not supported yet")
        if self.unet.config.addition_embed_type is not None or self.unet.config.class_embed_type is not None:
            raise InvalidModelError("this model wants more than a prompt (it is SDXL, say): not supported yet")
        if self.unet.config.in_channels != self.vae.config.latent_channels:
            raise InvalidModelError("this model wants more than noise to start from (an inpainting model, say)")
        self.text = TextConditioner(pipeline.tokenizer, pipeline.text_encoder, about.vocabulary)
        self.vae_scale: int = 2 ** (len(self.vae.config.block_out_channels) - 1)
        if getattr(self.vae.config, "force_upcast", False) and self.vae.dtype != torch.float32:
            self.vae.to(torch.float32)
        side = self.unet.config.sample_size * self.vae_scale
        self.defaults = replace(Defaults(50, 7.5, side, side), **about.defaults)

    def latent_shape(self, request: GenerationRequest) -> tuple[int, int, int, int]:
        """(1, channels, height, width) of the latents of a picture of the request's size."""
        channels = self.unet.config.in_channels
        return 1, channels, request.height // self.vae_scale, request.width // self.vae_scale

    def predictor(self, request: GenerationRequest) -> Predict:
        """The guided prediction for a request; both passes in one forward.

        As in stock diffusers, at a guidance of 1 or less there is one pass, without the negative.
        """
        if not guided(request):
            context = self.text.encode(request.prompt, request.syntax)
            return lambda latents, timestep, _: self._predict(latents, timestep, context)
        negatives = (request.base_negative_prompt, request.negative_prompt)
        before, after = (self.text.encode_pair(text, request.prompt, request.syntax) for text in negatives)

        def predict(latents: Tensor, timestep: Tensor, done: int) -> Tensor:
            context = before if done < request.joining_step else after
            neg, cond = self._predict(torch.cat([latents] * 2), timestep, context).chunk(2)
            return cfg(cond, neg, None, scale=request.guidance_scale)

        return predict

    def decode(self, latents: Tensor) -> Image.Image:
        """The picture of latents of shape (1, channels, height, width)."""
        decoded = self.vae.decode((latents / self.vae.config.scaling_factor).to(self.vae.dtype), return_dict=False)[0]
        pixels = (decoded / 2 + 0.5).clamp(0, 1)[0].permute(1, 2, 0).float().cpu().numpy()
        return Image.fromarray((pixels * 255).round().astype("uint8"))

    def _predict(self, latents: Tensor, timestep: Tensor, context: Tensor) -> Tensor:
        prediction: Tensor = self.unet(latents, timestep, encoder_hidden_states=context, return_dict=False)[0]
        return prediction


def guided(request: GenerationRequest) -> bool:
    """Whether the negative prompt can act at all."""
    return request.guidance_scale > 1

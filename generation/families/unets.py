"""Common parts of the families with a U-Net: the model call, and attention guidance in its cross-attention.

These include latent consistency models, whose U-Net takes the guidance scale as an input.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..errors import InvalidModelError
from ..model_catalog import ModelDefaults
from ..request import GenerationRequest
from ..text_encoders.clip import Embedding
from .attention_hooks import cross_attentions, cross_output_guidance, guide_cross_attention
from .base import Family, Predictor, build_defaults
from .value_flip import CROSS_FLIP, TokenLayout, flip_values
from .variants import few_step_defaults


class UNetFamily(Family):
    """A U-Net that predicts epsilon or v."""

    guidance_scale: ClassVar[float]
    """The stock pipeline's default."""

    def __init__(self, pipeline: Any, about: ModelDefaults, model: str) -> None:
        self.unet = pipeline.unet
        inputs, channels = self.unet.config.in_channels, pipeline.vae.config.latent_channels
        self.has_mask_input = inputs == 2 * channels + 1
        if inputs != channels and not self.has_mask_input:
            raise InvalidModelError("this model needs more than noise as input: it may change a given picture")
        super().__init__(pipeline, pipeline.unet, about.vocabulary)
        self.guidance_built_in = self.unet.config.time_cond_proj_dim is not None
        side = self.unet.config.sample_size * self.autoencoder.scale
        named = {**few_step_defaults(model, self.scheduler, built_in=self.guidance_built_in), **about.request_defaults}
        base = {"num_inference_steps": 50, "guidance_scale": self.guidance_scale, "unguided_method": "nag"}
        self.defaults = build_defaults(named, **base, width=side, height=side)

    def build_added_conditions(self, request: GenerationRequest) -> Callable[[Embedding], dict[str, Any] | None]:
        """The additional conditioning of the U-Net, besides the token embeddings."""
        return lambda told: None

    def mask_condition(self, mask: Tensor, masked: Tensor) -> Tensor:
        """The mask at the latents' size, as one channel, and the masked latents."""
        small = torch.nn.functional.interpolate(mask, size=masked.shape[-2:]).to(masked)
        return torch.cat([small.expand(len(masked), -1, -1, -1), masked], dim=1)

    def predictor(self, request: GenerationRequest) -> Predictor:
        """The U-Net's prediction, epsilon or v."""
        unet, added = self.unet, self.build_added_conditions(request)
        condition = guidance_condition(unet, request.guidance_scale)

        def predict(latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
            prediction: Tensor = unet(
                latents,
                timestep,
                encoder_hidden_states=embedding.tokens,
                timestep_cond=None if condition is None else condition.expand(len(latents), -1),
                added_cond_kwargs=added(embedding),
                return_dict=False,
            )[0]
            return prediction

        return predict

    @contextmanager
    def attention_guidance(
        self, embedding: Embedding, request: GenerationRequest, weights: Sequence[float]
    ) -> Iterator[None]:
        """Guide the U-Net's cross-attention."""
        with ExitStack() as contexts:
            if request.method == "vsf":
                texts = len(embedding.tokens)
                layout = TokenLayout([slice(None)] * texts, [0] * texts)
                attentions = cross_attentions(self.unet)
                contexts.enter_context(flip_values(attentions, layout, embedding, CROSS_FLIP))
            contexts.enter_context(guide_cross_attention(self.unet, cross_output_guidance(request.method)))
            yield


def guidance_condition(unet: Any, scale: float) -> Tensor | None:
    """The guidance-scale embedding of latent consistency models, of shape (1, width); None for other models.

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

"""Stable Diffusion 3 and 3.5: two CLIPs, an optional T5, and a rectified-flow transformer."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..model_catalog import ModelDefaults
from ..request import GenerationRequest
from ..text_encoders.clip import ClipEncoder, Embedding, PromptOptions, penultimate_hidden_state
from ..text_encoders.t5 import T5Encoder
from .base import Predictor, build_defaults
from .flows import Flow, timestep_shift
from .value_flip import TokenLayout
from .variants import few_step_defaults

_T5_TOKENS = 256


class StableDiffusion3(Flow):
    """The family of `StableDiffusion3Pipeline`."""

    lora_loader = "SD3LoraLoaderMixin"

    def __init__(self, pipeline: Any, about: ModelDefaults, model: str) -> None:
        super().__init__(pipeline, about)
        self.clips = [
            ClipEncoder(pipeline.tokenizer, pipeline.text_encoder, penultimate_hidden_state),
            ClipEncoder(pipeline.tokenizer_2, pipeline.text_encoder_2, penultimate_hidden_state),
        ]
        t5 = pipeline.text_encoder_3
        self.t5 = None if t5 is None else T5Encoder(pipeline.tokenizer_3, t5, _T5_TOKENS)
        side = self.transformer.config.sample_size * self.autoencoder.scale
        named = {**few_step_defaults(model, self.scheduler, built_in=False), **about.request_defaults}
        base = {"num_inference_steps": 28, "guidance_scale": 7.0, "unguided_method": "nag"}
        self.defaults = build_defaults(named, **base, width=side, height=side)

    @property
    def multiple(self) -> int:
        """The autoencoder's factor, times the transformer's patch size."""
        return int(self.autoencoder.scale * self.transformer.config.patch_size)

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """The embeddings of both CLIPs, joined along the width and padded to the T5's; then the T5's, or zeros."""
        first, second = (clip.encode(texts, options) for clip in self.clips)
        width = self.transformer.config.joint_attention_dim
        clips = [torch.cat([a.tokens, b.tokens], dim=-1) for a, b in zip(first, second, strict=True)]
        clips = [torch.nn.functional.pad(each, (0, width - each.shape[-1])) for each in clips]
        t5 = self.t5.encode(texts, options) if self.t5 else [_without_t5(each) for each in clips]
        pooled = [
            torch.cat([_require_pooled(a), _require_pooled(b)], dim=-1) for a, b in zip(first, second, strict=True)
        ]
        contents = [_join(a.content, b.content) for a, b in zip(first, t5, strict=True)]
        tokens = [torch.cat([c, t.tokens.to(c.dtype)], dim=1) for c, t in zip(clips, t5, strict=True)]
        return [Embedding(t, p, content=c) for t, p, c in zip(tokens, pooled, contents, strict=True)]

    def predictor(self, request: GenerationRequest) -> Predictor:
        """The transformer's prediction, noise - x0."""

        def predict(latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
            prediction: Tensor = self.transformer(
                hidden_states=latents,
                timestep=timestep.expand(len(latents)),
                encoder_hidden_states=embedding.tokens,
                pooled_projections=embedding.pooled,
                return_dict=False,
            )[0]
            return prediction

        return predict

    def token_layout(self, embedding: Embedding, request: GenerationRequest) -> TokenLayout:
        """The picture comes first."""
        texts, size = len(embedding.tokens), request.height // self.multiple * (request.width // self.multiple)
        return TokenLayout([slice(0, size)] * texts, [size] * texts)

    def set_timesteps(self, scheduler: Any, latents: Tensor, request: GenerationRequest) -> None:
        """Set timesteps that are shifted by the picture's size, if the scheduler supports it."""
        options = {}
        if scheduler.config.get("use_dynamic_shifting", None):
            tokens = (latents.shape[-2] * latents.shape[-1]) // self.transformer.config.patch_size**2
            options["mu"] = timestep_shift(scheduler, tokens, 1.16)
        scheduler.set_timesteps(request.num_inference_steps, device="cpu", **options)


def _without_t5(like: Tensor) -> Embedding:
    """What the stock pipeline uses without a T5: zeros."""
    nothing = like.new_zeros(1, _T5_TOKENS, like.shape[-1])
    return Embedding(nothing, content=nothing[..., 0].bool())


def _join(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    return None if first is None or second is None else torch.cat([first, second.to(first.device)], dim=1)


def _require_pooled(embedding: Embedding) -> Tensor:
    if embedding.pooled is None:
        raise TypeError("this text encoder has no pooled output")
    return embedding.pooled

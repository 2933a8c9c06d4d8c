"""Flux.2 klein: a Qwen3 as text encoder, and Flux.2's transformer. The distilled variant runs without guidance.

The stock pipeline guides away from the empty text alone; here a negative prompt takes its place.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from ..model_catalog import ModelDefaults
from ..request import GenerationRequest
from ..text_encoders.clip import Embedding, PromptOptions
from ..text_encoders.language_model import LanguageModelEncoder, Layout, chat_template
from .attention_hooks import OutputGuidance, guide_double_stream, guide_single_stream
from .base import Predictor, TextReader, build_defaults
from .flows import Flow, position_grid, set_shifted_timesteps
from .variants import few_step_defaults

_TOKENS = 512
_TEXT_LAYERS = (9, 18, 27)
_SIDE = 1024


class Flux2Klein(Flow):
    """The family of `Flux2KleinPipeline`."""

    lora_loader = "Flux2LoraLoaderMixin"

    def __init__(self, pipeline: Any, about: ModelDefaults, model: str) -> None:
        super().__init__(pipeline, about)
        layout = Layout(_TOKENS, chat_template(pipeline.tokenizer, enable_thinking=False), is_padded=True)
        self.qwen = LanguageModelEncoder(pipeline.tokenizer, pipeline.text_encoder, _join_layers, layout)
        is_distilled = bool(pipeline.config.is_distilled)
        few = few_step_defaults(model, self.scheduler, built_in=False, is_distilled=is_distilled)
        base = {"num_inference_steps": 50, "guidance_scale": 4.0, "unguided_method": "nag"}
        self.defaults = build_defaults({**base, **few, **about.request_defaults}, width=_SIDE, height=_SIDE)

    @property
    def encoders(self) -> Sequence[TextReader]:
        """The Qwen3."""
        return [self.qwen]

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """Three layers, joined along the width. The transformer reads the padding too."""
        return [replace(each, lengths=None) for each in self.qwen.encode(texts, options)]

    def pack(self, latents: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, height * width, channels)."""
        return latents.flatten(2).transpose(1, 2)

    def unpack(self, latents: Tensor, request: GenerationRequest) -> Tensor:
        """The inverse of `pack`, for a picture of the request's size."""
        return latents.transpose(1, 2).reshape(len(latents), *self.noise_shape(request)[1:])

    def predictor(self, request: GenerationRequest) -> Predictor:
        """The transformer's prediction, noise - x0."""
        model = self.transformer
        _, _, height, width = self.noise_shape(request)
        places = torch.nn.functional.pad(position_grid(height, width), (0, 1)).to(model.device)
        words = torch.nn.functional.pad(torch.arange(_TOKENS)[:, None], (3, 0)).to(model.device)

        def predict(latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
            prediction: Tensor = model(
                hidden_states=latents.to(model.dtype),
                timestep=timestep.expand(len(latents)).to(latents.dtype) / 1000,
                encoder_hidden_states=embedding.tokens,
                txt_ids=words,
                img_ids=places,
                return_dict=False,
            )[0]
            return prediction

        return predict

    @contextmanager
    def guide_outputs(
        self, embedding: Embedding, request: GenerationRequest, guidance: OutputGuidance
    ) -> Iterator[None]:
        """Guide the image stream, and the tokens of the picture that follow the text in single-stream blocks."""
        model = self.transformer
        attentions = [block.attn for block in model.single_transformer_blocks]
        pictures = self.token_layout(embedding, request).pictures
        channels = attentions[0].inner_dim if attentions else None
        single = guide_single_stream([each.to_out for each in attentions], pictures, guidance, channels)
        with guide_double_stream(model.transformer_blocks, guidance), single:
            yield

    def set_timesteps(self, scheduler: Any, latents: Tensor, request: GenerationRequest) -> None:
        """Set timesteps that are shifted by the picture's size and the number of steps."""
        steps = request.num_inference_steps
        stock: Any = import_module("diffusers.pipelines.flux2.pipeline_flux2_klein")
        mu = stock.compute_empirical_mu(image_seq_len=latents.shape[1], num_steps=steps)
        has_own_sigmas = bool(scheduler.config.get("use_flow_sigmas", False))
        set_shifted_timesteps(scheduler, steps, mu, has_own_sigmas=has_own_sigmas)


def _join_layers(output: Any) -> Tensor:
    return torch.cat([output.hidden_states[layer] for layer in _TEXT_LAYERS], dim=-1)

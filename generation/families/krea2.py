"""Krea 2 and its Turbo: several layers of a Qwen3-VL as text, and a single-stream transformer.

A request's guidance scale is the true scale: one more than that of the stock pipeline. Turbo runs without guidance.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from ..model_catalog import ModelDefaults
from ..request import GenerationRequest
from ..text_encoders.clip import Embedding, PromptOptions
from ..text_encoders.language_model import LanguageModelEncoder, Layout
from .attention_hooks import OutputGuidance, guide_single_stream
from .base import Predictor, TextReader, build_defaults
from .flows import PackedFlow, position_grid, set_shifted_timesteps, timestep_shift
from .variants import few_step_defaults

_TOKENS = 512
_DISTILLED_SHIFT = 1.15
_SIDE = 1024


class Krea2(PackedFlow):
    """The family of `Krea2Pipeline`."""

    lora_loader = "Krea2LoraLoaderMixin"

    def __init__(self, pipeline: Any, about: ModelDefaults, model: str) -> None:
        super().__init__(pipeline, about)
        prefix = pipeline.prompt_template_encode_prefix
        skipped = pipeline.prompt_template_encode_start_idx
        layout = Layout(
            _TOKENS + skipped - pipeline.prompt_template_encode_num_suffix_tokens,
            lambda text: prefix + text,
            suffix=pipeline.prompt_template_encode_suffix,
            skipped=skipped,
            has_normalized_tokens=True,
        )
        read = _stack_layers(pipeline.text_encoder_select_layers)
        self.qwen = LanguageModelEncoder(pipeline.tokenizer, pipeline.text_encoder, read, layout)
        self._is_distilled = bool(pipeline.config.is_distilled)
        few = few_step_defaults(model, self.scheduler, built_in=False, turbo_steps=8, is_distilled=self._is_distilled)
        base = {"num_inference_steps": 28, "guidance_scale": 5.5, "unguided_method": "nag"}
        self.defaults = build_defaults({**base, **few, **about.request_defaults}, width=_SIDE, height=_SIDE)

    @property
    def encoders(self) -> Sequence[TextReader]:
        """The Qwen3-VL."""
        return [self.qwen]

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """Several layers, of shape (1, length, layers, width), without the first tokens of the template.

        The stock pipeline pads in the middle and masks that. Without it the rest is the same.
        """
        return self.qwen.encode(texts, options)

    def predictor(self, request: GenerationRequest) -> Predictor:
        """The transformer's prediction, noise - x0."""
        model = self.transformer
        total = self.scheduler.config.num_train_timesteps
        _, _, height, width = self.noise_shape(request)
        places = position_grid(height // 2, width // 2).float().to(model.device)

        def predict(latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
            prediction: Tensor = model(
                hidden_states=latents,
                encoder_hidden_states=embedding.tokens,
                timestep=(timestep / total).expand(len(latents)).to(latents.dtype),
                position_ids=torch.cat([places.new_zeros(embedding.tokens.shape[1], 3), places]),
                encoder_attention_mask=embedding.mask,
                return_dict=False,
            )[0]
            return prediction

        return predict

    def guide_outputs(
        self, embedding: Embedding, request: GenerationRequest, guidance: OutputGuidance
    ) -> AbstractContextManager[None]:
        """Guide the tokens of the picture, which follow the text."""
        projections = [attention.to_out[0] for attention in self.joint_attentions]
        return guide_single_stream(projections, self.token_layout(embedding, request).pictures, guidance)

    def set_timesteps(self, scheduler: Any, latents: Tensor, request: GenerationRequest) -> None:
        """Set timesteps that are shifted by the picture's size, or by a constant if the model is distilled."""
        mu = _DISTILLED_SHIFT
        if not self._is_distilled:
            mu = timestep_shift(scheduler, latents.shape[1], max_tokens=6400)
        set_shifted_timesteps(scheduler, request.num_inference_steps, mu)


def _stack_layers(layers: Sequence[int]) -> Callable[[Any], Tensor]:
    return lambda output: torch.stack([output.hidden_states[layer] for layer in layers], dim=2)

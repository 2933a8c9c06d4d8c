"""Chroma: Flux without a CLIP and without distilled guidance, and a T5 whose padding is masked."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..model_catalog import ModelDefaults
from ..request import GenerationRequest
from ..text_encoders.clip import Embedding, PromptOptions
from ..text_encoders.language_model import LanguageModelEncoder, Layout, last_hidden_state
from .base import Predictor, TextReader, build_defaults
from .flows import PackedFlow, position_grid, set_shifted_timesteps, timestep_shift
from .variants import few_step_defaults

_T5_TOKENS = 512
_SIDE = 1024


class Chroma(PackedFlow):
    """The family of `ChromaPipeline`."""

    lora_loader = "FluxLoraLoaderMixin"

    def __init__(self, pipeline: Any, about: ModelDefaults, model: str) -> None:
        super().__init__(pipeline, about)
        layout = Layout(_T5_TOKENS, is_padded=True)
        self._t5 = LanguageModelEncoder(pipeline.tokenizer, pipeline.text_encoder, last_hidden_state, layout)
        few = few_step_defaults(model, self.scheduler, built_in=False)
        base = {"num_inference_steps": 35, "guidance_scale": 5.0, "unguided_method": "nag"}
        self.defaults = build_defaults({**few, **about.request_defaults}, **base, width=_SIDE, height=_SIDE)

    @property
    def encoders(self) -> Sequence[TextReader]:
        """The T5."""
        return [self._t5]

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """The T5's last layer, which does not attend to the padding."""
        return self._t5.encode(texts, options)

    def predictor(self, request: GenerationRequest) -> Predictor:
        """The transformer's prediction, noise - x0."""
        model = self.transformer
        _, _, height, width = self.noise_shape(request)
        places = position_grid(height // 2, width // 2).to(model.device, model.dtype)

        def predict(latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
            prediction: Tensor = model(
                hidden_states=latents,
                timestep=timestep.expand(len(latents)).to(latents.dtype) / 1000,
                encoder_hidden_states=embedding.tokens,
                txt_ids=places.new_zeros(embedding.tokens.shape[1], 3),
                img_ids=places,
                attention_mask=_attention_mask(embedding, latents),
                return_dict=False,
            )[0]
            return prediction

        return predict

    def set_timesteps(self, scheduler: Any, latents: Tensor, request: GenerationRequest) -> None:
        """Set timesteps that are shifted by the picture's size."""
        set_shifted_timesteps(scheduler, request.num_inference_steps, timestep_shift(scheduler, latents.shape[1]))


def _attention_mask(embedding: Embedding, latents: Tensor) -> Tensor:
    """1 for the tokens of text and picture, and for the first padding token; 0 for the other padding.

    It is a number, not a truth value, as in the stock pipeline: attention adds it to its logits.
    """
    text = embedding.length_mask.roll(1, dims=1)
    text[:, 0] = True
    return torch.cat([text, text.new_ones(latents.shape[:2])], dim=1).to(latents.dtype)

"""Z-Image and Z-Image-Turbo: a Qwen3 as text encoder, and a single-stream transformer that reads the picture first.

A request's guidance scale is the true scale: one more than that of the stock pipeline. Turbo runs without guidance.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from ..model_catalog import ModelDefaults
from ..request import GenerationRequest
from ..text_encoders.clip import Embedding, PromptOptions
from ..text_encoders.language_model import LanguageModelEncoder, Layout, chat_template, hidden_state
from .attention_hooks import OutputGuidance, guide_single_stream
from .base import Predictor, TextReader, build_defaults
from .flows import Flow, set_shifted_timesteps, timestep_shift
from .value_flip import TokenLayout
from .variants import few_step_defaults

_TOKENS = 512
_PADDED = 32
"""The transformer pads picture and text to a multiple of this many tokens."""
_SIDE = 1024


class ZImage(Flow):
    """The family of `ZImagePipeline`."""

    lora_loader = "ZImageLoraLoaderMixin"

    def __init__(self, pipeline: Any, about: ModelDefaults, model: str) -> None:
        super().__init__(pipeline, about)
        layout = Layout(_TOKENS, chat_template(pipeline.tokenizer, enable_thinking=True), has_normalized_tokens=True)
        self.qwen = LanguageModelEncoder(pipeline.tokenizer, pipeline.text_encoder, hidden_state(-2), layout)
        few = few_step_defaults(model, self.scheduler, built_in=False, turbo_steps=8)
        base = {"num_inference_steps": 50, "guidance_scale": 6.0, "unguided_method": "nag"}
        self.defaults = build_defaults({**few, **about.request_defaults}, **base, width=_SIDE, height=_SIDE)

    @property
    def encoders(self) -> Sequence[TextReader]:
        """The Qwen3."""
        return [self.qwen]

    @property
    def multiple(self) -> int:
        """The autoencoder's factor, times the transformer's patch size."""
        return 2 * self.autoencoder.scale

    @property
    def latents_dtype(self) -> torch.dtype:
        """Single precision in any case, as in the stock pipeline."""
        return torch.float32

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """The penultimate layer, for the tokens of the chat template with the text."""
        return self.qwen.encode(texts, options)

    def predictor(self, request: GenerationRequest) -> Predictor:
        """The transformer's prediction: it predicts x0 - noise, and its time runs from 0 to 1."""
        dtype = self.transformer.dtype

        def predict(latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
            lengths = embedding.lengths or ()
            predicted = self.transformer(
                list(latents.to(dtype).unsqueeze(2).unbind()),
                (1000 - timestep.expand(len(latents))) / 1000,
                [tokens[:length].to(dtype) for tokens, length in zip(embedding.tokens, lengths, strict=True)],
                return_dict=False,
            )[0]
            return -torch.stack(predicted).squeeze(2).float()

        return predict

    @property
    def joint_attentions(self) -> list[Any]:
        """The attention modules over text and picture."""
        return [layer.attention for layer in self.transformer.layers]

    def token_layout(self, embedding: Embedding, request: GenerationRequest) -> TokenLayout:
        """The picture comes first, with padding up to a multiple of 32 tokens."""
        texts = len(embedding.tokens)
        size = request.height // self.multiple * (request.width // self.multiple)
        return TokenLayout([slice(0, size)] * texts, [-(-size // _PADDED) * _PADDED] * texts)

    def guide_outputs(
        self, embedding: Embedding, request: GenerationRequest, guidance: OutputGuidance
    ) -> AbstractContextManager[None]:
        """Guide the tokens of the picture, which precede the text."""
        projections = [attention.to_out[0] for attention in self.joint_attentions]
        return guide_single_stream(projections, self.token_layout(embedding, request).pictures, guidance)

    def set_timesteps(self, scheduler: Any, latents: Tensor, request: GenerationRequest) -> None:
        """Set timesteps that are shifted by the picture's size, if the scheduler supports it."""
        tokens = (latents.shape[-2] // 2) * (latents.shape[-1] // 2)
        set_shifted_timesteps(scheduler, request.num_inference_steps, timestep_shift(scheduler, tokens))

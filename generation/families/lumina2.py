"""Lumina 2: a Gemma 2 as text encoder, and a single-stream transformer that reads the text first.

The encoder reads an instruction before the prompt, and none before a negative prompt.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor

from ..model_catalog import ModelDefaults
from ..request import GenerationRequest
from ..text_encoders.clip import Embedding, PromptOptions
from ..text_encoders.language_model import LanguageModelEncoder, Layout, hidden_state
from .attention_hooks import OutputGuidance, guide_single_stream
from .base import Predictor, TextReader, build_defaults
from .flows import Flow, set_shifted_timesteps, timestep_shift
from .value_flip import TokenLayout
from .variants import few_step_defaults

_TOKENS = 256


class Lumina2(Flow):
    """The family of `Lumina2Pipeline`."""

    has_normalized_guidance = True
    lora_loader = "Lumina2LoraLoaderMixin"

    def __init__(self, pipeline: Any, about: ModelDefaults, model: str) -> None:
        super().__init__(pipeline, about)
        self._instruction = f"{pipeline.system_prompt} <Prompt Start> "
        layout = Layout(_TOKENS, has_normalized_tokens=True)
        self.gemma = LanguageModelEncoder(pipeline.tokenizer, pipeline.text_encoder, hidden_state(-2), layout)
        side = self.transformer.config.sample_size * self.autoencoder.scale
        few = few_step_defaults(model, self.scheduler, built_in=False)
        base = {"num_inference_steps": 30, "guidance_scale": 4.0, "unguided_method": "nag"}
        self.defaults = build_defaults({**few, **about.request_defaults}, **base, width=side, height=side)

    @property
    def encoders(self) -> Sequence[TextReader]:
        """The Gemma 2."""
        return [self.gemma]

    @property
    def multiple(self) -> int:
        """The autoencoder's factor, times the transformer's patch size."""
        return int(self.autoencoder.scale * self.transformer.config.patch_size)

    def frame_prompt(self, prompt: str) -> str:
        """The prompt behind the stock pipeline's instruction."""
        return self._instruction + prompt

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """The penultimate layer."""
        return self.gemma.encode(texts, options)

    def predictor(self, request: GenerationRequest) -> Predictor:
        """The transformer's prediction: it predicts x0 - noise, and its time runs from 0 to 1."""
        model = self.transformer
        total = self.scheduler.config.num_train_timesteps

        def predict(latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
            prediction: Tensor = model(
                hidden_states=latents,
                timestep=(1 - timestep / total).expand(len(latents)),
                encoder_hidden_states=embedding.tokens,
                encoder_attention_mask=embedding.length_mask,
                return_dict=False,
            )[0]
            return -prediction

        return predict

    @property
    def joint_attentions(self) -> list[Any]:
        """The attention modules over text and picture."""
        return [layer.attn for layer in self.transformer.layers]

    def token_layout(self, embedding: Embedding, request: GenerationRequest) -> TokenLayout:
        """The picture follows each text's own tokens, without padding."""
        size = request.height // self.multiple * (request.width // self.multiple)
        lengths = embedding.lengths or ()
        return TokenLayout([slice(each, each + size) for each in lengths], [0] * len(lengths))

    def guide_outputs(
        self, embedding: Embedding, request: GenerationRequest, guidance: OutputGuidance
    ) -> AbstractContextManager[None]:
        """Guide the tokens of the picture, which follow each text's own tokens."""
        projections = [attention.to_out[0] for attention in self.joint_attentions]
        return guide_single_stream(projections, self.token_layout(embedding, request).pictures, guidance)

    def set_timesteps(self, scheduler: Any, latents: Tensor, request: GenerationRequest) -> None:
        """Set timesteps as the stock pipeline does, which takes the number of channels for the picture's size."""
        set_shifted_timesteps(scheduler, request.num_inference_steps, timestep_shift(scheduler, latents.shape[1]))

"""Qwen-Image: a Qwen2.5-VL as text encoder, and a double-stream transformer.

Without a negative prompt the stock pipeline does not guide. With one, it keeps the norm of the prompt's prediction.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..model_catalog import ModelDefaults
from ..request import GenerationRequest
from ..text_encoders.clip import Embedding, PromptOptions
from ..text_encoders.language_model import LanguageModelEncoder, Layout, hidden_state
from .base import Predictor, TextReader, build_defaults
from .flows import PackedFlow, set_shifted_timesteps, timestep_shift
from .variants import few_step_defaults

_TOKENS = 512
_SIDE = 1024


class QwenImage(PackedFlow):
    """The family of `QwenImagePipeline`."""

    no_negative = "nothing"
    has_normalized_guidance = True
    has_pass_for_each_length = True
    lora_loader = "QwenImageLoraLoaderMixin"

    def __init__(self, pipeline: Any, about: ModelDefaults, model: str) -> None:
        super().__init__(pipeline, about)
        skipped = pipeline.prompt_template_encode_start_idx
        layout = Layout(
            _TOKENS + skipped, pipeline.prompt_template_encode.format, skipped=skipped, has_normalized_tokens=True
        )
        self.qwen = LanguageModelEncoder(pipeline.tokenizer, pipeline.text_encoder, hidden_state(-1), layout)
        few = few_step_defaults(model, self.scheduler, built_in=False)
        base = {"num_inference_steps": 50, "guidance_scale": 4.0, "unguided_method": "nag"}
        self.defaults = build_defaults({**few, **about.request_defaults}, **base, width=_SIDE, height=_SIDE)

    @property
    def encoders(self) -> Sequence[TextReader]:
        """The Qwen2.5-VL."""
        return [self.qwen]

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """The last layer, without the first tokens of the template."""
        return self.qwen.encode(texts, options)

    def predictor(self, request: GenerationRequest) -> Predictor:
        """The transformer's prediction, noise - x0."""
        model = self.transformer
        _, _, height, width = self.noise_shape(request)
        shape = [(1, height // 2, width // 2)]

        def predict(latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
            prediction: Tensor = model(
                hidden_states=latents,
                timestep=timestep.expand(len(latents)).to(latents.dtype) / 1000,
                encoder_hidden_states=embedding.tokens,
                encoder_hidden_states_mask=embedding.mask,
                img_shapes=[shape] * len(latents),
                return_dict=False,
            )[0]
            return prediction

        return predict

    def set_timesteps(self, scheduler: Any, latents: Tensor, request: GenerationRequest) -> None:
        """Set timesteps that are shifted by the picture's size."""
        set_shifted_timesteps(scheduler, request.num_inference_steps, timestep_shift(scheduler, latents.shape[1]))

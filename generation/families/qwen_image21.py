"""Qwen-Image 2.1: a Qwen3-VL as text encoder, and a single-stream transformer whose text does not see the picture.

The stock pipeline draws without guidance by default. With a scale above 1 and a negative prompt it guides as usual.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..model_catalog import ModelDefaults
from ..request import ATTENTION_METHODS, GenerationRequest
from ..text_encoders.clip import Embedding, PromptOptions
from ..text_encoders.language_model import LanguageModelEncoder, Layout, hidden_state
from .attention_hooks import OutputGuidance, guide_single_stream
from .base import Predictor, TextReader, build_defaults
from .flows import Flow, set_shifted_timesteps, timestep_shift

_POSITIONS = 8192
"""The transformer's positions for a text with its template, and the picture behind it."""
_SIDE = 1024


class QwenImage21(Flow):
    """The family of `QwenImage21Pipeline`, from texts alone."""

    no_negative = "nothing"
    lora_loader = "QwenImageLoraLoaderMixin"

    def __init__(self, pipeline: Any, about: ModelDefaults, model: str) -> None:
        super().__init__(pipeline, about)
        template = pipeline.prompt_template_t2i
        tokenizer = pipeline.processor.tokenizer
        skipped = len(tokenizer(template[: template.index("<|im_start|>user")]).input_ids)
        layout = Layout(_POSITIONS - 1, template.format, skipped=skipped, has_normalized_tokens=True)
        encoder = _WithoutFinalNorm(pipeline.text_encoder)
        self.qwen = LanguageModelEncoder(tokenizer, encoder, hidden_state(-1), layout)
        self._sigmas: list[float] | None = pipeline.config.sample_sigmas
        few = {"num_inference_steps": len(self._sigmas)} if self._sigmas else {}
        base = {"num_inference_steps": 40, "guidance_scale": 1.0, "unguided_method": "nag"}
        self.defaults = build_defaults({**base, **few, **about.request_defaults}, width=_SIDE, height=_SIDE)

    @property
    def encoders(self) -> Sequence[TextReader]:
        """The Qwen3-VL."""
        return [self.qwen]

    @property
    def multiple(self) -> int:
        """The autoencoder's factor, times 2: a slot for the picture stands for 2 x 2 latents."""
        return 2 * self.autoencoder.scale

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """The last layer before its norm, without the system prompt. An empty text is read as a space."""
        return self.qwen.encode([text or " " for text in texts], options)

    def pack(self, latents: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, height * width, channels)."""
        return latents.flatten(2).transpose(1, 2)

    def unpack(self, latents: Tensor, request: GenerationRequest) -> Tensor:
        """The inverse of `pack`, for a picture of the request's size."""
        return latents.transpose(1, 2).reshape(len(latents), *self.noise_shape(request)[1:])

    def predictor(self, request: GenerationRequest) -> Predictor:
        """The transformer's prediction, noise - x0.

        The picture's position is the length of the text, which padding must not change. So texts of different lengths
        are predicted apart. Where attention guidance needs them together, the prompt decides where the picture is.
        """
        size = self.noise_shape(request)[2:]

        def predict(latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
            lengths = embedding.lengths or ()
            if request.method in ATTENTION_METHODS:
                with self._place_picture(lengths[0]):
                    return self._predict(latents, timestep, embedding.tokens, embedding.mask, size)
            predicted = torch.empty_like(latents)
            for length in dict.fromkeys(lengths):
                rows = [row for row, each in enumerate(lengths) if each == length]
                tokens = embedding.tokens[rows, :length]
                predicted[rows] = self._predict(latents[rows], timestep, tokens, None, size)
            return predicted

        return predict

    def guide_outputs(
        self, embedding: Embedding, request: GenerationRequest, guidance: OutputGuidance
    ) -> AbstractContextManager[None]:
        """Guide the tokens of the picture, which follow the text."""
        projections = [attention.to_out[0] for attention in self.joint_attentions]
        return guide_single_stream(projections, self.token_layout(embedding, request).pictures, guidance)

    def set_timesteps(self, scheduler: Any, latents: Tensor, request: GenerationRequest) -> None:
        """Set timesteps that are shifted by the picture's size. The author's sigmas, if there are, for their number."""
        steps, mu = request.num_inference_steps, timestep_shift(scheduler, latents.shape[1])
        if self._sigmas and len(self._sigmas) == steps:
            scheduler.set_timesteps(sigmas=self._sigmas, device="cpu", mu=mu)
        else:
            set_shifted_timesteps(scheduler, steps, mu)

    def _predict(
        self, latents: Tensor, timestep: Tensor, tokens: Tensor, mask: Tensor | None, size: Sequence[int]
    ) -> Tensor:
        batch, length = tokens.shape[:2]
        count = latents.shape[1]
        slots = torch.arange(length + count // 4, device=latents.device) >= length
        predicted: Tensor = self.transformer(
            hidden_states=latents,
            timestep=timestep.expand(batch).to(latents.dtype) / 1000,
            encoder_hidden_states=tokens,
            encoder_hidden_states_mask=mask,
            img_shapes=[[(1, *size)]] * batch,
            img_mask=slots.expand(batch, -1),
            return_dict=False,
        )[0]
        return predicted[:, -count:]

    @contextmanager
    def _place_picture(self, position: int) -> Iterator[None]:
        """Place the picture as if the text before it had `position` tokens."""

        def place(module: Any, arguments: Any, options: dict[str, Any], output: Tensor) -> Tensor:
            picture = (arguments[1] if len(arguments) > 1 else options["image_pad_mask"]).nonzero().flatten()
            along_time = module.freqs[0]
            output[picture, : along_time.shape[1]] = along_time[position].to(output.device)
            return output

        hook = self.transformer.pos_embed.register_forward_hook(place, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()


class _WithoutFinalNorm:
    """A language model whose last hidden state is that before the final norm.

    In transformers 5 it is the normalised one, which this transformer was not trained on.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        inner = model.model
        self._norm = getattr(inner, "language_model", inner).norm

    @property
    def device(self) -> torch.device:
        device: torch.device = self._model.device
        return device

    def __call__(self, **inputs: Any) -> Any:
        hook = self._norm.register_forward_hook(lambda module, arguments, output: arguments[0])
        try:
            return self._model(**inputs)
        finally:
            hook.remove()


def text_processor(folder: Path) -> Any:
    """The processor in a folder, for texts alone: its parts for pictures and videos need torchvision."""
    library: Any = import_module("transformers")
    tokenizer = library.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    processor = library.Qwen3VLProcessor.__new__(library.Qwen3VLProcessor)
    processor.tokenizer, processor.image_processor, processor.video_processor = tokenizer, None, None
    processor.chat_template = tokenizer.chat_template
    for kind in ("image", "video"):
        token = f"<|{kind}_pad|>"
        setattr(processor, f"{kind}_token", token)
        setattr(processor, f"{kind}_token_id", tokenizer.convert_tokens_to_ids(token))
    return processor

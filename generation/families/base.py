"""The interface of a model family: encode, predict, decode. The loop, guidance and checkpoints are shared."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Literal, Protocol

import torch
from PIL import Image
from torch import Tensor

from ..errors import GenerationError, InvalidRequestError
from ..request import Defaults, GenerationRequest, Method, PromptReport
from ..storage_plan import WeightStorage
from ..text_encoders.clip import ClipEncoder, Embedding, PromptOptions, parse_fragments
from ..text_encoders.textual_inversion import read_vectors
from .autoencoders import find_autoencoder

Predictor = Callable[[Tensor, Tensor, Embedding], Tensor]
"""(latents, timestep, text embeddings) -> the model's prediction, of the latents' shape."""


class TextReader(Protocol):
    """What a text encoder tells about a text."""

    def count(self, text: str, options: PromptOptions) -> int:
        """The number of tokens of a text."""

    def count_chunks(self, text: str, options: PromptOptions) -> int:
        """In how many pieces the text is read."""

    def overflow(self, text: str, options: PromptOptions) -> str:
        """The end of the text that is not read; empty if all of it is."""

    def split_words(self, text: str) -> list[str]:
        """The words of a text, in lower case."""

    def clear(self) -> None:
        """Clear the cache of encoded texts."""


class Family(ABC):
    """Runs the parts of a diffusers pipeline."""

    flow: ClassVar[bool] = False
    """Whether the model is a rectified flow, which has no schedule of alphas."""
    no_negative: Literal["text", "zeros", "nothing"] = "text"
    """What the stock pipeline uses without a negative prompt."""
    has_joint_attention: ClassVar[bool] = False
    """Whether text and picture are one sequence in attention. Its guidance then needs the latents for each text."""
    compiled: bool = False
    """Whether the denoiser's blocks are compiled."""
    guidance_built_in: bool = False
    """Whether the guidance scale is an input of the model, so that there is no second pass."""
    has_normalized_guidance: ClassVar[bool] = False
    """Whether the stock pipeline rescales the guided prediction to the norm of the prompt's, over the last axis."""
    has_pass_for_each_length: ClassVar[bool] = False
    """Whether texts of different lengths take less time one by one, without padding and its mask, than in a batch."""
    has_mask_input: bool = False
    """Whether the denoiser reads a mask and the masked picture besides the latents: an inpainting checkpoint."""
    storage: WeightStorage = WeightStorage()
    """How the weights are stored on the device."""
    storage_note: str | None = None
    """What to tell the user if that was chosen from the free memory."""
    lora_loader: ClassVar[str]
    """The diffusers class that reads this family's LoRA files."""

    defaults: Defaults
    clips: Sequence[ClipEncoder] = ()

    def __init__(self, pipeline: Any, denoiser: Any, vocabulary: frozenset[str] | None) -> None:
        self.denoiser, self.vae, self.scheduler = denoiser, pipeline.vae, pipeline.scheduler
        self.vocabulary = vocabulary
        self.modules = {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}
        self.autoencoder = find_autoencoder(self.vae)
        if getattr(self.vae.config, "force_upcast", False) and self.vae.dtype == torch.float16:
            self.vae.to(torch.float32)

    @property
    def encoders(self) -> Sequence[TextReader]:
        """The text encoders; the first is the one that reads a prompt most completely."""
        return self.clips

    @property
    def multiple(self) -> int:
        """Width and height must be multiples of this many pixels."""
        return self.autoencoder.scale

    @property
    def latents_dtype(self) -> torch.dtype:
        """The number format of the latents between the steps."""
        dtype: torch.dtype = self.denoiser.dtype
        return dtype

    def frame_prompt(self, prompt: str) -> str:
        """The text that stands for the prompt, but not for a negative prompt: with an instruction to the encoder."""
        return prompt

    @abstractmethod
    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """Embeddings of texts, padded to the same length."""

    @abstractmethod
    def predictor(self, request: GenerationRequest) -> Predictor:
        """The model's prediction function for a request. Latents and embeddings have the same batch size."""

    @abstractmethod
    def attention_guidance(
        self, embedding: Embedding, request: GenerationRequest, weights: Sequence[float]
    ) -> AbstractContextManager[None]:
        """A context in which attention guides away from texts, by the request's method.

        The batch of embeddings has the prompt first, then each text to guide away from, whose strengths are `weights`.
        With joint attention the latents are repeated for each of them.
        """

    def noise_shape(self, request: GenerationRequest) -> tuple[int, int, int, int]:
        """The shape (1, channels, height, width) of the initial noise for the request's size."""
        side = self.autoencoder.scale
        return 1, self.autoencoder.channels, request.height // side, request.width // side

    def pack(self, latents: Tensor) -> Tensor:
        """Convert latents of shape (batch, channels, height, width) to the model's shape."""
        return latents

    def unpack(self, latents: Tensor, request: GenerationRequest) -> Tensor:
        """Convert latents in the model's shape to (batch, channels, height, width)."""
        return latents

    def mask_condition(self, mask: Tensor, masked: Tensor) -> Tensor:
        """What an inpainting checkpoint reads behind the latents, in the model's shape.

        The mask, of shape (1, 1, height, width) in pixels, is 1 where the picture is drawn anew. `masked` has the
        latents of the picture with gray there, of shape (batch, channels, height, width).
        """
        raise NotImplementedError

    def set_timesteps(self, scheduler: Any, latents: Tensor, request: GenerationRequest) -> None:
        """Set the timesteps of a fresh scheduler, on the CPU."""
        scheduler.set_timesteps(request.num_inference_steps, device="cpu")

    def decode(self, latents: Tensor) -> list[Image.Image]:
        """The pictures of latents of shape (batch, channels, height, width).

        Raises:
            GenerationError: the autoencoder's numbers overflow in single precision too.
        """
        decoded = self.autoencoder.decode(latents)
        if not torch.isfinite(decoded).all() and self.vae.dtype == torch.float16:
            self.vae.to(torch.float32)
            decoded = self.autoencoder.decode(latents)
        if not torch.isfinite(decoded).all():
            raise GenerationError(
                "the autoencoder's numbers ran out of range: its weights are probably damaged, or a float16 copy of "
                "weights that need float32, as Stable Diffusion XL's do; use another VAE or model"
            )
        pixels = (decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).float().cpu().numpy()
        return [_flatten(Image.fromarray(each)) for each in (pixels * 255).round().astype("uint8")]

    def read(self, text: str, options: PromptOptions) -> PromptReport:
        """How the model's main text encoder reads a text."""
        reader = self.encoders[0]
        parts = parse_fragments(text, options.syntax)
        shown = tuple((each.text, round(each.weight, 6)) for each in parts if each.text is not None)
        chunks = reader.count_chunks(text, options)
        return PromptReport(shown, reader.count(text, options), chunks, self.unknown_words(text, options))

    def unknown_words(self, text: str, options: PromptOptions) -> tuple[str, ...]:
        """The words outside the model's vocabulary list, in order; empty if it has no list."""
        if self.vocabulary is None:
            return ()
        plain = "".join(each.text or " " for each in parse_fragments(text, options.syntax))
        words = self.encoders[0].split_words(plain)
        return tuple(dict.fromkeys(word for word in words if word not in self.vocabulary))

    def overflow(self, text: str, options: PromptOptions) -> str:
        """The end of the text that is not read; empty if all of it is."""
        return self.encoders[0].overflow(text, options)

    def learn(self, file: str) -> None:
        """Load a textual inversion, so that prompts can use it. Loading it again has no effect.

        Raises:
            InvalidRequestError: the file cannot be read, or is for another family.
        """
        if self.clips and all(clip.inversions.has_file(file) for clip in self.clips):
            return
        for clip, each in self._read_inversion(file):
            clip.add_inversion(file, each)

    def accepts_embedding(self, file: str) -> bool:
        """Whether a file is a textual inversion for this family."""
        try:
            self._read_inversion(file)
        except InvalidRequestError:
            return False
        return True

    def _read_inversion(self, file: str) -> list[tuple[ClipEncoder, Tensor]]:
        """The vectors of a textual inversion for each encoder."""
        vectors = read_vectors(file)
        if self.flow or len(vectors) != len(self.clips):
            raise InvalidRequestError(f"--embedding: {file} is a textual inversion for models of another family")
        pairs = list(zip(self.clips, vectors.values(), strict=True))
        for clip, each in pairs:
            clip.inversions.check(file, each)
        return pairs

    def check_clip_skip(self, layer: int | None) -> None:
        """Refuse a request's `clip_skip` that the text encoders cannot honour.

        Raises:
            InvalidRequestError: the model is a flow, or has fewer layers.
        """
        if layer is None:
            return
        if self.flow:
            raise InvalidRequestError("--clip-skip: only Stable Diffusion 1, 2 and XL can skip layers: leave it out")
        layers = min(clip.text_encoder.config.num_hidden_layers for clip in self.clips)
        if layer > layers:
            raise InvalidRequestError(f"--clip-skip: this model's text encoder has {layers} layers, not {layer}")

    def has_method(self, method: Method) -> bool:
        """Whether a guidance method is defined for the model: `ong` needs joint attention."""
        return method != "ong" or self.has_joint_attention

    def check_method(self, method: Method) -> None:
        """Refuse a guidance method that is not defined for the model.

        Raises:
            InvalidRequestError: it is not.
        """
        if not self.has_method(method):
            raise InvalidRequestError(
                f"--method: {method} needs joint attention over text and picture, which this model does not have: "
                "use nag or vsf"
            )

    def forget(self) -> None:
        """Clear the caches of encoded texts, after the encoders' weights have changed."""
        for encoder in self.encoders:
            encoder.clear()


def _flatten(image: Image.Image) -> Image.Image:
    """A picture with transparency, on white."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def expand(embedding: Embedding, batch: int) -> Embedding:
    """Repeat an embedding for each picture of a batch."""
    pooled, lengths, content = embedding.pooled, embedding.lengths, embedding.content
    return Embedding(
        embedding.tokens.repeat_interleave(batch, dim=0),
        None if pooled is None else pooled.repeat_interleave(batch, dim=0),
        None if lengths is None else tuple(length for length in lengths for _ in range(batch)),
        None if content is None else content.repeat_interleave(batch, dim=0),
    )


def to_device(embedding: Embedding, device: torch.device) -> Embedding:
    """Move an embedding to a device."""
    pooled, content = embedding.pooled, embedding.content
    return Embedding(
        embedding.tokens.to(device),
        None if pooled is None else pooled.to(device),
        embedding.lengths,
        None if content is None else content.to(device),
    )


def stack(embeddings: Sequence[Embedding]) -> Embedding:
    """Concatenate the embeddings of several texts to one batch, in order."""
    pooled = [each.pooled for each in embeddings if each.pooled is not None]
    lengths = [each.lengths for each in embeddings if each.lengths is not None]
    content = [each.content for each in embeddings if each.content is not None]
    return Embedding(
        torch.cat([each.tokens for each in embeddings]),
        torch.cat(pooled) if pooled else None,
        sum(lengths, ()) if lengths else None,
        torch.cat(content) if content else None,
    )


def build_defaults(named: dict[str, Any], **family: Any) -> Defaults:
    """Defaults with a family's values, overridden by those that the model's folder sets."""
    return Defaults(**{**family, **named})

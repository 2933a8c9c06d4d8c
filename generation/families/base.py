"""The interface of a model family: encode, predict, decode. The loop, guidance and checkpoints are shared."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Literal

import torch
from PIL import Image
from torch import Tensor

from ..errors import GenerationError, InvalidModelError, InvalidRequestError
from ..request import Defaults, GenerationRequest, PromptReport
from ..text_encoders.clip import ClipEncoder, Embedding, PromptOptions, parse_fragments, unknown_token_words
from ..text_encoders.textual_inversion import read_vectors

Predictor = Callable[[Tensor, Tensor, Embedding], Tensor]
"""(latents, timestep, text embeddings) -> the model's prediction, of the latents' shape."""


class Family(ABC):
    """Runs the parts of a diffusers pipeline."""

    flow: ClassVar[bool] = False
    """Whether the model is a rectified flow, which has no schedule of alphas."""
    no_negative: Literal["text", "zeros", "nothing"] = "text"
    """What the stock pipeline uses without a negative prompt."""
    attention_copies: ClassVar[int] = 1
    """How many copies of the latents attention guidance needs: two with joint attention over text and image."""
    compiled: bool = False
    """Whether the denoiser's blocks are compiled."""
    guidance_built_in: bool = False
    """Whether the guidance scale is an input of the model, so that there is no second pass."""
    lora_loader: ClassVar[str]
    """The diffusers class that reads this family's LoRA files."""

    defaults: Defaults
    clips: list[ClipEncoder]

    def __init__(self, pipeline: Any, denoiser: Any, vocabulary: frozenset[str] | None) -> None:
        self.denoiser, self.vae, self.scheduler = denoiser, pipeline.vae, pipeline.scheduler
        self.vocabulary = vocabulary
        self.modules = {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}
        self.vae_scale: int = 2 ** (len(self.vae.config.block_out_channels) - 1)
        if getattr(self.vae.config, "force_upcast", False) and self.vae.dtype == torch.float16:
            self.vae.to(torch.float32)
        self._check_scheduler()

    @property
    def multiple(self) -> int:
        """Width and height must be multiples of this many pixels."""
        return self.vae_scale

    @abstractmethod
    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """Embeddings of texts, padded to the same length."""

    @abstractmethod
    def predictor(self, request: GenerationRequest) -> Predictor:
        """The model's prediction function for a request. Latents and embeddings have the same batch size."""

    @abstractmethod
    def attention_guidance(self, tokens: int) -> AbstractContextManager[None]:
        """A context in which attention guides away from the second half of the batch of token embeddings.

        The latents are repeated `attention_copies` times; `tokens` is the length of the embeddings.
        """

    def noise_shape(self, request: GenerationRequest) -> tuple[int, int, int, int]:
        """The shape (1, channels, height, width) of the initial noise for the request's size."""
        side = self.vae_scale
        return 1, self.vae.config.latent_channels, request.height // side, request.width // side

    def pack(self, latents: Tensor) -> Tensor:
        """Convert latents of shape (batch, channels, height, width) to the model's shape."""
        return latents

    def unpack(self, latents: Tensor, request: GenerationRequest) -> Tensor:
        """Convert latents in the model's shape to (batch, channels, height, width)."""
        return latents

    def set_timesteps(self, scheduler: Any, latents: Tensor, request: GenerationRequest) -> None:
        """Set the timesteps of a fresh scheduler, on the CPU."""
        scheduler.set_timesteps(request.num_inference_steps, device="cpu")

    def decode(self, latents: Tensor) -> list[Image.Image]:
        """The pictures of latents of shape (batch, channels, height, width).

        Raises:
            GenerationError: the autoencoder's numbers overflow in single precision too.
        """
        decoded = self._decode_to_pixels(latents)
        if not torch.isfinite(decoded).all() and self.vae.dtype == torch.float16:
            self.vae.to(torch.float32)
            decoded = self._decode_to_pixels(latents)
        if not torch.isfinite(decoded).all():
            raise GenerationError(
                "the autoencoder's numbers ran out of range: its weights are probably damaged; use another VAE or model"
            )
        pixels = (decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).float().cpu().numpy()
        return [Image.fromarray(each) for each in (pixels * 255).round().astype("uint8")]

    def _decode_to_pixels(self, latents: Tensor) -> Tensor:
        scaled = self.to_vae_latents(latents).to(self.vae.dtype)
        pixels: Tensor = self.vae.decode(scaled, return_dict=False)[0]
        return pixels

    def read(self, text: str, options: PromptOptions) -> PromptReport:
        """How the model's main text encoder reads a text."""
        clip = self.clips[0]
        parts = parse_fragments(text, options.syntax)
        shown = tuple((each.text, round(each.weight, 6)) for each in parts if each.text is not None)
        tokens = sum(len(clip.tokens(each.text, options.inversions)) for each in parts if each.text)
        return PromptReport(shown, tokens, len(clip.chunks(text, options)), self.unknown_words(text, options))

    def unknown_words(self, text: str, options: PromptOptions) -> tuple[str, ...]:
        """The words outside the model's vocabulary list, in order; empty if it has no list."""
        if self.vocabulary is None:
            return ()
        plain = "".join(each.text or " " for each in parse_fragments(text, options.syntax))
        words = unknown_token_words(plain, self.clips[0].tokenizer)
        return tuple(dict.fromkeys(word for word in words if word not in self.vocabulary))

    def overflow(self, text: str, options: PromptOptions) -> str:
        """The end of the text that is not read; empty if all of it is."""
        return self.clips[0].overflow(text, options)

    def learn(self, file: str) -> None:
        """Load a textual inversion, so that prompts can use it. Loading it again has no effect.

        Raises:
            InvalidRequestError: the file cannot be read, or is for another family.
        """
        if all(clip.inversions.has_file(file) for clip in self.clips):
            return
        vectors = read_vectors(file)
        if self.flow or len(vectors) != len(self.clips):
            raise InvalidRequestError(f"--embedding: {file} is a textual inversion for models of another family")
        pairs = list(zip(self.clips, vectors.values(), strict=True))
        for clip, each in pairs:
            clip.inversions.check(file, each)
        for clip, each in pairs:
            clip.add_inversion(file, each)

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

    def forget(self) -> None:
        """Clear the caches of encoded texts, after the encoders' weights have changed."""
        for clip in self.clips:
            clip.clear()

    def from_vae_latents(self, latents: Tensor) -> Tensor:
        """Scale the autoencoder's latents for the denoiser."""
        config = self.vae.config
        mean, std = _latent_statistics(config, latents)
        return (latents - mean) * float(config.scaling_factor) / std

    def to_vae_latents(self, latents: Tensor) -> Tensor:
        """The inverse of `from_vae_latents`."""
        config = self.vae.config
        mean, std = _latent_statistics(config, latents)
        return latents * std / float(config.scaling_factor) + mean

    def _check_scheduler(self) -> None:
        name = type(self.scheduler).__name__
        flows = name.startswith("FlowMatch") or self.scheduler.config.get("use_flow_sigmas", False)
        if bool(flows) != self.flow or not hasattr(self.scheduler, "set_timesteps"):
            wanted = "FlowMatchEulerDiscreteScheduler" if self.flow else "DDIMScheduler"
            raise InvalidModelError(f"this model can't use its scheduler, {name}: replace it, for example by {wanted}")


def _latent_statistics(config: Any, like: Tensor) -> tuple[Tensor | float, Tensor | float]:
    """The mean and standard deviation of an autoencoder's latents; 0 and 1 by default."""
    mean, std = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is not None and std is not None:
        return tuple(torch.tensor(each).view(1, -1, 1, 1).to(like) for each in (mean, std))  # type: ignore[return-value]
    return getattr(config, "shift_factor", None) or 0.0, 1.0


def expand(embedding: Embedding, batch: int) -> Embedding:
    """Repeat an embedding for each picture of a batch."""
    pooled = embedding.pooled
    return Embedding(
        embedding.tokens.repeat_interleave(batch, dim=0),
        None if pooled is None else pooled.repeat_interleave(batch, dim=0),
    )


def to_device(embedding: Embedding, device: torch.device) -> Embedding:
    """Move an embedding to a device."""
    pooled = embedding.pooled
    return Embedding(embedding.tokens.to(device), None if pooled is None else pooled.to(device))


def stack(embeddings: Sequence[Embedding]) -> Embedding:
    """Concatenate the embeddings of several texts to one batch, in order."""
    pooled = [each.pooled for each in embeddings if each.pooled is not None]
    return Embedding(torch.cat([each.tokens for each in embeddings]), torch.cat(pooled) if pooled else None)


def build_defaults(named: dict[str, Any], **family: Any) -> Defaults:
    """Defaults with a family's values, overridden by those that the model's folder sets."""
    return Defaults(**{**family, **named})

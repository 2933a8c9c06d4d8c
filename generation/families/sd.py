"""Stable Diffusion 1.x and 2.x: one CLIP text encoder, a U-Net, an autoencoder."""

from collections.abc import Sequence
from typing import Any

from ..errors import InvalidModelError
from ..model_catalog import ModelDefaults
from ..text_encoders.clip import ClipEncoder, Embedding, PromptOptions
from .unets import UNetFamily


class StableDiffusion(UNetFamily):
    """The family of `StableDiffusionPipeline`."""

    lora_loader = "StableDiffusionLoraLoaderMixin"
    guidance_scale = 7.5

    def __init__(self, pipeline: Any, about: ModelDefaults, model: str) -> None:
        config = pipeline.unet.config
        if config.addition_embed_type is not None or config.class_embed_type is not None:
            raise InvalidModelError("this model needs more than a prompt: it may be SDXL with a wrong model_index.json")
        super().__init__(pipeline, about, model)
        self.clips = [ClipEncoder(pipeline.tokenizer, pipeline.text_encoder)]

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """Token embeddings of the last layer."""
        return self.clips[0].encode(texts, options)

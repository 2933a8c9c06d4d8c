"""Model families, one file each: encode texts, predict noise, decode latents."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import Family
    from .generic import GenericFamily

SUPPORTED = {
    "StableDiffusionPipeline": "sd:StableDiffusion",
    "StableDiffusionInpaintPipeline": "sd:StableDiffusion",
    "LatentConsistencyModelPipeline": "sd:StableDiffusion",
    "StableDiffusionXLPipeline": "sdxl:StableDiffusionXL",
    "StableDiffusionXLInpaintPipeline": "sdxl:StableDiffusionXL",
    "StableDiffusion3Pipeline": "sd3:StableDiffusion3",
    "FluxPipeline": "flux:Flux",
    "FluxFillPipeline": "flux:Flux",
    "ChromaPipeline": "chroma:Chroma",
    "Flux2KleinPipeline": "flux2_klein:Flux2Klein",
    "Krea2Pipeline": "krea2:Krea2",
    "Lumina2Pipeline": "lumina2:Lumina2",
    "QwenImagePipeline": "qwen_image:QwenImage",
    "QwenImage21Pipeline": "qwen_image21:QwenImage21",
    "ZImagePipeline": "z_image:ZImage",
}
"""diffusers' pipeline classes that run natively, and the family class for each."""


_GENERIC = "generic:GenericFamily"


def find_family(kind: str) -> "type[Any]":
    """The family class for a pipeline class; the generic one for those that have none of their own."""
    module, name = SUPPORTED.get(kind, _GENERIC).split(":")
    found: type[Family | GenericFamily] = getattr(import_module(f".{module}", __package__), name)
    return found

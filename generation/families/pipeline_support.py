"""Which pipelines of diffusers run as they are, through the generic family, and why the others do not."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from ..storage_plan import has_library
from . import SUPPORTED


@dataclass(frozen=True)
class Quirks:
    """How a pipeline differs from the rule. `options` are passed with every call.

    `scale_offset` is what the true guidance scale s of `neg + s (pos - neg)` has more than the pipeline's own number.
    With `has_optional_inputs`, the pictures or frames that its call takes may be left out. `multiple` replaces the rule
    for sizes, in pixels.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    scale_offset: float = 0.0
    has_optional_inputs: bool = False
    multiple: int | None = None


QUIRKS = {
    "BriaFibo2Pipeline": Quirks(has_optional_inputs=True),
    "BriaFiboPipeline": Quirks(multiple=16),
    "Cosmos2TextToImagePipeline": Quirks(scale_offset=1.0),
    "DreamLitePipeline": Quirks(has_optional_inputs=True),
    "ErnieImagePipeline": Quirks({"use_pe": False}),  # a language model that rewrites the prompt
    "HunyuanDiTPAGPipeline": Quirks({"use_resolution_binning": False}),  # it would return another size
    "HunyuanDiTPipeline": Quirks({"use_resolution_binning": False}),
    "Kandinsky3Pipeline": Quirks(scale_offset=1.0, multiple=64),
    "LongCatImagePipeline": Quirks({"enable_prompt_rewrite": False}),
    "WanPipeline": Quirks({"num_frames": 1}, has_optional_inputs=True),
}
"""Exceptions from the rules, by pipeline class."""

REASONS = {
    "Flux2Pipeline": "Flux.2 dev has its guidance built in and takes no negative prompt",
    "Flux2KleinKVPipeline": "it takes no negative prompt: use Flux2KleinPipeline",
    "GlmImagePipeline": "it takes a negative prompt only as an embedding",
    "HunyuanImagePipeline": "its guidance is a part of the model (a guider), whose scale a call can't set",
    "IFPipeline": "it makes 64 x 64 pixels, which two more pipelines enlarge",
    "OmniGenPipeline": "it takes no negative prompt",
    "SanaSprintPipeline": "it has its guidance built in and takes no negative prompt: use SanaPipeline",
    "StableDiffusionGLIGENPipeline": "it needs places for the things in the picture",
    "StableDiffusionGLIGENTextImagePipeline": "it needs places for the things in the picture",
    "StableDiffusionLDM3DPipeline": "it makes a depth map besides the picture",
    "StableDiffusionParadigmsPipeline": "it draws all steps at once",
    "StableDiffusionPix2PixZeroPipeline": "it changes a given picture",
    "refiner": "it refines pictures of Stable Diffusion XL",
}
"""Why pipelines do not run where the rules do not know it, or not well enough."""

_PICTURES = ("control_image", "control_video", "cond_image", "image", "images", "input_images", "mask_image", "video")
_FRAMES = ("num_frames", "num_videos_per_prompt", "video_length")
_SCALES = ("true_cfg_scale", "guidance_scale")
_NO_PICTURES = ("latent", "pt", "tensor", "text")
"""Output types of pipelines that make something else than pictures."""


def is_supported(kind: str) -> bool:
    """Whether notthat draws with a pipeline class of diffusers, natively or by the generic family."""
    return explain_unsupported(kind) is None


@cache
def explain_unsupported(kind: str) -> str | None:
    """Why notthat cannot draw with a pipeline class, in words that continue a sentence; None if it can."""
    if kind in SUPPORTED:
        return None
    if kind in REASONS:
        return REASONS[kind]
    if kind.endswith("ModularPipeline"):
        return "modular pipelines have no fixed call"
    if not kind.isidentifier():
        return "its pipeline is code of its own, which is not run"
    try:
        pipeline_class = find_pipeline_class(kind)
    except (ImportError, RuntimeError):
        return "the installed diffusers can't import it"
    if pipeline_class is None:
        return "the installed diffusers has no such pipeline"
    if backends := getattr(pipeline_class, "_backends", None):  # a stand-in of diffusers for what cannot be imported
        missing = [name for name in backends if not has_library(name)]
        return f"it needs a library that is not installed: {', '.join(missing or backends)}"
    return _explain_parameters(kind, inspect.signature(pipeline_class.__call__).parameters)


def find_pipeline_class(kind: str) -> Any | None:
    """diffusers' class of this name; None if it is none."""
    from ..quantization import quiet_imports  # imports torch, which native families are found without

    if not kind.endswith("Pipeline"):
        return None
    with quiet_imports():
        found = getattr(import_module("diffusers"), kind, None)
    return found if inspect.isclass(found) else None


def with_article(name: str) -> str:
    """A name behind its indefinite article."""
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def has_unet(kind: str) -> bool:
    """Whether the denoiser of a supported pipeline class is a U-Net."""
    pipeline_class = find_pipeline_class(kind)
    return pipeline_class is not None and "unet" in inspect.signature(pipeline_class).parameters


def find_scale(parameters: Mapping[str, Any]) -> str | None:
    """The name of a pipeline's parameter for the guidance scale."""
    return next((name for name in _SCALES if name in parameters), None)


def _explain_parameters(kind: str, parameters: Mapping[str, inspect.Parameter]) -> str | None:
    """What keeps a pipeline with these parameters of its call from drawing, or None."""
    can_be_left_out = QUIRKS.get(kind, Quirks()).has_optional_inputs
    named = {name: each for name, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD}
    unknown = [name for name, each in named.items() if each.default is each.empty and name not in ("self", "prompt")]
    output_type = parameters["output_type"].default if "output_type" in parameters else None
    if not can_be_left_out and any(name in parameters for name in _PICTURES):
        return "it works on a given picture or video"
    if not can_be_left_out and any(name in parameters for name in _FRAMES):
        return "it makes videos"
    if any(name.startswith("prior_") for name in parameters):
        return "it draws in two stages with two models"
    if unknown:
        return f"it needs {', '.join(unknown)} besides the prompt"
    if "prompt" not in parameters or "height" not in parameters or output_type in _NO_PICTURES:
        return "it makes no pictures of prompts"
    if "negative_prompt" not in parameters:
        return "it takes no negative prompt"
    if "num_inference_steps" not in parameters or find_scale(parameters) is None:
        return "it takes no guidance scale"
    return None

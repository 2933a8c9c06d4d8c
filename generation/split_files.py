"""Builds a pipeline from separate files: a denoiser, text encoders and an autoencoder, as ComfyUI keeps them.

Configurations and tokenizers come from a folder in diffusers' layout, which needs no weights.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .errors import InvalidModelError
from .file_kinds import DENOISER_PREFIX
from .fp8_weights import load_tensors
from .weight_files import WeightFile

CONFIGURATIONS: tuple[tuple[str, str | None, str], ...] = (
    ("FluxPipeline", "guidance_in.in_layer.weight", "black-forest-labs/FLUX.1-dev"),
    ("FluxPipeline", "time_text_embed.guidance_embedder.linear_1.weight", "black-forest-labs/FLUX.1-dev"),
    ("FluxPipeline", None, "black-forest-labs/FLUX.1-schnell"),
    ("StableDiffusion3Pipeline", "joint_blocks.37.x_block.mlp.fc1.weight", "stabilityai/stable-diffusion-3.5-large"),
    ("StableDiffusion3Pipeline", "joint_blocks.0.x_block.attn2.qkv.weight", "stabilityai/stable-diffusion-3.5-medium"),
    ("StableDiffusion3Pipeline", None, "stabilityai/stable-diffusion-3-medium-diffusers"),
    ("StableDiffusionXLPipeline", None, "stabilityai/stable-diffusion-xl-base-1.0"),
    ("StableDiffusionPipeline", None, "stable-diffusion-v1-5/stable-diffusion-v1-5"),
    ("ZImagePipeline", None, "Tongyi-MAI/Z-Image"),
    ("QwenImagePipeline", None, "Qwen/Qwen-Image"),
    ("Flux2KleinPipeline", "double_blocks.5.img_attn.qkv.weight", "black-forest-labs/FLUX.2-klein-9B"),
    ("Flux2KleinPipeline", "transformer_blocks.5.attn.to_q.weight", "black-forest-labs/FLUX.2-klein-9B"),
    ("Flux2KleinPipeline", None, "black-forest-labs/FLUX.2-klein-4B"),
    ("Krea2Pipeline", None, "krea/Krea-2-Raw"),
    ("ChromaPipeline", None, "lodestones/Chroma1-HD"),
    ("Lumina2Pipeline", None, "Alpha-VLLM/Lumina-Image-2.0"),
)
"""The hub ids that have the configurations, by pipeline class and a tensor that the file has; the first that fits.

A family that is to load from separate files adds a line here, and its text encoders to
`text_encoder_files.ENCODERS`.
"""

VARIANTS: dict[str, tuple[str, str]] = {
    "Tongyi-MAI/Z-Image": ("turbo", "Tongyi-MAI/Z-Image-Turbo"),
    "krea/Krea-2-Raw": ("turbo", "krea/Krea-2-Turbo"),
    "black-forest-labs/FLUX.2-klein-4B": ("base", "black-forest-labs/FLUX.2-klein-base-4B"),
    "black-forest-labs/FLUX.2-klein-9B": ("base", "black-forest-labs/FLUX.2-klein-base-9B"),
}
"""Models of the same tensors with another schedule: a word of the file's name, and the hub id if it has that word."""

INPAINTING: dict[str, tuple[str, int, str]] = {
    "StableDiffusionPipeline": ("input_blocks.0.0.weight", 9, "stable-diffusion-v1-5/stable-diffusion-inpainting"),
    "StableDiffusionXLPipeline": (
        "input_blocks.0.0.weight",
        9,
        "diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
    ),
    "FluxPipeline": ("img_in.weight", 384, "black-forest-labs/FLUX.1-Fill-dev"),
}
"""The first tensor of an inpainting model, how many channels it reads, and the hub id with its configuration."""

OPTIONAL_PARTS = {"StableDiffusion3Pipeline": {"text_encoder_3": "tokenizer_3"}}
"""Text encoders that a pipeline can do without, and their tokenizers."""

_DENOISERS = ("transformer", "unet")


@dataclass(frozen=True)
class Layout:
    """The folder with a pipeline's configuration, and the classes of its parts: (library, class) by name."""

    kind: str
    folder: Path
    parts: Mapping[str, tuple[str, str]]

    @classmethod
    def read(cls, kind: str, folder: Path) -> "Layout":
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        parts = {name: each for name, each in index.items() if isinstance(each, list) and len(each) == 2}
        named = {name: (each[0], each[1]) for name, each in parts.items() if all(isinstance(x, str) for x in each)}
        return cls(kind, folder, named)

    @property
    def denoiser(self) -> str:
        return next(name for name in _DENOISERS if name in self.parts)

    @property
    def text_encoders(self) -> list[str]:
        return sorted(name for name in self.parts if name.startswith("text_encoder"))

    def find_class(self, part: str) -> Any:
        library, name = self.parts[part]
        return getattr(import_module(library), name)

    def has_weights(self, part: str) -> bool:
        """Whether the folder has the part's weights."""
        return any(self.folder.glob(f"{part}/*.safetensors")) or any(self.folder.glob(f"{part}/*.bin"))


def find_configuration(kind: str, file: WeightFile) -> str | None:
    """The hub id with the configuration of a file; None if there is none."""
    tensors = {name.removeprefix(DENOISER_PREFIX): each for name, each in file.tensors.items()}
    names = tensors.keys()
    first, channels, inpainting = INPAINTING.get(kind, ("", 0, ""))
    if first in tensors and tensors[first].shape[1:2] == (channels,):
        return inpainting
    fits = (hub_id for each, tensor, hub_id in CONFIGURATIONS if each == kind and (tensor is None or tensor in names))
    found = next(fits, None)
    word, variant = VARIANTS.get(found or "", (None, None))
    return variant if word in re.split(r"[^a-z]+", file.path.stem.lower()) else found


def load_denoiser(layout: Layout, file: WeightFile, dtype: torch.dtype) -> Any:
    """The transformer or U-Net in a file. A GGUF stays quantised; fp8 weights with scales are dequantised."""
    options: dict[str, Any] = {"config": str(layout.folder), "subfolder": layout.denoiser, "local_files_only": True}
    options["torch_dtype"] = dtype
    if file.is_gguf:
        library: Any = import_module("diffusers")
        options["quantization_config"] = library.GGUFQuantizationConfig(compute_dtype=dtype)
        tensors = _load_gguf(file, dtype)
    else:
        tensors = load_tensors(file, dtype)
    named = {name.removeprefix(DENOISER_PREFIX): tensor for name, tensor in tensors.items()}
    model = layout.find_class(layout.denoiser).from_single_file(named, **options)
    kept = set(model._keep_in_fp32_modules or ())  # which `from_pretrained` heeds, and `from_single_file` only in fp16
    for name, weights in model.named_parameters():
        if kept.intersection(name.split(".")):
            weights.data = weights.data.float()
    return model


def _load_gguf(file: WeightFile, dtype: torch.dtype) -> dict[str, Tensor]:
    """A GGUF's tensors. Only matrices stay quantised: diffusers has quantised layers for these alone."""
    loading: Any = import_module("diffusers.models.model_loading_utils")
    quantized: Any = import_module("diffusers.quantizers.gguf.utils")
    tensors: dict[str, Tensor] = loading.load_gguf_checkpoint(str(file.path))
    for name, tensor in tensors.items():
        is_matrix = name.endswith(".weight") and tensor.ndim == 2
        if isinstance(tensor, quantized.GGUFParameter) and not is_matrix:
            tensors[name] = quantized.dequantize_gguf_tensor(tensor).to(dtype)
    return tensors


def load_whole(layout: Layout, file: WeightFile, dtype: torch.dtype, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a whole checkpoint that are not `given`, with fp8 weights dequantised."""
    loaders: Any = import_module("diffusers.loaders.single_file")
    tensors, found = load_tensors(file, dtype), {}
    for name in (layout.denoiser, "vae", *layout.text_encoders):
        if name in given or layout.has_weights(name):
            continue
        library, class_name = layout.parts[name]
        found[name] = loaders.load_single_file_sub_model(
            library_name=library,
            class_name=class_name,
            name=name,
            checkpoint=tensors,
            pipelines=import_module("diffusers.pipelines"),
            is_pipeline_module=False,
            cached_model_config_path=str(layout.folder),
            local_files_only=True,
            torch_dtype=dtype,
        )
    return found


def check_complete(layout: Layout, parts: Mapping[str, Any]) -> None:
    """Raise `InvalidModelError`, naming the option, if neither the files nor the folder have a part."""
    for name in (*layout.text_encoders, "vae"):
        if name not in parts and not layout.has_weights(name):
            option = "--vae FILE" if name == "vae" else "--text-encoder FILE"
            raise InvalidModelError(f"this model ({layout.kind}) lacks its {layout.parts[name][1]}: give {option}")
    for name, part in parts.items():
        if isinstance(part, torch.nn.Module):
            missing = next((key for key, each in part.named_parameters() if each.is_meta), None)
            if missing:
                raise InvalidModelError(f"the files lack weights of the {name}, for example {missing}")

"""Builds a pipeline from separate files: a denoiser, text encoders and an autoencoder, as ComfyUI keeps them.

Configurations and tokenizers come from a folder in diffusers' layout, which needs no weights.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .errors import InvalidModelError
from .fp8_weights import load_tensors
from .weight_files import WeightFile, read_header

CONFIGURATIONS: tuple[tuple[str, str | None, str], ...] = (
    ("FluxPipeline", "guidance_in.in_layer.weight", "black-forest-labs/FLUX.1-dev"),
    ("FluxPipeline", "time_text_embed.guidance_embedder.linear_1.weight", "black-forest-labs/FLUX.1-dev"),
    ("FluxPipeline", None, "black-forest-labs/FLUX.1-schnell"),
    ("StableDiffusion3Pipeline", "joint_blocks.37.x_block.mlp.fc1.weight", "stabilityai/stable-diffusion-3.5-large"),
    ("StableDiffusion3Pipeline", "joint_blocks.0.x_block.attn2.qkv.weight", "stabilityai/stable-diffusion-3.5-medium"),
    ("StableDiffusion3Pipeline", None, "stabilityai/stable-diffusion-3-medium-diffusers"),
    ("StableDiffusionXLPipeline", None, "stabilityai/stable-diffusion-xl-base-1.0"),
    ("StableDiffusionPipeline", None, "stable-diffusion-v1-5/stable-diffusion-v1-5"),
)
"""The hub ids that have the configurations, by pipeline class and a tensor that the file has; the first that fits.

A family that is to load from separate files adds a line here, and its text encoders to `ENCODERS`.
"""

OPTIONAL_PARTS = {"StableDiffusion3Pipeline": {"text_encoder_3": "tokenizer_3"}}
"""Text encoders that a pipeline can do without, and their tokenizers."""

_DENOISERS = ("transformer", "unet")


@dataclass(frozen=True)
class EncoderLayout:
    """A text encoder's classes by their common prefix, and the names that its token embeddings have in files."""

    class_prefix: str
    embeddings: tuple[str, ...]


ENCODERS = (
    EncoderLayout("CLIPText", ("text_model.embeddings.token_embedding.weight", "embeddings.token_embedding.weight")),
    EncoderLayout("T5Encoder", ("shared.weight", "encoder.embed_tokens.weight")),
)
"""The text encoders that `--text-encoder` takes. A new family adds a line."""


@dataclass(frozen=True)
class Layout:
    """The folder with a pipeline's configuration, and the classes of its parts: (library, class) by name."""

    kind: str
    folder: Path
    parts: Mapping[str, tuple[str, str]]

    @classmethod
    def read(cls, kind: str, folder: Path) -> "Layout":
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        parts = {name: tuple(each) for name, each in index.items() if isinstance(each, list) and each[0] is not None}
        return cls(kind, folder, {name: (each[0], each[1]) for name, each in parts.items() if len(each) == 2})

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
    names = {name.removeprefix("model.diffusion_model.") for name in file.tensors}
    fits = (hub_id for each, tensor, hub_id in CONFIGURATIONS if each == kind and (tensor is None or tensor in names))
    return next(fits, None)


def load_denoiser(layout: Layout, file: WeightFile, dtype: torch.dtype) -> Any:
    """The transformer or U-Net in a file. A GGUF stays quantised; fp8 weights with scales are dequantised."""
    library: Any = import_module("diffusers")
    options: dict[str, Any] = {"config": str(layout.folder), "subfolder": layout.denoiser, "local_files_only": True}
    options["torch_dtype"] = dtype
    if file.is_gguf:
        options["quantization_config"] = library.GGUFQuantizationConfig(compute_dtype=dtype)
        source: Any = str(file.path)
    else:
        source = load_tensors(file, dtype)
    return layout.find_class(layout.denoiser).from_single_file(source, **options)


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


def load_vae(layout: Layout, path: Path, dtype: torch.dtype) -> Any:
    """The autoencoder in a file.

    Raises:
        InvalidModelError: the file has none, or that of another model.
    """
    vae = layout.find_class("vae")
    header = read_header(path)
    channels = {header.tensors[name].shape[1] for name in _with_prefixes("decoder.conv_in.weight", header)}
    wanted = vae.load_config(str(layout.folder), subfolder="vae", local_files_only=True).get("latent_channels")
    if not channels:
        raise InvalidModelError(f"--vae: {path} has no autoencoder")
    if wanted is not None and channels != {wanted}:
        raise InvalidModelError(
            f"--vae: {path} is for other models: it has {channels.pop()} latent channels, this model {wanted}"
        )
    config = {"config": str(layout.folder), "subfolder": "vae", "local_files_only": True}
    return vae.from_single_file(load_tensors(header, dtype), **config, torch_dtype=dtype)


def load_text_encoders(layout: Layout, paths: list[Path], dtype: torch.dtype) -> dict[str, Any]:
    """The text encoders in files, by the name of the part that each fits.

    Raises:
        InvalidModelError: a file fits no part.
    """
    found: dict[str, Any] = {}
    for path in paths:
        header = read_header(path)
        header.check_format()
        part = next((n for n in layout.text_encoders if n not in found and _fits(layout, n, header)), None)
        if part is None:
            raise InvalidModelError(f"--text-encoder: {path} is no text encoder of this model ({layout.kind})")
        found[part] = _load_text_encoder(layout, part, header, dtype)
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


def _fits(layout: Layout, part: str, header: WeightFile) -> bool:
    """Whether a file has a text encoder of a part's class and width."""
    config = _encoder_config(layout, part)
    for encoder in ENCODERS:
        if layout.parts[part][1].startswith(encoder.class_prefix):
            shapes = [header.tensors[name].shape for name in encoder.embeddings if name in header.tensors]
            return any(shape[-1] == config.hidden_size for shape in shapes)
    return False


def _encoder_config(layout: Layout, part: str) -> Any:
    config_class = layout.find_class(part).config_class
    return config_class.from_pretrained(str(layout.folder / part), local_files_only=True)


def _load_text_encoder(layout: Layout, part: str, header: WeightFile, dtype: torch.dtype) -> Any:
    config, encoder_class = _encoder_config(layout, part), layout.find_class(part)
    tensors: dict[str, Tensor] = load_tensors(header, dtype)
    if encoder_class.__name__ == "CLIPTextModelWithProjection":
        # Stable Diffusion 3's first CLIP has no projection: diffusers uses the identity as well
        tensors.setdefault("text_projection.weight", torch.eye(config.projection_dim, config.hidden_size))
    model, info = encoder_class.from_pretrained(
        None, config=config, state_dict=tensors, dtype=dtype, output_loading_info=True
    )
    if missing := sorted(info["missing_keys"]):
        raise InvalidModelError(f"--text-encoder: {header.path} is incomplete: it lacks {missing[0]}")
    return model.eval()


def _with_prefixes(name: str, header: WeightFile) -> list[str]:
    return [full for full in (name, f"first_stage_model.{name}", f"vae.{name}") if full in header.tensors]

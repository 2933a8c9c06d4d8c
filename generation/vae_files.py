"""Autoencoders in files: of Stable Diffusion and Flux, of Qwen-Image and Krea 2, and of Flux.2."""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .errors import InvalidModelError
from .fp8_weights import load_tensors
from .split_files import Layout
from .weight_files import VAE_PREFIXES, WeightFile

_INPUTS = ("decoder.conv_in.weight", "decoder.conv1.weight")
"""The decoder's first layer in diffusers' and Stable Diffusion's names, and in those of Wan, which Qwen-Image uses."""
_NESTED = {"encoder.quant_conv.": "quant_conv.", "decoder.post_quant_conv.": "post_quant_conv."}
"""Layers of Flux.2's autoencoder that diffusers does not count to the encoder and decoder."""


def load_vae(layout: Layout, header: WeightFile, dtype: torch.dtype) -> Any:
    """The autoencoder in a file.

    Raises:
        InvalidModelError: the file has none, or that of another model.
    """
    vae = layout.find_class("vae")
    header.check_format()
    place = {"config": str(layout.folder), "subfolder": "vae", "local_files_only": True}
    config = vae.load_config(place["config"], subfolder="vae", local_files_only=True)
    _check_shape(layout, header, config)
    tensors = load_tensors(header, dtype)
    convert = _CONVERTERS.get(layout.parts["vae"][1])
    if convert is None:
        return vae.from_single_file(tensors, **place, torch_dtype=dtype)
    state = {name: t.to(dtype) if t.is_floating_point() else t for name, t in convert(tensors, config).items()}
    return _build(vae, config, state, header.path)


def _check_shape(layout: Layout, header: WeightFile, config: dict[str, Any]) -> None:
    """Compare the decoder's first layer: its latent channels, and whether it has a dimension for time."""
    names = [prefix + name for prefix in ("", *VAE_PREFIXES) for name in _INPUTS if prefix + name in header.tensors]
    if not names:
        raise InvalidModelError(f"--vae: {header.path} has no autoencoder")
    shape = header.tensors[names[0]].shape
    is_video = "z_dim" in config
    wanted = config.get("z_dim" if is_video else "latent_channels")
    if wanted is not None and shape[1] != wanted:
        raise InvalidModelError(
            f"--vae: {header.path} is for other models: it has {shape[1]} latent channels, this model {wanted}"
        )
    if (len(shape) == 5) != is_video:
        raise InvalidModelError(
            f"--vae: {header.path} is for other models: this one ({layout.kind}) has an {layout.parts['vae'][1]}"
        )


def _build(vae: Any, config: dict[str, Any], state: dict[str, Tensor], path: Path) -> Any:
    with torch.device("meta"):
        model = vae.from_config(config)
    missing, _ = model.load_state_dict(state, strict=False, assign=True)
    if missing:
        raise InvalidModelError(f"--vae: {path} is incomplete: it lacks {missing[0]}")
    return model.eval()


def _from_wan(tensors: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    if "decoder.conv_in.weight" in tensors:
        return tensors
    named: dict[str, Tensor] = _diffusers_names().convert_wan_vae_to_diffusers(tensors)
    return named


def _from_flux2(tensors: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    if any(name.startswith("decoder.up_blocks.") for name in tensors):
        return tensors
    for nested, plain in _NESTED.items():
        tensors = {name.replace(nested, plain): tensor for name, tensor in tensors.items()}
    named: dict[str, Tensor] = _diffusers_names().convert_ldm_vae_checkpoint(tensors, config)
    return named | {name: tensor for name, tensor in tensors.items() if name.startswith("bn.")}


def _diffusers_names() -> Any:
    return import_module("diffusers.loaders.single_file_utils")


_CONVERTERS = {"AutoencoderKLQwenImage": _from_wan, "AutoencoderKLFlux2": _from_flux2}
"""Autoencoders that diffusers cannot load from single files, although it knows how their tensors are named."""

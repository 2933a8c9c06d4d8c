"""A model's folder as the single file that its first authors would have published: diffusers' names turned back."""

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_VAE = {"conv_shortcut": "nin_shortcut", "conv_norm_out": "norm_out", "mid_block.attentions.0": "mid.attn_1"}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def save_single_file(folder: Path, file: Path, pipeline: Any) -> None:
    """Write a Stable Diffusion folder, loaded as `pipeline`, as one checkpoint: with one layer a block, as here."""
    blocks = len(pipeline.unet.config.block_out_channels)
    unet = load_file(next(folder.glob("unet/*.safetensors")))
    vae = load_file(next(folder.glob("vae/*.safetensors")))
    text = load_file(next(folder.glob("text_encoder/*.safetensors")))
    tensors = {f"model.diffusion_model.{_unet_name(name, blocks)}": tensor for name, tensor in unet.items()}
    tensors |= dict(_vae_tensor(name, tensor, blocks) for name, tensor in vae.items())
    for name, tensor in text.items():
        tensors[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = tensor
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)


def vae_tensors(folder: Path, blocks: int) -> dict[str, torch.Tensor]:
    """A folder's autoencoder under the names of its first authors."""
    tensors = load_file(next(folder.glob("vae/*.safetensors")))
    named = dict(_vae_tensor(name, tensor, blocks) for name, tensor in tensors.items())
    return {name.removeprefix("first_stage_model."): tensor.contiguous() for name, tensor in named.items()}


def _unet_name(name: str, blocks: int) -> str:
    for new, old in _UNET.items():
        if name.startswith(f"{new}."):
            return name.replace(new, old, 1)
    if match := re.match(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", name):
        place = 1 if match[1] == "attentions" else 2 * int(match[2])
        return f"middle_block.{place}.{_inner(match[1], match[3])}"
    match = re.match(r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.*)", name)
    assert match, name
    side, block, kind, layer, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
    if kind == "downsamplers":
        return f"input_blocks.{2 * (block + 1)}.0.op.{rest.removeprefix('conv.')}"
    if side == "down":
        return f"input_blocks.{2 * block + layer + 1}.{int(kind == 'attentions')}.{_inner(kind, rest)}"
    if kind == "upsamplers":
        return f"output_blocks.{2 * block + 1}.{2 if block == 0 else 1}.{rest}"
    return f"output_blocks.{2 * block + layer}.{int(kind == 'attentions')}.{_inner(kind, rest)}"


def _inner(kind: str, rest: str) -> str:
    head, _, tail = rest.partition(".")
    return f"{_RESNET[head]}.{tail}" if kind == "resnets" else rest


def _vae_tensor(name: str, tensor: torch.Tensor, blocks: int) -> tuple[str, torch.Tensor]:
    if "attentions" in name:
        for new, old in _VAE_ATTENTION.items():
            name = name.replace(f".{new}.", f".{old}.")
        if name.endswith("weight") and tensor.ndim == 2:
            tensor = tensor[:, :, None, None]
    for new, old in _VAE.items():
        name = name.replace(new, old)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{blocks - 1 - int(m[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{blocks - 1 - int(m[1])}.upsample", name)
    return f"first_stage_model.{name}", tensor

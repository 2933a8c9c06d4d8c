"""A random Stable Diffusion 3 as the files that people keep in ComfyUI: original names, fp8 with scales, GGUF."""

import re
import shutil
from pathlib import Path
from typing import Any

import gguf
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

_RENAMED = {
    "pos_embed.pos_embed": "pos_embed",
    "pos_embed.proj": "x_embedder.proj",
    "time_text_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
    "time_text_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
    "time_text_embed.text_embedder.linear_1": "y_embedder.mlp.0",
    "time_text_embed.text_embedder.linear_2": "y_embedder.mlp.2",
    "proj_out": "final_layer.linear",
    "norm_out.linear": "final_layer.adaLN_modulation.1",
}
_IN_BLOCK = {
    "attn.to_out.0": "x_block.attn.proj",
    "attn.to_add_out": "context_block.attn.proj",
    "norm1.linear": "x_block.adaLN_modulation.1",
    "norm1_context.linear": "context_block.adaLN_modulation.1",
    "ff.net.0.proj": "x_block.mlp.fc1",
    "ff.net.2": "x_block.mlp.fc2",
    "ff_context.net.0.proj": "context_block.mlp.fc1",
    "ff_context.net.2": "context_block.mlp.fc2",
}
_FUSED = {
    "x_block.attn.qkv": ("to_q", "to_k", "to_v"),
    "context_block.attn.qkv": ("add_q_proj", "add_k_proj", "add_v_proj"),
}


def original_transformer(folder: Path) -> dict[str, Tensor]:
    """The transformer's tensors of a folder, under the names of the model's authors."""
    tensors = load_file(next(folder.glob("transformer/*.safetensors")))
    blocks = 1 + max(int(m[1]) for name in tensors if (m := re.match(r"transformer_blocks\.(\d+)", name)))
    named: dict[str, Tensor] = {}
    for block in range(blocks):
        for fused, parts in _FUSED.items():
            for kind in ("weight", "bias"):
                stem = f"transformer_blocks.{block}.attn"
                named[f"joint_blocks.{block}.{fused}.{kind}"] = torch.cat(
                    [tensors.pop(f"{stem}.{part}.{kind}") for part in parts]
                )
    for name, tensor in tensors.items():
        new = _original_name(name)
        is_swapped = name.startswith((f"transformer_blocks.{blocks - 1}.norm1_context", "norm_out"))
        named[new] = torch.cat(tensor.chunk(2)[::-1]) if is_swapped else tensor
    return {name: tensor.contiguous() for name, tensor in named.items()}


def _original_name(name: str) -> str:
    if match := re.match(r"transformer_blocks\.(\d+)\.(.*)\.(weight|bias)", name):
        return f"joint_blocks.{match[1]}.{_IN_BLOCK[match[2]]}.{match[3]}"
    stem, _, kind = name.rpartition(".")
    return _RENAMED.get(name) or (f"{_RENAMED[stem]}.{kind}" if stem in _RENAMED else name)


def save_split(folder: Path, target: Path, tensors: dict[str, Tensor] | None = None) -> dict[str, Path]:
    """Write a folder's model as separate files, and its configuration, without weights, beside the transformer."""
    target.mkdir(parents=True, exist_ok=True)
    transformer = target / "sd3.safetensors"
    save_file(original_transformer(folder) if tensors is None else tensors, transformer)
    shutil.copytree(
        folder, target / "sd3", ignore=shutil.ignore_patterns("*.safetensors", "notthat.json"), dirs_exist_ok=True
    )
    files = {"transformer": transformer}
    for part in ("vae", "text_encoder", "text_encoder_2", "text_encoder_3"):
        files[part] = target / f"{part}.safetensors"
        shutil.copyfile(next(folder.glob(f"{part}/*.safetensors")), files[part])
    return files


def model_name(files: dict[str, Path], *, without: tuple[str, ...] = (), **options: str) -> str:
    """The name of a split model, as the options of the command line make it."""
    encoders = [f"text_encoder={file}" for part, file in files.items() if "text" in part and part not in without]
    vae = [] if "vae" in without else [f"vae={files['vae']}"]
    return f"{files['transformer']}?" + "&".join([*encoders, *vae, *(f"{n}={v}" for n, v in options.items())])


def to_scaled_fp8(tensors: dict[str, Tensor], *, recorded: bool = False) -> dict[str, Tensor]:
    """The matrices in fp8 with a scale beside each: in ComfyUI's first form, or `recorded` for each layer."""
    found: dict[str, Tensor] = {} if recorded else {"scaled_fp8": torch.empty(2).to(torch.float8_e4m3fn)}
    for name, tensor in tensors.items():
        if not name.endswith("weight") or tensor.ndim != 2:
            found[name] = tensor
            continue
        scale = tensor.abs().max() / 448
        stem = name.removesuffix(".weight")
        found[name] = (tensor / scale).to(torch.float8_e4m3fn)
        if recorded:
            found[f"{stem}.weight_scale"] = scale
            note = b'{"format": "float8_e4m3fn"}'
            found[f"{stem}.comfy_quant"] = torch.frombuffer(bytearray(note), dtype=torch.uint8)
        else:
            found[f"{stem}.scale_weight"] = scale
    return found


def save_gguf(tensors: dict[str, Tensor], file: Path, architecture: str = "sd3") -> None:
    """Write a GGUF: matrices whose rows are full blocks as Q8_0, everything else as it is."""
    q8: Any = gguf.GGMLQuantizationType.Q8_0
    writer = gguf.GGUFWriter(str(file), architecture)
    for name, tensor in tensors.items():
        array = tensor.float().numpy()
        if array.ndim == 2 and array.shape[1] % 32 == 0 and "joint_blocks" in name:
            writer.add_tensor(name, gguf.quants.quantize(array, q8), raw_dtype=q8)
        else:
            writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

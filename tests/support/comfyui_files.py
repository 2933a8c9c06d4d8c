"""Small random flows as the files that people keep in ComfyUI: the authors' tensor names, GGUF, text encoders."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

Tensors = dict[str, Tensor]

_Z_IMAGE = {
    "all_final_layer.2-1.": "final_layer.",
    "all_x_embedder.2-1.": "x_embedder.",
    ".attention.to_out.0.": ".attention.out.",
    ".attention.norm_k.": ".attention.k_norm.",
    ".attention.norm_q.": ".attention.q_norm.",
}
_KLEIN = {
    r"^x_embedder": "img_in",
    r"^context_embedder": "txt_in",
    r"^time_guidance_embed.timestep_embedder.linear_1": "time_in.in_layer",
    r"^time_guidance_embed.timestep_embedder.linear_2": "time_in.out_layer",
    r"^(double_stream_modulation_img|double_stream_modulation_txt|single_stream_modulation).linear": r"\1.lin",
    r"^proj_out": "final_layer.linear",
    r"^norm_out.linear": "final_layer.adaLN_modulation.1",
    r"^single_transformer_blocks\.(\d+)\.attn\.to_qkv_mlp_proj": r"single_blocks.\1.linear1",
    r"^single_transformer_blocks\.(\d+)\.attn\.to_out": r"single_blocks.\1.linear2",
    r"^single_transformer_blocks\.(\d+)\.attn\.norm_q.weight": r"single_blocks.\1.norm.query_norm.scale",
    r"^single_transformer_blocks\.(\d+)\.attn\.norm_k.weight": r"single_blocks.\1.norm.key_norm.scale",
    r"^transformer_blocks": "double_blocks",
    r"\.attn\.norm_q\.weight": ".img_attn.norm.query_norm.scale",
    r"\.attn\.norm_k\.weight": ".img_attn.norm.key_norm.scale",
    r"\.attn\.norm_added_q\.weight": ".txt_attn.norm.query_norm.scale",
    r"\.attn\.norm_added_k\.weight": ".txt_attn.norm.key_norm.scale",
    r"\.attn\.to_out\.0": ".img_attn.proj",
    r"\.attn\.to_add_out": ".txt_attn.proj",
    r"\.ff\.linear_in": ".img_mlp.0",
    r"\.ff\.linear_out": ".img_mlp.2",
    r"\.ff_context\.linear_in": ".txt_mlp.0",
    r"\.ff_context\.linear_out": ".txt_mlp.2",
}
_KREA2 = {
    r"^img_in": "first",
    r"^time_embed.linear_1": "tmlp.0",
    r"^time_embed.linear_2": "tmlp.2",
    r"^time_mod_proj": "tproj.1",
    r"^txt_in.norm.weight": "txtmlp.0.scale",
    r"^txt_in.linear_1": "txtmlp.1",
    r"^txt_in.linear_2": "txtmlp.3",
    r"^text_fusion": "txtfusion",
    r"^transformer_blocks": "blocks",
    r"^final_layer.linear": "last.linear",
    r"^final_layer.norm.weight": "last.norm.scale",
    r"^final_layer.scale_shift_table": "last.modulation.lin",
    r"\.attn\.to_q\.": ".attn.wq.",
    r"\.attn\.to_k\.": ".attn.wk.",
    r"\.attn\.to_v\.": ".attn.wv.",
    r"\.attn\.to_out\.0\.": ".attn.wo.",
    r"\.attn\.to_gate\.": ".attn.gate.",
    r"\.attn\.norm_q\.weight": ".attn.qknorm.qnorm.scale",
    r"\.attn\.norm_k\.weight": ".attn.qknorm.knorm.scale",
    r"\.ff\.": ".mlp.",
    r"\.norm1\.weight": ".prenorm.scale",
    r"\.norm2\.weight": ".postnorm.scale",
    r"\.scale_shift_table": ".mod.lin",
}
_WAN_VAE = {
    r"^quant_conv": "conv1",
    r"^post_quant_conv": "conv2",
    r"coder\.conv_in": "coder.conv1",
    r"coder\.norm_out": "coder.head.0",
    r"coder\.conv_out": "coder.head.2",
    r"mid_block\.resnets\.0": "middle.0",
    r"mid_block\.resnets\.1": "middle.2",
    r"mid_block\.attentions\.0": "middle.1",
    r"^encoder\.down_blocks": "encoder.downsamples",
    r"conv_shortcut": "shortcut",
}
_WAN_RESNET = {"norm1": "residual.0", "conv1": "residual.2", "norm2": "residual.3", "conv2": "residual.6"}


def read_part(folder: Path, part: str) -> Tensors:
    """The tensors of a part of a folder in diffusers' layout."""
    return load_file(next(folder.glob(f"{part}/*.safetensors")))


def original_transformer(kind: str, folder: Path) -> Tensors:
    """The transformer's tensors of a folder under the names of its authors; diffusers' where these need true sizes."""
    tensors = read_part(folder, "transformer")
    convert = {"z-image": _original_z_image, "klein": _original_klein, "krea2": _original_krea2}.get(kind)
    return {name: tensor.contiguous() for name, tensor in (convert(tensors) if convert else tensors).items()}


def _original_z_image(tensors: Tensors) -> Tensors:
    named: Tensors = {}
    for name, tensor in tensors.items():
        for new, old in _Z_IMAGE.items():
            name = name.replace(new, old)
        named[name] = tensor
    return _fuse(named, r"(.*\.attention)\.to_(q)\.weight", r"{}.to_{}.weight", "qkv", "{}.qkv.weight") | {
        "norm_final.weight": torch.ones(4)  # which the authors' file has, and no model reads
    }


def _original_klein(tensors: Tensors) -> Tensors:
    tensors = dict(tensors)
    scale, shift = tensors["norm_out.linear.weight"].chunk(2)
    tensors["norm_out.linear.weight"] = torch.cat([shift, scale])
    tensors = _fuse(tensors, r"(.*)\.attn\.to_(q)\.weight", "{}.attn.to_{}.weight", "qkv", "{}.img_attn.qkv.weight")
    tensors = _fuse(
        tensors, r"(.*)\.attn\.add_(q)_proj\.weight", "{}.attn.add_{}_proj.weight", "qkv", "{}.txt_attn.qkv.weight"
    )
    return _rename(tensors, _KLEIN)


def _original_krea2(tensors: Tensors) -> Tensors:
    flat = {
        name: tensor.flatten() if name.startswith("transformer_blocks.") and "scale_shift_table" in name else tensor
        for name, tensor in tensors.items()
    }
    return _rename(flat, _KREA2)


def wan_vae(tensors: Tensors) -> Tensors:
    """Qwen-Image's autoencoder of four levels under the names of Wan's authors, as ComfyUI has it."""
    named: Tensors = {}
    for name, tensor in _rename(tensors, _WAN_VAE).items():
        name = re.sub(r"^decoder\.up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"decoder.upsamples.{_place(m)}", name)
        name = re.sub(
            r"^decoder\.up_blocks\.(\d)\.upsamplers\.0", lambda m: f"decoder.upsamples.{4 * int(m[1]) + 3}", name
        )
        if re.search(r"samples\.\d+\.(norm|conv)\d|middle\.[02]", name):
            for new, old in _WAN_RESNET.items():
                name = name.replace(f".{new}.", f".{old}.")
        named[name] = tensor
    return named


def _place(match: re.Match[str]) -> int:
    return 4 * int(match[1]) + int(match[2])


def _rename(tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> Tensors:
    found: Tensors = {}
    for name, tensor in tensors.items():
        for pattern, new in names.items():
            name = re.sub(pattern, new, name)
        found[name] = tensor
    return found


def _fuse(tensors: Tensors, pattern: str, part: str, letters: str, fused: str) -> Tensors:
    """Join the projections of each attention that `pattern` finds."""
    found = dict(tensors)
    for name in tensors:
        if match := re.fullmatch(pattern, name):
            found[fused.format(match[1])] = torch.cat([found.pop(part.format(match[1], each)) for each in letters])
    return found


def language_model(folder: Path) -> Tensors:
    """A text encoder's tensors as its authors name them: with `model.`, and `visual.` outside it."""
    named: Tensors = {}
    for name, tensor in read_part(folder, "text_encoder").items():
        plain = re.sub(r"^(model\.|language_model\.)+", "", name)
        named[plain if plain.startswith(("visual.", "lm_head.")) else f"model.{plain}"] = tensor
    return named


def save_files(kind: str, folder: Path, target: Path, *, transformer: Tensors | None = None) -> dict[str, Path]:
    """Write a flow as separate files, and its configuration, without weights, beside the transformer."""
    target.mkdir(parents=True, exist_ok=True)
    files = {part: target / f"{part}.safetensors" for part in ("transformer", "text_encoder", "vae")}
    save_file(transformer or original_transformer(kind, folder), files["transformer"])
    encoder = read_part(folder, "text_encoder") if kind == "chroma" else language_model(folder)
    save_file(encoder, files["text_encoder"])
    shutil.copyfile(next(folder.glob("vae/*.safetensors")), files["vae"])
    save_configuration(folder, files["transformer"])
    return files


def save_configuration(folder: Path, file: Path) -> None:
    """Copy a folder's configuration beside a file of weights."""
    ignored = shutil.ignore_patterns("*.safetensors", "notthat.json")
    shutil.copytree(folder, file.with_suffix(""), ignore=ignored, dirs_exist_ok=True)


def model_name(files: Mapping[str, Path], **options: str) -> str:
    """The name of a model of separate files."""
    query = {"text_encoder": files["text_encoder"], "vae": files["vae"], **options}
    return f"{files['transformer']}?" + "&".join(f"{name}={value}" for name, value in query.items())


def save_gguf(tensors: Tensors, file: Path, architecture: str, *, quantized: str = "") -> None:
    """Write a GGUF: matrices whose rows are full blocks, and whose names match `quantized`, as Q8_0."""
    q8: Any = gguf.GGMLQuantizationType.Q8_0
    writer = gguf.GGUFWriter(str(file), architecture)
    for name, tensor in tensors.items():
        array = tensor.float().numpy()
        if array.ndim == 2 and array.shape[1] % 32 == 0 and re.search(quantized or ".", name):
            writer.add_tensor(name, gguf.quants.quantize(array, q8), raw_dtype=q8)
        else:
            writer.add_tensor(name, array)
    _finish(writer)


def save_text_encoder_gguf(folder: Path, file: Path, architecture: str) -> None:
    """Write the language model of a folder as llama.cpp would, in single precision, without its vocabulary."""
    is_t5 = architecture == "t5encoder"
    tensors = read_part(folder, "text_encoder") if is_t5 else language_model(folder)
    layers = 1 + max(int(m[1]) for name in tensors if (m := re.search(r"(?:layers|block)\.(\d+)", name)))
    kinds = {name: kind for kind, name in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(kinds[architecture], layers)
    writer = gguf.GGUFWriter(str(file), architecture)
    writer.add_block_count(layers)
    for name, tensor in tensors.items():
        array = tensor.float().numpy()
        if architecture == "gemma2" and "norm" in name:
            array = array + 1  # llama.cpp stores a norm's factor, and Gemma's authors its difference from 1
        writer.add_tensor(str(names.get_name(name, (".weight", ".bias"))), array)
    _finish(writer)


def _finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

"""Reads the tensors of a file. Weights in fp8 with a scale beside each are multiplied out, since diffusers cannot."""

from collections.abc import Iterator

import torch
from safetensors import safe_open
from torch import Tensor

from .weight_files import WeightFile

_SCALES = (".scale_weight", ".weight_scale")
"""What ComfyUI calls the scale of `.weight`: in its first files, and since it records a format for each layer."""
_NOT_WEIGHTS = (*_SCALES, ".scale_input", ".input_scale", ".comfy_quant", "scaled_fp8")
"""Tensors that only describe how others are quantised."""
_FP8 = (torch.float8_e4m3fn, torch.float8_e5m2)


def load_tensors(file: WeightFile, dtype: torch.dtype) -> dict[str, Tensor]:
    """A file's tensors by name; those in fp8 as `dtype`."""
    if not file.has_fp8_scales and not any(each.format.startswith("F8_") for each in file.tensors.values()):
        with safe_open(file.path, framework="pt") as tensors:
            return {name: tensors.get_tensor(file.prefix + name) for name in file.tensors}
    return dict(_dequantize(file, dtype))


def _dequantize(file: WeightFile, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
    with safe_open(file.path, framework="pt") as tensors:
        for name in file.tensors:
            if name.endswith(_NOT_WEIGHTS):
                continue
            tensor = tensors.get_tensor(file.prefix + name)
            if tensor.dtype in _FP8:
                stem = name.removesuffix(".weight")
                scale = next((stem + end for end in _SCALES if stem + end in file.tensors), None)
                tensor = tensor.float()
                if scale is not None:
                    tensor *= _broadcast(tensors.get_tensor(file.prefix + scale).float(), tensor)
                tensor = tensor.to(dtype)
            yield name, tensor


def _broadcast(scale: Tensor, weight: Tensor) -> Tensor:
    """A scale for the whole weight, or one for each of its rows, in a shape that multiplies it."""
    return scale.reshape(()) if scale.numel() == 1 else scale.reshape(-1, *[1] * (weight.ndim - 1))

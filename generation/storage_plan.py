"""How a model's weights are stored: quantised, offloaded, or as they are. Chosen from the free memory if not said."""

import importlib.util
from dataclasses import dataclass, replace
from typing import Literal

from .errors import InvalidModelError
from .model_name import Offload, Quantize

_GIB = 1 << 30
_RESERVE = 2 * _GIB
"""Estimate of what activations need for a picture of 1024 x 1024 pixels, in bytes."""
_NF4_SHARE = 0.3
"""Size of nf4 weights relative to half precision: 4 of 16 bits, and their scales."""


@dataclass(frozen=True)
class WeightStorage:
    """How weights are stored on the device. It decides the pixels only by `quantize`."""

    quantize: Quantize | Literal["gguf"] = "none"
    offload: Offload = "none"

    @property
    def is_quantized(self) -> bool:
        return self.quantize != "none"

    @property
    def is_offloaded(self) -> bool:
        return self.offload != "none"


@dataclass(frozen=True)
class PartSizes:
    """Bytes in half precision: of the denoiser, of the largest other part, and of all parts."""

    denoiser: int
    other: int
    total: int


def check_storage(storage: WeightStorage, device: str) -> None:
    """Raise `InvalidModelError` if this machine cannot store weights so. `device` is a type such as `cuda`."""
    if storage.is_offloaded and device != "cuda":
        raise InvalidModelError(f"--offload {storage.offload} needs an NVIDIA GPU, and this model runs on the {device}")
    if storage.quantize == "nf4" and (device != "cuda" or not has_library("bitsandbytes")):
        missing = "an NVIDIA GPU" if device != "cuda" else "bitsandbytes (pip install 'notthat[quantize]')"
        raise InvalidModelError(f"--quantize nf4 needs {missing}: install it, or use --quantize int8 or fp8")
    if storage.quantize == "int8" and not has_library("torchao"):
        raise InvalidModelError("--quantize int8 needs torchao: pip install 'notthat[quantize]', or use --quantize fp8")


def choose_offload(sizes: PartSizes, free: int, device: str, quantize: str) -> WeightStorage:
    """`quantize` as the user said, and the first way to offload with which it fits into `free` bytes."""
    share = {"nf4": _NF4_SHARE, "int8": 0.5, "fp8": 0.5}.get(quantize, 1.0)
    storage = WeightStorage(quantize)  # type: ignore[arg-type]
    if device != "cuda" or sizes.total * share + _RESERVE <= free:
        return storage
    if max(sizes.denoiser, sizes.other) * share + _RESERVE <= free or storage.is_quantized:
        return replace(storage, offload="model")
    return replace(storage, offload="group")


def choose_storage(sizes: PartSizes, free: int, device: str) -> WeightStorage:
    """The first that fits into `free` bytes: as it is; parts by turns; these in fp8; in nf4; layers by turns."""
    if device == "cpu":  # in single precision
        return WeightStorage() if 2 * sizes.total <= free else WeightStorage("fp8")
    if device != "cuda" or sizes.total + _RESERVE <= free:
        return WeightStorage()
    largest = max(sizes.denoiser, sizes.other) + _RESERVE
    if largest <= free:
        return WeightStorage("none", "model")
    if largest - max(sizes.denoiser, sizes.other) // 2 <= free:
        return WeightStorage("fp8", "model")
    if has_library("bitsandbytes") and max(sizes.denoiser, sizes.other) * _NF4_SHARE + _RESERVE <= free:
        return WeightStorage("nf4", "model")
    return WeightStorage("none", "group")


def explain_storage(model: str, sizes: PartSizes, free: int, storage: WeightStorage) -> str:
    """One line that tells what was chosen, and why."""
    options = [f"--quantize {storage.quantize}"] if storage.is_quantized else []
    options += [f"--offload {storage.offload}"] if storage.is_offloaded else []
    need, room = sizes.total / _GIB, free / _GIB
    return (
        f"{model} has {need:.1f} GiB of weights and {room:.1f} GiB are free, so it is loaded with {' '.join(options)}."
    )


def has_library(name: str) -> bool:
    """Whether a library is installed."""
    return importlib.util.find_spec(name) is not None

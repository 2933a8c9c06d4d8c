"""Headers of weight files: names, shapes and formats of tensors. Loads no weights and needs no torch."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open

from .errors import InvalidModelError

SUFFIXES = (".safetensors", ".gguf")
"""The weight files that can be read."""

VAE_PREFIXES = ("first_stage_model.", "vae.")
"""Prefixes of an autoencoder inside a checkpoint: the file is a whole model."""
_TEXT_ENCODER = re.compile(r"text_encoders\.[^.]+\.transformer\.")
GGUF_EMBEDDING = "token_embd.weight"
"""The text embedding in llama.cpp's naming, which every GGUF of a text model has."""
_FP8_SCALES = (".scale_weight", ".weight_scale")
_FOREIGN_FORMATS = {".wscales": "svdq", ".weight_scale_2": "nvfp4"}
"""Endings of tensor names that only one format has."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class TensorInfo:
    """A tensor's shape and format, such as `BF16` or `Q4_K`."""

    shape: tuple[int, ...]
    format: str

    @property
    def elements(self) -> int:
        count = 1
        for side in self.shape:
            count *= side
        return count


@dataclass(frozen=True)
class WeightFile:
    """What the header of a `.safetensors` or `.gguf` file says."""

    path: Path
    tensors: Mapping[str, TensorInfo]
    architecture: str | None = None
    """Of a GGUF."""
    stored_bytes: int = 0
    quantizations: frozenset[str] = frozenset()
    """Formats that ComfyUI recorded for single layers, such as `float8_e4m3fn`."""
    prefix: str = ""
    """What the file writes before each name, if this is one part of a whole model."""

    @property
    def is_gguf(self) -> bool:
        return self.path.suffix == ".gguf"

    @property
    def is_text_model(self) -> bool:
        """Whether it is a GGUF of a text encoder or language model."""
        return self.is_gguf and GGUF_EMBEDDING in self.tensors

    @cached_property
    def is_whole(self) -> bool:
        """Whether the file has an autoencoder, and not the denoiser alone."""
        return any(name.startswith(VAE_PREFIXES) for name in self.tensors)

    @cached_property
    def has_fp8_scales(self) -> bool:
        """Whether weights are stored in fp8 with a scale beside each, as ComfyUI's `fp8_scaled` files are."""
        return any(name.endswith(_FP8_SCALES) for name in self.tensors)

    @cached_property
    def text_encoder_prefixes(self) -> list[str]:
        """What ComfyUI writes before the names of each text encoder of a whole model."""
        return sorted({match[0] for name in self.tensors if (match := _TEXT_ENCODER.match(name))})

    def part(self, prefix: str) -> "WeightFile":
        """The tensors whose names begin with a prefix, without it."""
        found = {name.removeprefix(prefix): each for name, each in self.tensors.items() if name.startswith(prefix)}
        return replace(self, tensors=found, prefix=self.prefix + prefix)

    @property
    def loaded_bytes(self) -> int:
        """The memory of the weights as they are loaded: a GGUF that draws as it is, all else in half precision."""
        if self.is_gguf and not self.is_text_model:
            return self.stored_bytes
        return sum(2 * tensor.elements for tensor in self.tensors.values())

    def check_format(self) -> None:
        """Raise `InvalidModelError` if the weights are quantised in a format that cannot be read."""
        found = {name for name in self.quantizations if not name.startswith("float8_e")}
        found |= {kind for end, kind in _FOREIGN_FORMATS.items() if any(name.endswith(end) for name in self.tensors)}
        if found:
            raise InvalidModelError(
                f"{self.path} is quantised as {', '.join(sorted(found))}, which is not supported: "
                "use its fp8_scaled, GGUF or half precision file"
            )


def read_header(path: Path) -> WeightFile:
    """Read a file's header.

    Raises:
        InvalidModelError: the file is incomplete or in another format.
    """
    return _read_gguf(path) if path.suffix == ".gguf" else _read_safetensors(path)


def _read_safetensors(path: Path) -> WeightFile:
    def read() -> WeightFile:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
            tensors = {n: TensorInfo(tuple(each.get_shape()), each.get_dtype()) for n, each in slices.items()}
            notes = [json.loads(bytes(file.get_tensor(n))) for n in tensors if n.endswith(".comfy_quant")]
            layers = json.loads((file.metadata() or {}).get("_quantization_metadata", "{}")).get("layers", {})
        formats = frozenset(str(note["format"]) for note in [*notes, *layers.values()] if "format" in note)
        return WeightFile(path, tensors, None, path.stat().st_size, formats)

    return _read(path, read)


def _read_gguf(path: Path) -> WeightFile:
    try:
        import gguf
    except ImportError:
        raise InvalidModelError(f"{path}: reading a GGUF needs pip install 'notthat[gguf]'") from None

    def read() -> WeightFile:
        reader: Any = gguf.GGUFReader(path)
        tensors = {
            each.name: TensorInfo(tuple(int(side) for side in each.shape[::-1]), each.tensor_type.name)
            for each in reader.tensors
        }
        field = reader.get_field("general.architecture")
        return WeightFile(path, tensors, str(field.contents()) if field else None, path.stat().st_size)

    return _read(path, read)


def _read(path: Path, read: Callable[[], Result]) -> Result:
    try:
        return read()
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise InvalidModelError(f"{path} can't be loaded: it is incomplete or no weight file ({reason})") from None

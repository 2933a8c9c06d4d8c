"""The scale of a LoRA that its file has in its metadata, where PEFT and diffusers write it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from safetensors import safe_open

from .errors import InvalidRequestError

_KEY = "lora_adapter_metadata"
"""Where diffusers keeps the fields of PEFT's `LoraConfig`, each with the name of the model's part before it."""


@dataclass(frozen=True)
class LoraSettings:
    """The settings of each part of a model; without any, a layer's scale is 1."""

    parts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def scale(self, path: str, rank: int) -> float:
        """Alpha / rank of a layer, or alpha / sqrt(rank) where the file says rsLoRA (arXiv:2312.03732)."""
        part, _, layer = path.partition(".")
        settings = self.parts.get(part, {})
        alpha = settings.get("lora_alpha", rank)
        patterns = settings.get("alpha_pattern")
        for pattern, value in (patterns if isinstance(patterns, dict) else {}).items():
            if re.fullmatch(rf"(.*\.)?({pattern})", layer):
                alpha = value
                break
        return float(str(alpha)) / (rank**0.5 if settings.get("use_rslora") else rank)


def read_settings(file: str) -> LoraSettings:
    """The settings in the metadata of a `.safetensors` file.

    Raises:
        InvalidRequestError: they can't be read, or say that the file is a DoRA.
    """
    with safe_open(file, framework="pt") as tensors:
        text = (tensors.metadata() or {}).get(_KEY)
    if not text:
        return LoraSettings()
    parts: dict[str, dict[str, object]] = {}
    try:
        for name, value in json.loads(text).items():
            part, _, setting = name.partition(".")
            parts.setdefault(part, {})[setting] = value
    except (ValueError, AttributeError):
        raise InvalidRequestError(f"--lora: the metadata of {file} can't be read: remove its “{_KEY}”") from None
    if any(settings.get("use_dora") for settings in parts.values()):
        raise InvalidRequestError(f"--lora: {file} is a DoRA, which is not supported: use a plain LoRA")
    return LoraSettings(parts)

"""Refuse models with missing weights, which transformers would fill with random numbers."""

import json
from collections.abc import Container, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from .errors import InvalidModelError


def load_text_encoders(folder: Path, absent: Container[str], **options: Any) -> dict[str, torch.nn.Module]:
    """The text encoders of a folder in diffusers' layout but those `absent`, by name, each complete.

    Raises:
        InvalidModelError: a weight is missing.
    """
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    parts = {}
    for name, entry in index.items():
        if (
            isinstance(entry, list)
            and entry[0] == "transformers"
            and name.startswith("text_encoder")
            and name not in absent
        ):
            kind: Any = getattr(import_module("transformers"), entry[1])
            part, found = kind.from_pretrained(
                folder / name, local_files_only=True, output_loading_info=True, **options
            )
            _refuse_missing(f"{folder / name}", found["missing_keys"])
            parts[name] = part
    return parts


def refuse_missing_weights(model: str, pipeline: Any) -> None:
    """Refuse a pipeline where a weight of a part has no data, since its file has none.

    Raises:
        InvalidModelError: a weight is missing.
    """
    for name, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module):
            _refuse_missing(f"{model}: {name}", (key for key, value in part.named_parameters() if value.is_meta))


def _refuse_missing(place: str, keys: Iterable[str]) -> None:
    missing = sorted(keys)
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InvalidModelError(f"{place} lacks the weights “{missing[0]}”{more}: download the model again")

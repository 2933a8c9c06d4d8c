"""Where a judge's model is, and which kind it is. What can be checked without loading it is checked here."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .base import JudgeError

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")

KINDS = ("sam3", "sam3_video", "owlv2", "siglip", "siglip2")
"""The `model_type` of the models that can judge."""


@dataclass(frozen=True)
class JudgeSource:
    """The name that the user gave, the folder with the files, and the `model_type` of its `config.json`."""

    name: str
    folder: Path
    kind: str


def locate_judge(name: str) -> JudgeSource:
    """The model of a hub id or a folder in transformers' layout. A hub id is downloaded, if it is not here already.

    Raises:
        JudgeError: there is no such model, or it can't judge.
    """
    folder = Path(name).expanduser()
    if not name or not folder.is_dir():
        if not _HUB_ID.fullmatch(name) or folder.exists():
            raise JudgeError(f"there is no judge “{name}”: name mini, llm, a hub id or a folder")
        folder = _download(name)
    return JudgeSource(name, folder, _model_type(name, folder))


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = ["*.json", "*.safetensors", "*.txt", "*.model"]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, OSError) as error:
        raise JudgeError(
            f"the judge {name} is not complete on this machine, and the hub can't be reached, refuses it or has no "
            "such model"
        ) from error


def _model_type(name: str, folder: Path) -> str:
    try:
        config: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise JudgeError(f"{name} is no judge: it has no config.json") from None
    except (OSError, ValueError):
        raise JudgeError(f"{name} is no judge: its config.json can't be read") from None
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind not in KINDS:
        raise JudgeError(f"{name} is no judge: its type is {kind}, and {', '.join(KINDS)} can judge")
    return str(kind)

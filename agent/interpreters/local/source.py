"""Where the files of a language model are. What can be checked without loading the model is checked here."""

import json
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ....errors import InvalidInputError

_HUB_ID = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?")
_MAGIC = b"GGUF"


class InvalidLanguageModelError(InvalidInputError):
    """The language model does not exist, can't be read, or is something else."""


@dataclass(frozen=True)
class ModelSource:
    """A folder or a hub id, as `from_pretrained` takes it, and the name of a GGUF file in the folder."""

    location: str
    gguf_file: str | None = None


def locate_language_model(name: str) -> ModelSource:
    """The source of a model: a hub id, a folder in transformers' layout, or a `.gguf` file.

    Raises:
        InvalidLanguageModelError: it is none of these, or a package that is needed is not installed.
    """
    _require_packages("llguidance")
    path = Path(name).expanduser()
    if path.is_dir():
        _check_folder(path)
        return ModelSource(str(path))
    if path.is_file():
        _require_packages("gguf")
        _check_gguf(path)
        return ModelSource(str(path.parent), path.name)
    if path.suffix == ".gguf" or not _HUB_ID.fullmatch(name):
        raise InvalidLanguageModelError(
            f"NOTTHAT_LLM: no language model “{name}”: give a hub id, a folder or a .gguf file"
        )
    return ModelSource(name)


def _require_packages(*names: str) -> None:
    for name in names:
        if find_spec(name) is None:
            raise InvalidLanguageModelError(f"{name} is not installed: pip install 'notthat[local]'")


def _check_folder(folder: Path) -> None:
    """Raise if a folder has no configuration of a language model."""
    if (folder / "model_index.json").is_file():
        raise InvalidLanguageModelError(f"NOTTHAT_LLM: {folder} is an image model: give it to --model or NOTTHAT_MODEL")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidLanguageModelError(f"NOTTHAT_LLM: {folder} is no language model: it has no config.json") from None
    except (OSError, ValueError):
        raise InvalidLanguageModelError(f"NOTTHAT_LLM: {folder}/config.json can't be read") from None
    if not isinstance(config, dict) or not config.get("model_type"):
        raise InvalidLanguageModelError(f"NOTTHAT_LLM: {folder} is no language model: config.json has no model_type")


def _check_gguf(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            magic = opened.read(len(_MAGIC))
    except OSError as error:
        raise InvalidLanguageModelError(f"NOTTHAT_LLM: {file} can't be read: {error.strerror}") from None
    if magic != _MAGIC:
        raise InvalidLanguageModelError(f"NOTTHAT_LLM: {file} is no GGUF file: give a .gguf file, a folder or a hub id")

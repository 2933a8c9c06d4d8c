"""Find models: the built-in one, folders in diffusers' layout, single files, hub ids."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from .delayed_negative import DelayedNegative
from .errors import InvalidModelError
from .model_name import ModelName
from .request import Method, Weighting
from .weight_files import SUFFIXES

BUILT_IN = "mini"
"""The model that comes with the package."""

INDEX = "model_index.json"
"""The file of a folder in diffusers' layout that names the pipeline and its parts."""
_ABOUT = "notthat.json"


class ModelDefaults(BaseModel):
    """The contents of a model folder's optional `notthat.json`: defaults and vocabulary.

    With a `vocabulary`, all other words count as unknown. Without one, as in published models, no word does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    num_inference_steps: int | None = Field(default=None, ge=1)
    guidance_scale: float | None = Field(default=None, ge=0)
    width: int | None = Field(default=None, ge=8)
    height: int | None = Field(default=None, ge=8)
    joining_share: float | None = Field(default=None, ge=0, lt=1)
    joining: dict[str, DelayedNegative] | None = None
    guidance_rescale: float | None = Field(default=None, ge=0, le=1)
    weighting: Weighting | None = None
    guided_method: Method | None = None
    unguided_method: Method | None = None
    vocabulary: frozenset[str] | None = None

    @property
    def request_defaults(self) -> dict[str, Any]:
        """The defaults that the file sets."""
        named = self.model_dump(exclude_none=True, exclude={"vocabulary", "joining"})
        return named if self.joining is None else {**named, "joining": tuple(self.joining.values())}


@dataclass(frozen=True)
class Model:
    """A model on this machine. `kind` is diffusers' pipeline class, or "unreadable" if the index cannot be read."""

    name: str
    path: Path
    kind: str


def locate_model(model: str) -> Path | str:
    """The folder or file of a model, or its hub id unchanged.

    Raises:
        InvalidModelError: it is neither the built-in model, nor a path to a model, nor formed like a hub id.
    """
    if model == BUILT_IN:
        return _built_in_path()
    path = Path(model).expanduser()
    if path.is_dir():
        if not (path / INDEX).is_file():
            raise InvalidModelError(f"{model} is no model folder: it has no {INDEX}")
        return path
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise InvalidModelError(f"{model} is no .safetensors or .gguf file")
        return path
    if model.count("/") != 1 or model.startswith((".", "/", "~")) or path.suffix in SUFFIXES:
        raise InvalidModelError(
            f"no model “{model}”: give `{BUILT_IN}`, a folder in diffusers' layout, "
            "a .safetensors or .gguf file, a name in NOTTHAT_MODELS, or a hub id (owner/name)"
        )
    return model


def model_kind(folder: Path) -> str:
    """The pipeline class in a folder's index.

    Raises:
        InvalidModelError: the index cannot be read.
    """
    try:
        return str(json.loads((folder / INDEX).read_text(encoding="utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InvalidModelError(f"{folder} is no model folder: its {INDEX} can't be read") from None


def load_defaults(folder: Path) -> ModelDefaults:
    """The contents of a folder's `notthat.json`; empty if there is none.

    Raises:
        InvalidModelError: the file cannot be read.
    """
    path = folder / _ABOUT
    if not path.is_file():
        return ModelDefaults()
    try:
        return ModelDefaults.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InvalidModelError(
            f"{path} can't be read: it may contain {', '.join(ModelDefaults.model_fields)}"
        ) from None


def to_absolute(model: str) -> str:
    """The model's name, with paths made absolute, so that it means the same in every working directory."""

    def absolute(name: str) -> str:
        path = Path(name).expanduser()
        return str(path.absolute()) if name != BUILT_IN and path.exists() else name

    return str(ModelName.parse(model).map_files(absolute))


def list_models(folder: Path) -> list[Model]:
    """The built-in model, and the models in the subfolders of `folder`."""
    own = [index.parent for index in sorted(folder.glob(f"*/{INDEX}"))]
    named = [(BUILT_IN, _built_in_path()), *((str(path), path) for path in own)]
    return [Model(name, path, _readable_kind(path)) for name, path in named]


def _readable_kind(folder: Path) -> str:
    try:
        return model_kind(folder)
    except InvalidModelError:
        return "unreadable"


def _built_in_path() -> Path:
    return Path(__file__).parent / "mini" / "weights"

"""Models in folders: NOTTHAT_HOME/models, and the `models` folder of ComfyUI, AUTOMATIC1111 or Forge."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .errors import InvalidModelError
from .families import SUPPORTED
from .families.pipeline_support import is_supported
from .families.variants import few_step_defaults, is_few_step
from .file_kinds import FILE_KINDS, find_kind
from .model_catalog import BUILT_IN, INDEX, locate_model, model_kind
from .model_name import ModelName
from .weight_files import SUFFIXES, read_header

_MODELS = ("", "checkpoints", "diffusion_models", "unet", "diffusers", "Stable-diffusion")
_TEXT_ENCODERS = ("text_encoders", "clip", "text_encoder")
_VAES = ("vae", "VAE")
"""Subfolders of ComfyUI, AUTOMATIC1111 and Forge by what they contain; "" is the folder itself."""

FAMILIES = {
    "StableDiffusionPipeline": ("Stable Diffusion 1 or 2", "guidance"),
    "LatentConsistencyModelPipeline": ("Latent Consistency", "attention"),
    "StableDiffusionXLPipeline": ("Stable Diffusion XL", "guidance"),
    "StableDiffusion3Pipeline": ("Stable Diffusion 3", "guidance"),
    "FluxPipeline": ("Flux", "attention"),
    "ZImagePipeline": ("Z-Image", "guidance"),
    "QwenImagePipeline": ("Qwen-Image", "guidance"),
    "QwenImage21Pipeline": ("Qwen-Image 2.1", "attention"),
    "Lumina2Pipeline": ("Lumina 2", "guidance"),
    "ChromaPipeline": ("Chroma", "guidance"),
    "Flux2KleinPipeline": ("Flux.2 klein", "guidance"),
    "Krea2Pipeline": ("Krea 2", "guidance"),
}
"""The name of each pipeline's family, and how exclusions act on it by default."""

COMPANIONS = {
    "FluxPipeline": ("clip_l", "t5xxl", "ae"),
    "ZImagePipeline": ("qwen_3_4b", "ae"),
    "QwenImagePipeline": ("qwen_2.5_vl_7b", "qwen_image_vae"),
    "Lumina2Pipeline": ("gemma_2_2b", "ae"),
    "ChromaPipeline": ("t5xxl", "ae"),
    "Flux2KleinPipeline": ("qwen_3_4b or qwen_3_8b", "flux2-vae"),
    "Krea2Pipeline": ("qwen3vl_4b", "qwen_image_vae"),
}
"""What ComfyUI calls the files that complete a transformer: its text encoders, and last its autoencoder."""


@dataclass(frozen=True)
class LibraryModel:
    """A model in a folder. Nothing of it is loaded: only the headers of its files are read."""

    name: str
    path: Path
    kind: str
    """diffusers' pipeline class; "unknown", or "unreadable"."""
    memory: int | None = None
    """Bytes of the weights as they are loaded on a GPU, without what activations need."""
    is_complete: bool = True
    """Whether it needs no other files: False for a transformer alone."""
    problem: str | None = None

    @property
    def family(self) -> str:
        return FAMILIES.get(self.kind, (self.kind, ""))[0]

    @property
    def exclusions(self) -> str:
        """How exclusions act by default: by `guidance`, by `attention`, or "not supported"."""
        if not is_supported(self.kind) or (self.path.is_file() and self.kind not in FILE_KINDS):
            return "not supported"
        return "attention" if self._is_distilled else FAMILIES.get(self.kind, ("", "guidance"))[1]

    @property
    def needs(self) -> tuple[str, ...]:
        """The files that complete a transformer, as ComfyUI calls them; the last one is the autoencoder."""
        return () if self.is_complete else COMPANIONS.get(self.kind, ())

    @property
    def _is_distilled(self) -> bool:
        """Whether it runs without guidance, by its name or by its pipeline's configuration."""
        if self.kind not in SUPPORTED:
            return False
        if few_step_defaults(self.path.stem, None, built_in=False) or _is_few_step_folder(self.path):
            return True
        return self.path.is_file() and self.kind == "Flux2KleinPipeline" and "base" not in self.path.stem.lower()


def find_model(model: str, folders: Iterable[Path]) -> str:
    """The model's name, with paths in place of names of files in the folders. Other names stay as they are.

    A file is found by its path in its folder, as ComfyUI shows it, or by its name, both with or without the ending.

    Raises:
        InvalidModelError: a name fits several files.
    """
    name, places = ModelName.parse(model), tuple(folders)
    encoders = tuple(_find(file, places, _TEXT_ENCODERS) for file in name.text_encoders)
    vae = name.vae and _find(name.vae, places, _VAES)
    return str(replace(name, model=_find(name.model, places, _MODELS), text_encoders=encoders, vae=vae))


def list_library(folders: Iterable[Path]) -> list[LibraryModel]:
    """The built-in model and the models in the folders, each with its family and memory.

    Models directly in a folder are named by their path, those in its subfolders by their path there.
    """
    places = tuple(folders)
    named = [(str(path) if path.parent in places else name, path) for name, path in _entries(places, _MODELS)]
    return [_describe(name, path) for name, path in [(BUILT_IN, Path(locate_model(BUILT_IN))), *named]]


def _find(name: str, folders: Iterable[Path], subfolders: tuple[str, ...]) -> str:
    if name == BUILT_IN or Path(name).expanduser().exists():
        return name
    found = {path for known, path in _entries(folders, subfolders) if name in _names(known, path)}
    if len(found) > 1:
        raise InvalidModelError(f"“{name}” fits several files, {', '.join(map(str, sorted(found)))}: give the path")
    return str(found.pop().absolute()) if found else name


def _names(name: str, path: Path) -> set[str]:
    """What a user may call a file."""
    return {name, path.name} | {each.removesuffix(path.suffix) for each in (name, path.name) if path.is_file()}


def _entries(folders: Iterable[Path], subfolders: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Weight files and folders in diffusers' layout, with their path inside their subfolder."""
    for folder in folders:
        for place in {(folder / each).resolve(): folder / each for each in subfolders}.values():
            if place.is_dir():
                deep = place != folder
                yield from ((path.relative_to(place).as_posix(), path) for path in _entries_of(place, deep))


def _entries_of(place: Path, deep: bool) -> list[Path]:
    """Folders in diffusers' layout, then weight files; without `deep`, only directly in `place`. Follows links."""
    pipelines: list[Path] = []
    files: list[Path] = []
    seen: set[Path] = set()
    for root, folders, names in os.walk(place, followlinks=True):
        here = Path(root)
        is_pipeline = INDEX in names and here != place
        if is_pipeline and not _is_configuration(here):
            pipelines.append(here)
        if is_pipeline or here.resolve() in seen:  # a link may lead back
            folders.clear()
            continue
        seen.add(here.resolve())
        files += [here / name for name in names if name.endswith(SUFFIXES)]
        if not deep:
            folders[:] = [name for name in folders if (here / name / INDEX).is_file()]
    return [*sorted(pipelines), *sorted(files)]


def _is_configuration(folder: Path) -> bool:
    """Whether a folder is only the configuration of the file of the same name beside it."""
    is_beside = any(folder.with_name(folder.name + suffix).is_file() for suffix in SUFFIXES)
    return is_beside and not any(any(folder.glob(f"{part}/*.safetensors")) for part in ("transformer", "unet"))


def _describe(name: str, path: Path) -> LibraryModel:
    try:
        if path.is_dir():
            return LibraryModel(name, path, model_kind(path), _folder_memory(path))
        header = read_header(path)
        header.check_format()
    except InvalidModelError as error:
        return LibraryModel(name, path, "unreadable", problem=str(error))
    kind = "text model" if header.is_text_model else find_kind(header) or "unknown"
    return LibraryModel(name, path, kind, header.loaded_bytes, is_complete=header.is_whole)


def _is_few_step_folder(path: Path) -> bool:
    """Whether the configuration in a folder says that the model is distilled to few steps."""
    if _read_configuration(path / INDEX).get("is_distilled") is True:
        return True
    scheduler = _read_configuration(path / "scheduler" / "scheduler_config.json")
    return is_few_step(scheduler.get("_class_name", ""), scheduler)


def _read_configuration(path: Path) -> dict[str, Any]:
    """A configuration, empty if it can't be read."""
    try:
        configuration = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return configuration if isinstance(configuration, dict) else {}


def _folder_memory(folder: Path) -> int:
    files = [path for path in folder.glob("*/*.safetensors") if path.parent.name != "safety_checker"]
    full = [path for path in files if ".fp16." not in path.name]
    return sum(read_header(path).loaded_bytes for path in full or files)

"""Where a model's parts come from: a folder, the hub, a whole checkpoint, or separate files; and loading them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import torch
from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, OfflineModeIsEnabled

from . import complete_weights
from .checkpoint_kinds import identify_checkpoint, read_shapes, scheduler_from_keys
from .errors import InvalidModelError
from .families import SUPPORTED
from .families.pipeline_support import explain_unsupported, is_supported, with_article
from .families.qwen_image21 import text_processor
from .families.variants import few_step_scheduler
from .file_kinds import CHECKPOINT_KINDS, DENOISER_PREFIX, FILE_KINDS, checkpoint_kind
from .folder_parts import check_folder
from .model_catalog import INDEX, ModelDefaults, load_defaults, model_kind
from .model_name import ModelName
from .split_files import OPTIONAL_PARTS, Layout, check_complete, find_configuration, load_denoiser, load_whole
from .storage_plan import PartSizes, WeightStorage, check_storage, choose_offload, choose_storage, explain_storage
from .text_encoder_files import load_text_encoders
from .vae_files import load_vae
from .weight_files import SUFFIXES, VAE_PREFIXES, WeightFile, read_header

_CONFIGURATION_FILES = ["**/*.json", "*.json", "*.txt", "**/*.txt", "**/*.model"]
_DENOISERS = ("unet", "transformer")


@dataclass(frozen=True)
class ModelSource:
    """A model on this disk: its pipeline class, its folder or file, and the files given beside it."""

    kind: str
    path: Path
    header: WeightFile | None = None
    """Of a single file."""
    text_encoders: list[Path] = field(default_factory=list)
    vae: Path | None = None

    @property
    def is_dequantized(self) -> bool:
        """Whether the file's weights are in fp8 with scales."""
        return self.header is not None and self.header.has_fp8_scales

    @property
    def is_split(self) -> bool:
        """Whether diffusers cannot load the file as a whole."""
        return self.header is not None and (
            self.header.is_gguf
            or not self.header.is_whole
            or self.is_dequantized
            or bool(self.text_encoders)
            or self.kind not in CHECKPOINT_KINDS
        )

    def sizes(self) -> PartSizes:
        """The memory of the weights."""
        extra = [read_header(path).loaded_bytes for path in [*self.text_encoders, *([self.vae] if self.vae else [])]]
        if self.header is None:
            return _folder_sizes(self.path)
        denoiser = self.header.loaded_bytes
        if self.header.is_whole:
            tensors = self.header.tensors.items()
            denoiser = sum(2 * each.elements for name, each in tensors if name.startswith(DENOISER_PREFIX))
            extra.append(self.header.loaded_bytes - denoiser)
        return PartSizes(denoiser, max(extra, default=0), denoiser + sum(extra))


def find_source(name: ModelName, where: Path | str) -> ModelSource:
    """The source of a model; a hub id is downloaded, after its index has shown that the pipeline is supported.

    Raises:
        InvalidModelError: the pipeline is not supported, or a file cannot be read.
    """
    encoders = [_existing("--text-encoder", file, SUFFIXES) for file in name.text_encoders]
    vae = _existing("--vae", name.vae, SUFFIXES[:1]) if name.vae else None
    if isinstance(where, str):
        where = _download(where)
    header = read_header(where) if where.is_file() else None
    if header is not None:
        header.check_format()
    kind = _file_kind(name.model, where, header) if header else model_kind(where)
    _check_supported(name.model, kind)
    if header is None and name.files:
        raise InvalidModelError(f"{name.model} is a folder: --text-encoder and --vae complete a single file")
    return ModelSource(kind, where, header, encoders, vae)


def _file_kind(model: str, file: Path, header: WeightFile) -> str:
    """The pipeline class of a file; of a checkpoint of another kind, what it is in words."""
    if not header.is_gguf:
        special = identify_checkpoint(read_shapes(file))
        if special is not None and special not in SUPPORTED:
            article = "an" if special[0] in "AEIOUaeiou" else "a"
            raise InvalidModelError(
                f"{model} is {article} {special}, which is not supported as a single file: give a model in diffusers' "
                f"layout, of one of these pipelines, or another that makes pictures of prompts: {', '.join(SUPPORTED)}"
            )
    kind = checkpoint_kind(model, header)
    if is_supported(kind) and kind not in FILE_KINDS:
        raise InvalidModelError(f"{model} is a single file of a {kind}: give a folder in diffusers' layout instead")
    return kind


def plan_storage(name: ModelName, source: ModelSource, device: torch.device) -> tuple[WeightStorage, str | None]:
    """How to store the weights, and one line about it if the free memory decides it.

    Raises:
        InvalidModelError: this machine cannot store them as the name says.
    """
    is_gguf = source.header is not None and source.header.is_gguf
    if is_gguf and name.quantize not in (None, "none"):
        raise InvalidModelError(f"{name.model} is quantised already: leave out --quantize {name.quantize}")
    quantize = "gguf" if is_gguf else name.quantize
    if name.offload:
        said = WeightStorage(quantize or "none", name.offload)
        check_storage(said, device.type)
        return said, None
    sizes, free = source.sizes(), _free_memory(device)
    if quantize:
        chosen = choose_offload(sizes, free, device.type, quantize)
        check_storage(chosen, device.type)
    else:
        chosen = choose_storage(sizes, free, device.type)
    is_as_said = chosen == WeightStorage(quantize or "none")
    return chosen, None if is_as_said else explain_storage(name.model, sizes, free, chosen)


def load_pipeline(source: ModelSource, dtype: torch.dtype) -> tuple[Any, ModelDefaults]:
    """The diffusers pipeline on the CPU, and the contents of its `notthat.json`."""
    library: Any = import_module("diffusers")
    pipeline_class: Any = getattr(library, source.kind)
    options: dict[str, Any] = {"dtype": dtype}
    if "safety_checker" in pipeline_class._optional_components:
        options |= {"safety_checker": None, "requires_safety_checker": False}
    if source.is_split:
        return _load_split(source, pipeline_class, options, dtype)
    if source.header is not None:
        return _load_single_file(source, pipeline_class, options)
    if _has_only_fp16(source.path):
        options["variant"] = "fp16"
    if source.kind == "QwenImage21Pipeline":
        options["processor"] = text_processor(source.path / "processor")
    absent = _absent_parts(Layout.read(source.kind, source.path), ())
    check_folder(source.path, source.kind, absent)
    variant = {"variant": options["variant"]} if "variant" in options else {}
    options |= absent | complete_weights.load_text_encoders(source.path, absent, dtype=dtype, **variant)
    return pipeline_class.from_pretrained(source.path, local_files_only=True, **options), load_defaults(source.path)


def _load_split(
    source: ModelSource, pipeline_class: Any, options: dict[str, Any], dtype: torch.dtype
) -> tuple[Any, ModelDefaults]:
    """The pipeline of separate files, or of a checkpoint whose weights diffusers cannot read."""
    if source.header is None:
        raise ValueError("a folder has no separate files")
    folder, defaults = _configuration(source)
    layout = Layout.read(source.kind, folder)
    parts: dict[str, Any] = load_text_encoders(layout, map(read_header, source.text_encoders), dtype)
    if source.vae:
        parts["vae"] = load_vae(layout, read_header(source.vae), dtype)
    names = source.header.tensors
    absent = {} if _has_t5(names) else _absent_parts(layout, parts)
    if source.header.is_whole and source.kind not in CHECKPOINT_KINDS:
        parts = _load_parts(layout, source.header, dtype, parts)
    elif source.header.is_whole:
        with _name_missing_part(source):
            parts |= load_whole(layout, source.header, dtype, {**parts, **absent})
    else:
        check_complete(layout, {**parts, **absent})
        parts[layout.denoiser] = load_denoiser(layout, source.header, dtype)
    check_complete(layout, {**parts, **absent})
    options |= parts | absent
    return pipeline_class.from_pretrained(folder, local_files_only=True, **options), defaults


def _load_parts(layout: Layout, file: WeightFile, dtype: torch.dtype, given: dict[str, Any]) -> dict[str, Any]:
    """The parts of a whole checkpoint, but for those that are `given`."""
    parts = dict(given)
    prefix = next(each for each in VAE_PREFIXES if any(name.startswith(each) for name in file.tensors))
    if "vae" not in parts:
        parts["vae"] = load_vae(layout, file.part(prefix), dtype)
    if not parts.keys() & set(layout.text_encoders):
        parts |= load_text_encoders(layout, map(file.part, file.text_encoder_prefixes), dtype)
    check_complete(layout, parts)
    parts[layout.denoiser] = load_denoiser(layout, file.part(DENOISER_PREFIX), dtype)
    return parts


def _load_single_file(source: ModelSource, pipeline_class: Any, options: dict[str, Any]) -> tuple[Any, ModelDefaults]:
    """The pipeline of a checkpoint, configured by the folder of the same name beside it, or else from the hub."""
    folder = source.path.with_suffix("")
    defaults, has_t5 = ModelDefaults(), source.header is not None and _has_t5(source.header.tensors)
    if folder.is_dir():
        _check_same_family(source, folder)
        options |= {"config": str(folder), "local_files_only": True}
        options |= {} if has_t5 else _absent_parts(Layout.read(source.kind, folder), ())
        defaults = load_defaults(folder)
    elif not has_t5:
        options |= {name: None for pair in OPTIONAL_PARTS.get(source.kind, {}).items() for name in pair}
    if source.vae:
        layout_folder, _ = _configuration(source)
        options["vae"] = load_vae(Layout.read(source.kind, layout_folder), read_header(source.vae), options["dtype"])
    try:
        with _name_missing_part(source):
            pipeline = pipeline_class.from_single_file(str(source.path), **options)
            pipeline.scheduler = scheduler_from_keys(pipeline.scheduler, read_shapes(source.path))
            if not folder.is_dir():
                pipeline.scheduler = few_step_scheduler(pipeline.scheduler, source.path.name)
            return pipeline, defaults
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise _no_configuration(source.path) from None


@contextmanager
def _name_missing_part(source: ModelSource) -> Iterator[None]:
    """Say which option completes a checkpoint that lacks a part."""
    from diffusers.loaders.single_file_utils import SingleFileComponentError

    try:
        yield
    except SingleFileComponentError as error:
        part = str(error).strip().splitlines()[0].removeprefix("Failed to load ").partition(".")[0]
        option = "--vae" if part.startswith("Autoencoder") else "--text-encoder"
        raise InvalidModelError(f"{source.path} lacks its {part}: give it with {option} FILE") from None


def _configuration(source: ModelSource) -> tuple[Path, ModelDefaults]:
    """The folder with the configuration of a file: of the same name beside it, or from the hub."""
    folder = source.path.with_suffix("")
    if folder.is_dir():
        _check_same_family(source, folder)
        return folder, load_defaults(folder)
    hub_id = find_configuration(source.kind, source.header) if source.header else None
    if hub_id is None:
        raise _no_configuration(source.path)
    try:
        found = snapshot_download(hub_id, allow_patterns=_CONFIGURATION_FILES)
    except (OSError, OfflineModeIsEnabled):
        raise _no_configuration(source.path) from None
    return Path(found), ModelDefaults()


def _check_same_family(source: ModelSource, folder: Path) -> None:
    """Raise `InvalidModelError` if the folder beside a file has the configuration of another family."""
    kind = model_kind(folder)
    if SUPPORTED.get(kind) != SUPPORTED[source.kind]:
        raise InvalidModelError(
            f"{source.path} is a file of a {source.kind}, but the folder {folder.name} beside it is a {kind}: "
            "replace it by the file's own configuration"
        )


def _no_configuration(file: Path) -> InvalidModelError:
    return InvalidModelError(
        f"{file} contains no configuration, and the hub, which has it, can't be reached: "
        f"go online once, or put a folder {file.stem} in diffusers' layout beside it (no weights needed)"
    )


def _absent_parts(layout: Layout, given: Iterable[str]) -> dict[str, Any]:
    """Optional text encoders, and their tokenizers, that are neither `given` nor in the folder: passed as None."""
    found = OPTIONAL_PARTS.get(layout.kind, {}).items()
    return {name: None for pair in found if pair[0] not in given and not layout.has_weights(pair[0]) for name in pair}


def _has_t5(names: Iterable[str]) -> bool:
    return any(name.startswith("text_encoders.t5xxl.") for name in names)


def _download(hub_id: str) -> Path:
    """The folder of a hub id. Its index is fetched first, so that nothing large is downloaded in vain."""
    library: Any = import_module("diffusers")
    unreachable = f"{hub_id} is not complete on this machine, and the hub can't be reached, or has no such model"
    try:
        index = Path(hf_hub_download(hub_id, INDEX))
    except LocalEntryNotFoundError:
        raise InvalidModelError(unreachable) from None
    except EntryNotFoundError:
        raise InvalidModelError(f"{hub_id} has no {INDEX}, so it is no model in diffusers' layout") from None
    except (OSError, OfflineModeIsEnabled):
        raise InvalidModelError(unreachable) from None
    _check_supported(hub_id, model_kind(index.parent))
    try:
        folder = Path(library.DiffusionPipeline.download(hub_id, safety_checker=None))
        if not any(folder.glob("*/*.safetensors")) and not any(folder.glob("*/*.bin")):
            folder = Path(library.DiffusionPipeline.download(hub_id, safety_checker=None, variant="fp16"))
    except OSError as error:
        raise InvalidModelError(unreachable) from error
    return folder


def _check_supported(model: str, kind: str) -> None:
    why = explain_unsupported(kind)
    if why is not None:
        raise InvalidModelError(f"{model} is {with_article(kind)}, which is not supported: {why}")


def _existing(option: str, file: str, suffixes: tuple[str, ...]) -> Path:
    path = Path(file).expanduser()
    if not path.is_file() or path.suffix not in suffixes:
        raise InvalidModelError(f"{option}: {file} is no {' or '.join(suffixes)} file")
    return path


def _has_only_fp16(folder: Path) -> bool:
    """Whether a folder's weights are all `.fp16.safetensors`."""
    names = [path.name for part in _DENOISERS for path in folder.glob(f"{part}/*.safetensors")]
    return bool(names) and all(".fp16." in name for name in names)


def _folder_sizes(folder: Path) -> PartSizes:
    parts: dict[str, int] = {}
    only_fp16 = _has_only_fp16(folder)
    for path in folder.glob("*/*.safetensors"):
        if path.parent.name != "safety_checker" and (".fp16." in path.name) == only_fp16:
            parts[path.parent.name] = parts.get(path.parent.name, 0) + read_header(path).loaded_bytes
    denoiser = sum(parts.get(name, 0) for name in _DENOISERS)
    others = [size for name, size in parts.items() if name not in _DENOISERS]
    return PartSizes(denoiser, max(others, default=0), denoiser + sum(others))


def _free_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return int(psutil.virtual_memory().available)

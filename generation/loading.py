"""Load models from folders, files and the hub with diffusers, and report a broken model in one line."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled
from safetensors import SafetensorError

from .checkpoint_kinds import identify_checkpoint, read_shapes, scheduler_from_keys
from .complete_weights import load_text_encoders, refuse_missing_weights
from .errors import InvalidDeviceError, InvalidModelError
from .families import SUPPORTED, find_family
from .families.base import Family
from .model_catalog import ModelDefaults, load_defaults, locate_model, model_kind

BROKEN = (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, ImportError, SafetensorError)
"""What diffusers and transformers raise on an incomplete folder or file."""

_alone = threading.Lock()
"""diffusers and transformers patch torch while they build a model. Two at once would leave it patched for good."""


def load_family(model: str, device: torch.device) -> Family:
    """Load a model onto its device, in evaluation mode.

    Raises:
        InvalidModelError: the model does not exist, is broken, or its family is not supported.
    """
    where = locate_model(model)
    try:
        with _alone, silence_libraries():
            pipeline, told = _load_pipeline(model, where, device)
            refuse_missing_weights(model, pipeline)
            return find_family(type(pipeline).__name__)(pipeline.to(device), told, model)  # type: ignore[no-any-return]
    except BROKEN as error:
        raise InvalidModelError(f"{model} can't be loaded: {first_line(error)}") from error


def _load_pipeline(model: str, where: Path | str, device: torch.device) -> tuple[Any, ModelDefaults]:
    """The diffusers pipeline, and the contents of its `notthat.json`."""
    import diffusers

    library: Any = diffusers
    if isinstance(where, str):
        try:
            where = Path(library.DiffusionPipeline.download(where, safety_checker=None))
        except OSError as error:
            reason = "can't be reached, or has no such model"
            raise InvalidModelError(f"{model} is not complete on this machine, and the hub {reason}") from error
    kind = _checkpoint_kind(model, where) if where.is_file() else model_kind(where)
    if kind not in SUPPORTED:
        article = "an" if kind[0] in "AEIOUaeiou" else "a"
        raise InvalidModelError(
            f"{model} is {article} {kind}, which is not supported (supported: {', '.join(SUPPORTED)})"
        )
    pipeline_class: Any = getattr(library, kind)
    options: dict[str, Any] = {"dtype": _default_dtype(kind, device)}
    if "safety_checker" in pipeline_class._optional_components:
        options |= {"safety_checker": None, "requires_safety_checker": False}
    if where.is_file():
        pipeline, told = _load_single_file(pipeline_class, where, options)
        pipeline.scheduler = scheduler_from_keys(pipeline.scheduler, read_shapes(where))
        return pipeline, told
    parts = load_text_encoders(where, dtype=options["dtype"])
    return pipeline_class.from_pretrained(where, local_files_only=True, **parts, **options), load_defaults(where)


def _load_single_file(pipeline_class: Any, file: Path, options: dict[str, Any]) -> tuple[Any, ModelDefaults]:
    """The pipeline of a checkpoint, configured by the folder of the same name beside it, or else from the hub."""
    folder = file.with_suffix("")
    if folder.is_dir():
        model_kind(folder)
        pipeline = pipeline_class.from_single_file(str(file), config=str(folder), local_files_only=True, **options)
        return pipeline, load_defaults(folder)
    try:
        return pipeline_class.from_single_file(str(file), **options), ModelDefaults()
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise InvalidModelError(
            f"{file} contains no configuration, and the hub, which has it, can't be reached: "
            f"go online once, or put a folder {folder.name} in diffusers' layout beside it (no weights needed)"
        ) from None


def _checkpoint_kind(model: str, path: Path) -> str:
    """The pipeline class of a single-file checkpoint, or what else it is."""
    kind = identify_checkpoint(read_shapes(path))
    if kind is None:
        raise InvalidModelError(f"{model} is no complete checkpoint of a supported model: its tensors fit none of them")
    return kind


def _default_dtype(kind: str, device: torch.device) -> torch.dtype:
    """Half precision on CUDA, in the format that the model was trained for; single precision elsewhere."""
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if kind in ("FluxPipeline", "StableDiffusion3Pipeline") else torch.float16


def resolve_device(name: str | None) -> torch.device:
    """The device with this name; without a name, CUDA if available, else MPS, else the CPU.

    Raises:
        InvalidDeviceError: the machine has no such device.
    """
    if name is None:
        mps = "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device("cuda" if torch.cuda.is_available() else mps)
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InvalidDeviceError(f"no device “{name}”: use cpu, cuda, cuda:1 or mps") from None
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InvalidDeviceError(f"no device “{name}” here: {first_line(error)}") from None
    return device


@contextmanager
def silence_libraries() -> Iterator[None]:
    """Suppress the progress bars, warnings and hints of diffusers and transformers."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    before = [(library, library.get_verbosity(), library.is_progress_bar_enabled()) for library in libraries]
    for library in libraries:
        library.set_verbosity_error()
        library.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for library, verbosity, bars in before:
            library.set_verbosity(verbosity)
            if bars:
                library.enable_progress_bar()


def first_line(error: Exception) -> str:
    """The first line of an error's message, at most 200 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]

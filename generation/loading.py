"""Load models from folders, files and the hub with diffusers, and report a broken model in one line."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch

from .complete_weights import refuse_missing_weights
from .errors import InvalidDeviceError, InvalidModelError, ShortOfMemoryError
from .failures import BROKEN, explain_failure, first_line, is_out_of_memory
from .families import find_family
from .families.base import Family
from .families.generic import GenericFamily
from .families.pipeline_support import has_unet
from .folder_parts import check_vocabulary
from .model_catalog import locate_model
from .model_name import ModelName
from .model_source import ModelSource, find_source, load_pipeline, plan_storage
from .quantization import QUANTIZED_DTYPE, offload_parts, quantize_parts, quiet_imports
from .schedulers import check_scheduler
from .storage_plan import WeightStorage

_alone = threading.Lock()
"""diffusers and transformers patch torch while they build a model. Two at once would leave it patched for good."""


def load_family(model: str, device: torch.device) -> Family | GenericFamily:
    """Load a model onto its device, in evaluation mode. The model's name may have options: see `ModelName`.

    Raises:
        InvalidModelError: the model does not exist, is broken, its family is not supported, or this machine cannot
            store its weights as asked.
    """
    name = ModelName.parse(model)
    where = locate_model(name.model)
    try:
        with building_model():
            source = find_source(name, where)
            storage, note = plan_storage(name, source, device)
            pipeline, told = load_pipeline(source, _dtype(source, storage, device))
            refuse_missing_weights(name.model, pipeline)
            check_vocabulary(pipeline)
            _store(pipeline, storage, device)
            family = find_family(type(pipeline).__name__)(pipeline, told, name.model)
            if isinstance(family, Family):
                check_scheduler(family)
    except (*BROKEN, MemoryError) as error:
        if is_out_of_memory(error):
            raise ShortOfMemoryError(
                f"the memory is too small for {model}: close other programs, or use --quantize fp8 or --offload model"
            ) from error
        raise InvalidModelError(f"{model} can't be loaded: {explain_failure(error)}") from error
    family.storage, family.storage_note = storage, note
    return family  # type: ignore[no-any-return]


def _store(pipeline: Any, storage: WeightStorage, device: torch.device) -> None:
    """Quantise a pipeline and move it to its device, or let hooks do that."""
    if storage.quantize not in ("none", "gguf"):
        quantize_parts(pipeline, storage.quantize)
    if storage.is_offloaded:
        offload_parts(pipeline, storage.offload, device)
    else:
        pipeline.to(device)


def _dtype(source: ModelSource, storage: WeightStorage, device: torch.device) -> torch.dtype:
    if storage.is_quantized or source.is_dequantized:
        return QUANTIZED_DTYPE
    return _default_dtype(source.kind, device)


def _default_dtype(kind: str, device: torch.device) -> torch.dtype:
    """Half precision on CUDA, in the format that the model was trained for; single precision elsewhere."""
    if device.type != "cuda":
        return torch.float32
    return torch.float16 if has_unet(kind) else torch.bfloat16


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
def building_model() -> Iterator[None]:
    """Build one model at a time, without the libraries' output: for models that are not loaded by this module."""
    with _alone, silence_libraries():
        yield


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
            with quiet_imports():  # diffusers imports the quantisers that are installed
                import_module("diffusers.quantizers.auto")
            yield
    finally:
        for library, verbosity, bars in before:
            library.set_verbosity(verbosity)
            if bars:
                library.enable_progress_bar()

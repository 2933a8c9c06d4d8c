"""Loads a language model and its tokenizer with transformers, and reports a broken model in one line."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jinja2 import TemplateError

from ....generation.failures import BROKEN, first_line
from ....generation.loading import building_model, resolve_device
from .source import InvalidLanguageModelError, ModelSource


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model in evaluation mode, and its fast tokenizer with a chat template."""

    network: Any
    tokenizer: Any
    device: torch.device


def load_language_model(name: str, source: ModelSource) -> LoadedModel:
    """Load a model onto the best device: CUDA, MPS, or the CPU.

    Raises:
        InvalidLanguageModelError: the model does not exist, is broken, or is no chat model.
    """
    device = resolve_device(None)
    try:
        with building_model(), _without_gguf_progress():
            _check_architecture(name, source)
            network, tokenizer = _load(source, default_dtype(device))
            loaded = LoadedModel(network.to(device).eval(), tokenizer, device)
            _check_chat_template(name, tokenizer)
            return loaded
    except InvalidLanguageModelError:
        raise
    except OSError as error:
        if Path(source.location).is_dir():
            raise InvalidLanguageModelError(f"NOTTHAT_LLM: {name} can't be loaded: {first_line(error)}") from error
        raise InvalidLanguageModelError(
            f"NOTTHAT_LLM: {name} is not complete on this machine, and the hub can't be reached or has no such model"
        ) from error
    except (*BROKEN, struct.error) as error:  # struct.error: a GGUF that ends in its header
        raise InvalidLanguageModelError(f"NOTTHAT_LLM: {name} can't be loaded: {first_line(error)}") from error


def default_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 on CUDA, and on CPUs with instructions for it, where it is faster; float32 elsewhere."""
    is_fast = device.type == "cuda" or (device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return torch.bfloat16 if is_fast else torch.float32


def _load(source: ModelSource, dtype: torch.dtype) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    options: dict[str, Any] = {}
    if source.gguf_file:
        options["gguf_file"] = source.gguf_file
    tokenizer = AutoTokenizer.from_pretrained(source.location, **options)
    if source.gguf_file:  # not the packed weights, whose kernels would be fetched from the hub
        options["quantization_config"] = GgufConfig(dequantize=True)
    return AutoModelForCausalLM.from_pretrained(source.location, dtype=dtype, **options), tokenizer


def _check_architecture(name: str, source: ModelSource) -> None:
    """Raise if the file or folder has no causal language model, such as a text encoder or an image model."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    if source.gguf_file:
        from transformers.integrations.gguf.reader import read_gguf_metadata

        metadata, _ = read_gguf_metadata(f"{source.location}/{source.gguf_file}")
        architecture = str(metadata.get("general.architecture"))
        if "tokenizer.ggml.tokens" not in metadata and "tokenizer.ggml.model" not in metadata:
            raise InvalidLanguageModelError(
                f"NOTTHAT_LLM: {name} holds a model of type {architecture} without a tokenizer: it is no language model"
            )
        return
    config = AutoConfig.from_pretrained(source.location)
    if config.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise InvalidLanguageModelError(
            f"NOTTHAT_LLM: {name} is a {config.model_type} model: give an instruct model for text"
        )


def _check_chat_template(name: str, tokenizer: Any) -> None:
    if not tokenizer.is_fast:
        raise InvalidLanguageModelError(f"NOTTHAT_LLM: {name} has no fast tokenizer (tokenizer.json), which is needed")
    try:
        tokenizer.apply_chat_template([{"role": "user", "content": "a"}], tokenize=False, add_generation_prompt=True)
    except (ValueError, TemplateError):
        raise InvalidLanguageModelError(f"NOTTHAT_LLM: {name} has no chat template: give an instruct model") from None


@contextmanager
def _without_gguf_progress() -> Iterator[None]:
    """Suppress a progress bar that transformers shows whatever its settings are. Only while no other model is built."""
    from transformers import modeling_gguf_pytorch_utils as gguf_loading

    before = gguf_loading.tqdm
    gguf_loading.tqdm = lambda iterable, **options: iterable
    try:
        yield
    finally:
        gguf_loading.tqdm = before

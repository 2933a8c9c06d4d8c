"""Text encoders in files: CLIP, T5, and language models, as ComfyUI names their tensors, or as GGUF."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .errors import InvalidModelError
from .fp8_weights import load_tensors
from .split_files import Layout
from .weight_files import GGUF_EMBEDDING, WeightFile


@dataclass(frozen=True)
class EncoderLayout:
    """A text encoder's classes by their common prefix, and how to recognise it in files.

    `embeddings` are the names that its token embeddings have. `architectures` are what a GGUF may say, if
    transformers can read one. `is_language_model` is for those whose tensors have prefixes that differ between files.
    """

    class_prefix: str
    embeddings: tuple[str, ...]
    architectures: tuple[str, ...] = ()
    is_language_model: bool = False


_LANGUAGE_MODEL = (
    "model.embed_tokens.weight",
    "embed_tokens.weight",
    "model.language_model.embed_tokens.weight",
    "language_model.embed_tokens.weight",
    "language_model.model.embed_tokens.weight",
)

ENCODERS = (
    EncoderLayout("CLIPText", ("text_model.embeddings.token_embedding.weight", "embeddings.token_embedding.weight")),
    EncoderLayout("T5Encoder", ("shared.weight", "encoder.embed_tokens.weight"), ("t5encoder", "t5")),
    EncoderLayout("Qwen2_5_VL", _LANGUAGE_MODEL, is_language_model=True),
    EncoderLayout("Qwen3VL", _LANGUAGE_MODEL, is_language_model=True),
    EncoderLayout("Qwen3", _LANGUAGE_MODEL, ("qwen3",), is_language_model=True),
    EncoderLayout("Gemma2", _LANGUAGE_MODEL, ("gemma2",), is_language_model=True),
)
"""The text encoders that `--text-encoder` takes; the first prefix that fits counts. A new family adds a line."""

_PREFIXES = re.compile(r"^(?:model\.|language_model\.)+")
_HEAD = "lm_head.weight"
_VISION = "visual."


def load_text_encoders(layout: Layout, files: Iterable[WeightFile], dtype: torch.dtype) -> dict[str, Any]:
    """The text encoders in files, by the name of the part that each fits.

    Raises:
        InvalidModelError: a file fits no part, or is incomplete.
    """
    found: dict[str, Any] = {}
    for header in files:
        header.check_format()
        part = next((n for n in layout.text_encoders if n not in found and _fits(layout, n, header)), None)
        if part is None:
            raise InvalidModelError(_explain_misfit(layout, header))
        found[part] = _load(layout, part, header, dtype)
    return found


def _explain_misfit(layout: Layout, header: WeightFile) -> str:
    readable = [architecture for each in ENCODERS for architecture in each.architectures]
    if header.is_gguf and header.architecture not in readable:
        return (
            f"--text-encoder: {header.path} is a GGUF of a {header.architecture}, which can't be read "
            f"(readable: {', '.join(readable)}): give its .safetensors file"
        )
    wanted = ", ".join(_describe(layout, part) for part in layout.text_encoders)
    return f"--text-encoder: {header.path} is no text encoder of this model ({layout.kind}), which has {wanted}"


def _describe(layout: Layout, part: str) -> str:
    return f"{layout.parts[part][1]} of width {_width(_config(layout, part))}"


def _fits(layout: Layout, part: str, header: WeightFile) -> bool:
    """Whether a file has a text encoder of a part's class and width."""
    encoder = _find_encoder(layout, part)
    if encoder is None:
        return False
    width = _width(_config(layout, part))
    if header.is_gguf:
        embedding = header.tensors.get(GGUF_EMBEDDING)
        is_readable = header.architecture in encoder.architectures
        return is_readable and embedding is not None and embedding.shape[-1] == width
    shapes = [header.tensors[name].shape for name in encoder.embeddings if name in header.tensors]
    if not any(shape[-1] == width for shape in shapes):
        return False
    return not encoder.is_language_model or _has_same_layers(layout, part, header)


def _has_same_layers(layout: Layout, part: str, header: WeightFile) -> bool:
    """Whether the first layers have the same tensors, and both have a vision tower or neither.

    Language models of one width differ in that: Qwen3 and Qwen3-VL have the same layers, Gemma 2 and 3 have not.
    """
    ours, theirs = (
        ({name for name in names if name.startswith("layers.0.")}, any(name.startswith(_VISION) for name in names))
        for names in (_plain_names(_empty(layout, part).state_dict()), _plain_names(header.tensors))
    )
    return ours[1] == theirs[1] and ours[0] <= theirs[0] and not _weights(theirs[0]) - _weights(ours[0])


def _weights(names: Iterable[str]) -> set[str]:
    """The names that are weights, and no notes on how these are quantised."""
    return {name for name in names if name.endswith((".weight", ".bias"))}


def _find_encoder(layout: Layout, part: str) -> EncoderLayout | None:
    return next((each for each in ENCODERS if layout.parts[part][1].startswith(each.class_prefix)), None)


def _config(layout: Layout, part: str) -> Any:
    config_class = layout.find_class(part).config_class
    return config_class.from_pretrained(str(layout.folder / part), local_files_only=True)


def _width(config: Any) -> int:
    return int(config.get_text_config().hidden_size)


def _empty(layout: Layout, part: str) -> Any:
    """The model without data."""
    with torch.device("meta"):
        return layout.find_class(part)(_config(layout, part))


def _plain_names(names: Iterable[str]) -> dict[str, str]:
    """Names without the prefixes that differ between files and classes, and what they stand for."""
    return {_PREFIXES.sub("", name): name for name in names}


def _load(layout: Layout, part: str, header: WeightFile, dtype: torch.dtype) -> Any:
    config, encoder_class = _config(layout, part), layout.find_class(part)
    if header.is_gguf:
        source: dict[str, Any] = {"pretrained_model_name_or_path": header.path.parent, "gguf_file": header.path.name}
    else:
        source = {"pretrained_model_name_or_path": None, "state_dict": _state(layout, part, header, dtype)}
    model, info = encoder_class.from_pretrained(**source, config=config, dtype=dtype, output_loading_info=True)
    if missing := sorted(info["missing_keys"]):
        raise InvalidModelError(f"--text-encoder: {header.path} is incomplete: it lacks {missing[0]}")
    return model.eval()


def _state(layout: Layout, part: str, header: WeightFile, dtype: torch.dtype) -> dict[str, Tensor]:
    """A file's tensors under the names of the part's class."""
    tensors, encoder = load_tensors(header, dtype), _find_encoder(layout, part)
    if encoder is not None and encoder.is_language_model:
        names = _plain_names(_empty(layout, part).state_dict())
        tensors = {names[plain]: tensors[name] for plain, name in _plain_names(tensors).items() if plain in names}
        if _HEAD in names:  # whose output no model reads; files leave it out
            tensors.setdefault(_HEAD, tensors[names["embed_tokens.weight"]])
    if layout.parts[part][1] == "CLIPTextModelWithProjection":
        # Stable Diffusion 3's first CLIP has no projection: diffusers uses the identity as well
        config = _config(layout, part)
        tensors.setdefault("text_projection.weight", torch.eye(config.projection_dim, config.hidden_size))
    return tensors

"""Refuse folders in diffusers' layout with missing or damaged configurations and tokenizers, before weights are read.

The libraries would report some of these unclearly, and replace a missing tokenizer by an empty one.
"""

import inspect
import json
from collections.abc import Container, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from .checkpoint_kinds import name_inputs
from .errors import InvalidModelError
from .model_catalog import INDEX

_AGAIN = "download the model again"
_WITH_WEIGHTS = ("text_encoder", "transformer", "unet", "vae")
_SMALL_VOCABULARY = 1000
"""Tokenizers with more words than this were trained with merges."""


def check_folder(folder: Path, kind: str, absent: Container[str]) -> None:
    """Check the parts that the folder's index lists, but those `absent`.

    Raises:
        InvalidModelError: a part or one of its files is missing or can't be read, or the model draws from more than
            noise.
    """
    index = read_json(folder / INDEX)
    parts = {name: entry for name, entry in index.items() if _is_class(entry)}
    for name in _required_parts(kind):
        if name not in parts and name not in absent:
            raise InvalidModelError(f"{folder} lacks its {name}: its {INDEX} doesn't list it, so {_AGAIN}")
    for name, (_, class_name) in parts.items():
        if name in absent or name in ("safety_checker", "feature_extractor", "image_encoder"):
            continue
        place = folder / name
        if not place.is_dir():
            raise InvalidModelError(f"{folder} lacks its {name}: {_AGAIN}")
        if name.startswith("tokenizer"):
            _check_tokenizer(place)
        elif name == "scheduler":
            read_json(place / "scheduler_config.json")
        elif name.startswith(_WITH_WEIGHTS):
            config = read_json(place / "config.json")
            if name in ("unet", "transformer") and (needed := name_inputs(class_name, config)):
                article = "an" if needed[0] in "aeiouAEIOU" else "a"
                raise InvalidModelError(
                    f"{folder} is {article} {needed}, which draws from a picture too and is not supported: "
                    "give a text-to-image model"
                )


def check_vocabulary(pipeline: Any) -> None:
    """Refuse a pipeline where a tokenizer has more words than its text encoder.

    Raises:
        InvalidModelError: it has.
    """
    for name, encoder in pipeline.components.items():
        tokenizer = pipeline.components.get(name.replace("text_encoder", "tokenizer"))
        if not name.startswith("text_encoder") or encoder is None or not hasattr(tokenizer, "get_vocab"):
            continue
        rows, last = encoder.get_input_embeddings().weight.shape[0], max(tokenizer.get_vocab().values(), default=0)
        if last >= rows:
            raise InvalidModelError(
                f"the {name} has {rows} words, and its tokenizer {last + 1}, so that it is for another one: {_AGAIN}"
            )


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a model.

    Raises:
        InvalidModelError: the file is missing, or holds something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidModelError(f"{path.parent} has no {path.name}: {_AGAIN}") from None
    except (OSError, ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise InvalidModelError(f"{path} can't be read as JSON: {_AGAIN}")
    return data


def _is_class(entry: object) -> bool:
    """Whether an entry of an index is a library and a class; the others are options of the pipeline."""
    return isinstance(entry, list) and len(entry) == 2 and all(isinstance(each, str) for each in entry)


def _required_parts(kind: str) -> list[str]:
    """The arguments that the pipeline class can't do without."""
    pipeline_class: Any = getattr(import_module("diffusers"), kind)
    parameters = inspect.signature(pipeline_class.__init__).parameters.values()
    required = [each.name for each in parameters if each.name != "self" and each.default is each.empty]
    return [name for name in required if name not in pipeline_class._optional_components]


def _check_tokenizer(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    if "tokenizer.json" in names:
        model = read_json(folder / "tokenizer.json").get("model")
        if isinstance(model, Mapping) and model.get("type") == "BPE" and not _has_merges(model):
            raise InvalidModelError(f"{folder}/tokenizer.json has no merges, so that it splits no words: {_AGAIN}")
        return
    if any(name.endswith(".model") for name in names) or {"vocab.json", "merges.txt"} <= names:
        return
    missing = "merges.txt" if "vocab.json" in names else "tokenizer.json"
    raise InvalidModelError(f"{folder} has no {missing}: {_AGAIN}")


def _has_merges(model: Mapping[str, Any]) -> bool:
    merges = model.get("merges")
    return merges is not None and (bool(merges) or len(model.get("vocab", ())) <= _SMALL_VOCABULARY)

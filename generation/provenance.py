"""What decides a picture besides its request: weights, scheduler, number format, device and library versions."""

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .model_catalog import locate_model
from .model_name import ModelName
from .request import GenerationRequest

Stamp = tuple[int, int]
"""The size and the modification time of a file, which change when it is replaced."""

LIBRARIES = ("torch", "diffusers", "transformers", "numpy", "pillow")
"""Libraries whose versions may affect the pixels."""

_WEIGHTS = (".safetensors", ".gguf", ".bin", ".ckpt")
_CHUNK = 1 << 22
_LARGE = 1 << 26
"""Bytes. Hashes of smaller files are not cached, since hashing them is fast."""


def library_versions() -> dict[str, str]:
    """The installed versions of `LIBRARIES`."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def weights_sha256(model: str, cache: Path | None = None) -> str | None:
    """One SHA-256 for all weight files of a model: the hash of a line `NAME SHA256` for each file, sorted by name.

    Files that complete a single file follow in the order of the model's name.

    Hashes of large files are cached in the JSON file `cache` until their size or modification time changes, since
    reading gigabytes takes seconds. None for a hub id that is not on this disk.
    """
    name = ModelName.parse(model)
    root = _model_folder(name.model)
    if root is None:
        return None
    known = _read_cache(cache)
    digest = hashlib.sha256()
    before = dict(known)
    for path in _weight_files(root):
        digest.update(
            f"{path.relative_to(root.parent if root.is_file() else root)} {_file_sha256(path, known)}\n".encode()
        )
    for path in map(Path, name.files):
        digest.update(f"{path.name} {_file_sha256(path.expanduser(), known)}\n".encode())
    if cache is not None and known != before:
        with suppress(OSError):  # the cache only saves time
            cache.write_text(json.dumps(known), encoding="utf-8")
    return digest.hexdigest()


def file_stamp(file: str) -> Stamp | None:
    """The stamp of a file; None if there is no such file."""
    try:
        stat = Path(file).stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def adapters_sha256(request: GenerationRequest) -> dict[str, str | None]:
    """The SHA-256 of each LoRA and textual inversion of a request, by path; None for a file that can't be read."""
    found: dict[str, str | None] = {}
    for file in (*(file for file, _ in request.loras), *request.embeddings):
        try:
            found[file] = _file_sha256(Path(file), {})
        except OSError:
            found[file] = None
    return found


def collect_provenance(model: str, family: Any, device: Any, cache: Path | None) -> dict[str, Any]:
    """What decides a family's pictures, as JSON; `cache` as for `weights_sha256`."""
    config = {name: _finite(value) for name, value in family.scheduler.config.items() if not name.startswith("_")}
    return {
        "model": model,
        "weights": weights_sha256(model, cache),
        "scheduler": type(family.scheduler).__name__,
        "scheduler_config": json.loads(json.dumps(config, default=str)),
        "quantize": family.storage.quantize,
        "offload": family.storage.offload,
        "dtype": str(family.denoiser.dtype).removeprefix("torch."),
        "device": _device_name(device),
        "libraries": library_versions(),
    }


def _finite(value: Any) -> Any:
    """A value as JSON has it: an infinite number, such as DPM-Solver's `lambda_min_clipped`, is text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _device_name(device: Any) -> str:
    """`cpu`, or `cuda` with the name of the GPU, since GPUs round differently."""
    if device.type != "cuda":
        return str(device.type)
    import torch

    return f"cuda ({torch.cuda.get_device_name(device)})"


def _model_folder(model: str) -> Path | None:
    where = locate_model(model)
    if isinstance(where, Path):
        return where
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(where, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def _weight_files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    else:
        yield from sorted(path for path in root.rglob("*") if path.suffix in _WEIGHTS and path.is_file())


def _file_sha256(path: Path, known: dict[str, list[Any]]) -> str:
    stat = path.stat()
    seen = known.get(str(path.absolute()))
    if isinstance(seen, list) and seen[:2] == [stat.st_size, stat.st_mtime_ns] and len(seen) == 3:
        return str(seen[2])
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if stat.st_size >= _LARGE:
        known[str(path.absolute())] = [stat.st_size, stat.st_mtime_ns, digest.hexdigest()]
    return digest.hexdigest()


def _read_cache(cache: Path | None) -> dict[str, list[Any]]:
    if cache is not None:
        with suppress(OSError, ValueError):
            value = json.loads(cache.read_text(encoding="utf-8"))
            if isinstance(value, dict):
                return value
    return {}

"""`notthat generate`: pictures without a session; prompts mean what they mean to the stock pipeline."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL.PngImagePlugin import PngInfo

from ....errors import InvalidInputError, NotthatError
from ....generation import BUILT_IN, GenerationRequest, LocalEngine, list_models, to_absolute
from ....generation.foreign_syntax import explain_foreign_syntax
from ....generation.input_image import fit_size
from ....generation.local_engine import LoadedEngine, generate_batches
from ....generation.picture_settings import PictureSettings, parse_settings
from ....generation.picture_text import read_picture_text
from ....generation.png_metadata import build_png_text, parse_own_key
from ....generation.prompt_networks import resolve_networks
from ....generation.request import Defaults
from .source_files import SourceFiles

if TYPE_CHECKING:
    from PIL.Image import Image

    from ....generation import NetworkLibrary, Progress
    from ...settings import Settings


@dataclass(frozen=True)
class GeneratedImage:
    """A saved picture and the request that it was drawn from."""

    path: Path
    image: "Image"
    request: GenerationRequest
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "image": str(self.path.absolute()),
            "sha256": hashlib.sha256(self.image.tobytes()).hexdigest(),
            "prompt": self.request.prompt,
            "negative": self.request.negative_prompt,
            "seed": self.request.seed,
            "steps": self.request.num_inference_steps,
            "guidance": self.request.guidance_scale,
            "width": self.request.width,
            "height": self.request.height,
            "model": self.request.model,
            "seconds": round(self.seconds, 3),
        }


def build_request(
    prompt: str, negative: str | None, options: dict[str, Any], settings: "Settings", source: SourceFiles
) -> "tuple[LoadedEngine, GenerationRequest, list[str]]":
    """The engine and the request for the first picture: the given options, completed with the model's defaults.

    A picture to start from decides the size, unless that is given.

    The third item has a line for each LoRA and textual inversion that the texts name, and for what is read as words.
    """
    model = settings.find_model(settings.model)
    given = {name: value for name, value in options.items() if value is not None}
    given = {"seed": secrets.randbelow(2**32), **given, "model": model, "prompt": prompt}
    given |= {"negative_prompt": negative or "", "no_negative": negative is None}
    given |= {"syntax": "plain", "joining_step": 0, "guidance_rescale": 0.0}
    given.setdefault("method", "cfg")
    load = cache(partial(_load_engine, model, source))
    request = GenerationRequest.with_defaults({**given, **source.values}, lambda: _defaults(load(), source))
    request, remarks = _resolve_networks(request, settings.networks, load())
    return load(), request, [*remarks, *_explain_syntax(request)]


def _load_engine(model: str, source: SourceFiles) -> LoadedEngine:
    engine = LocalEngine.load(model)
    engine.read_image = source.open
    return engine


def _defaults(engine: LoadedEngine, source: SourceFiles) -> Defaults:
    """The model's defaults, with the size of the picture to start from."""
    model = engine.defaults
    if source.size is None:
        return model
    width, height = fit_size(source.size, (model.width, model.height), engine.multiple)
    return replace(model, width=width, height=height)


def _resolve_networks(
    request: GenerationRequest, library: "NetworkLibrary", engine: LoadedEngine
) -> tuple[GenerationRequest, list[str]]:
    """The request with the LoRAs and textual inversions that its texts name, and a line for each."""
    found = resolve_networks(request.prompt, request.negative_prompt, library, engine.accepts_embedding)
    changed = {
        "prompt": found.prompt,
        "negative_prompt": found.negative_prompt,
        "loras": found.combine_loras(request.loras),
        "embeddings": found.combine_embeddings(request.embeddings),
    }
    return request.model_copy(update=changed), found.remarks


def _explain_syntax(request: GenerationRequest) -> list[str]:
    texts = {"prompt": request.prompt, "negative prompt": request.negative_prompt}
    return [line for name, text in texts.items() for line in explain_foreign_syntax(text, request.syntax, name)]


def build_request_from_picture(
    path: Path, options: dict[str, Any], settings: "Settings", source: SourceFiles
) -> "tuple[LoadedEngine, GenerationRequest, list[str]]":
    """The engine and the request that reproduce the picture in `path`. `options` override the metadata of the file.

    The third item has one line for each part of the metadata that is not supported, and for what is read as words.

    Raises:
        InvalidInputError: if the file has no metadata about how it was made, or the picture was drawn from another one
            that is not given.
    """
    given = {name: value for name, value in options.items() if value is not None}
    text = read_picture_text(path)
    is_own, remarks = "notthat" in text, list[str]()
    if is_own:
        values = {**parse_own_key(text["notthat"]), **given}
        if values.get("init_image") and not source.images:
            raise InvalidInputError(f"{path} was drawn from another picture: give that with --init-image too")
        if values.get("mask_image") and "mask_image" not in source.values:
            raise InvalidInputError(f"{path} was drawn with a mask: give that with --mask too")
    elif found := parse_settings(text):
        model, remarks = _find_model(found.values.pop("model", None), settings, given)
        loras, missing = _find_loras(found, settings.networks)
        values = {**found.values, "loras": loras, "model": model, **given}
        if "strength" in values and not source.images:
            found.left_out.append(f"Denoising strength: {values.pop('strength'):g} (--init-image gives the picture)")
        remarks = [*([f"Ignored metadata: {', '.join(found.left_out)}."] if found.left_out else []), *missing, *remarks]
    else:
        raise InvalidInputError(
            f"{path} has no metadata on how it was made: give a picture of notthat, AUTOMATIC1111's web UI, ComfyUI, "
            "SwarmUI, Fooocus, InvokeAI or NovelAI, as that program wrote it"
        )
    model = to_absolute(settings.find_model(str(values["model"])))
    load = cache(partial(_load_engine, model, source))
    values = {"seed": secrets.randbelow(2**32), **values, **source.over(values), "model": model}
    request = GenerationRequest.with_defaults(values, lambda: _defaults(load(), source))
    if not is_own or {"prompt", "negative_prompt"} & given.keys():
        request, named = _resolve_networks(request, settings.networks, load())
        remarks += [*named, *_explain_syntax(request)]
    return load(), request, remarks


def _find_model(named: str | None, settings: "Settings", given: dict[str, Any]) -> tuple[str, list[str]]:
    """The model of this name in the library, or else the default one and a line about it."""
    name = (named or "").replace("\\", "/")
    known = {model.path.name: model.name for model in list_models(settings.home / "models")} | {BUILT_IN: BUILT_IN}
    if name in known:
        return known[name], []
    if name and not Path(name).expanduser().exists():  # a picture names no path of this machine
        for each in (name, name.rpartition("/")[2]):
            if (found := settings.find_model(each)) != each:
                return found, []
    model = settings.find_model(settings.model)
    if "model" in given:
        return model, []
    return model, [f"The picture was drawn with “{named or 'an unnamed model'}”; using {model} instead."]


def _find_loras(found: PictureSettings, library: "NetworkLibrary") -> tuple[list[tuple[str, float]], list[str]]:
    """The files of a picture's LoRAs, and a line for each that is not in the library."""
    files, missing = [], []
    for name, weight in found.loras:
        parts = name.replace("\\", "/")
        file = library.find_lora(parts) or library.find_lora(parts.rpartition("/")[2])
        if file:
            files.append((file, weight))
        else:
            missing.append(f"The LoRA “{name}” is left out: NOTTHAT_HOME and NOTTHAT_MODELS have no such file.")
    return files, missing


def generate_to_folder(
    engine: LoadedEngine, first: GenerationRequest, count: int, folder: Path, on_step: "Callable[[Progress], None]"
) -> Iterator[GeneratedImage]:
    """Draw `count` pictures in batches, the k-th with the first seed plus k. Existing files are never overwritten.

    Raises:
        InvalidRequestError: if a seed would be out of range; then nothing is drawn.
        NotthatError: if the folder or a file can't be written.
    """
    requests = [GenerationRequest.create(**{**first.model_dump(), "seed": first.seed + k}) for k in range(count)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        undrawn = iter(requests)
        for progress in generate_batches(engine, first, count):
            on_step(progress)
            for picture, request in zip(progress.pictures, undrawn, strict=False):  # as many requests as pictures
                yield GeneratedImage(_save(picture.image, request, folder), picture.image, request, picture.seconds)
    except OSError as error:
        raise NotthatError(f"{folder} can't be written: {error.strerror or error}") from None


def _save(image: "Image", request: GenerationRequest, folder: Path) -> Path:
    chunks = PngInfo()
    for key, text in build_png_text(request).items():
        chunks.add_text(key, text)
    path = _free_name(folder, str(request.seed))
    image.save(path, pnginfo=chunks)
    return path


def _free_name(folder: Path, stem: str) -> Path:
    path, copy = folder / f"{stem}.png", 1
    while path.exists():
        copy += 1
        path = folder / f"{stem}-{copy}.png"
    return path

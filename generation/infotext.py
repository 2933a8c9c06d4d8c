"""The text inside a picture's file: how it was made, for people, other tools and ourselves."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

from PIL import Image
from pydantic import ValidationError

from .. import __version__
from .errors import InvalidRequestError
from .prompt_syntax import escape, terms
from .request import GenerationRequest

_NEGATIVE = "Negative prompt:"
_SETTING = re.compile(r'\s*([A-Za-z][\w /-]*): *("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
_FEWEST_SETTINGS = 3
"""A last line with fewer is the end of a prompt."""
_SETTINGS: dict[str, tuple[str, Callable[[str], object]]] = {
    "Steps": ("num_inference_steps", int),
    "CFG scale": ("guidance_scale", float),
    "Guidance method": ("method", str),
    "Guidance rescale": ("guidance_rescale", float),
    "Guidance shown": ("shown", lambda text: tuple(terms(text))),
    "Seed": ("seed", int),
    "Model": ("model", str),
}


def png_text(request: GenerationRequest, version: str | None = __version__) -> Mapping[str, str]:
    """The PNG's text chunks: `parameters` in AUTOMATIC1111's layout, and the whole request in `notthat`."""
    return {"parameters": infotext(request, version), "notthat": request.model_dump_json()}


def infotext(request: GenerationRequest, version: str | None = __version__) -> str:
    """The request as AUTOMATIC1111's web UI writes it: the prompt, the negative prompt, a line of settings.

    It has no settings for how guidance acts, so these have names of ours. There, brackets always mean a weight:
    where they didn't here, they are escaped. `version` is the notthat that drew it; None where nobody knows.
    """
    read = escape if request.syntax == "plain" else str
    settings = {
        "Steps": request.num_inference_steps,
        "CFG scale": f"{request.guidance_scale:g}",
        "Guidance method": request.method,
        "Guidance rescale": f"{request.guidance_rescale:g}",
        **({"Guidance shown": _quoted(", ".join(request.shown))} if request.shown else {}),
        "Seed": request.seed,
        "Size": f"{request.width}x{request.height}",
        "Model": _quoted(PurePath(request.model).name),
        "Version": "notthat" if version is None else f"notthat {version}",
    }
    lines = [read(request.prompt), ", ".join(f"{name}: {value}" for name, value in settings.items())]
    if request.negative_prompt:
        lines.insert(1, f"Negative prompt: {read(request.negative_prompt)}")
    return "\n".join(lines)


def _quoted(value: str) -> str:
    """The value in quotes, where it would end too early without."""
    return json.dumps(value, ensure_ascii=False) if set(value) & set(',:\n"') else value


def read_png_text(path: Path) -> dict[str, str]:
    """The text chunks of a PNG; none of its pixels are read.

    Raises:
        InvalidRequestError: where it is no PNG, or can't be read.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return {
                name: value for name, value in image.info.items() if isinstance(name, str) and isinstance(value, str)
            }
    except FileNotFoundError:
        raise InvalidRequestError(f"there is no file {path}") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InvalidRequestError(f"{path} can't be read as a PNG") from None


def from_own_key(text: str) -> dict[str, Any]:
    """The values of the request that the key `notthat` holds.

    Raises:
        InvalidRequestError: where it holds none.
    """
    try:
        return GenerationRequest.model_validate_json(text).model_dump(mode="json")
    except ValidationError:
        raise InvalidRequestError("the picture's key “notthat” holds no request of this version") from None


def from_infotext(text: str) -> tuple[dict[str, Any], list[str]]:
    """The values of a request that an infotext names, as AUTOMATIC1111's web UI writes and reads it.

    The last line holds settings, where it has three or more; a line that begins with “Negative prompt:” and
    those after it are the negative prompt; the rest is the prompt. Second, the settings that are left out,
    as `Name: value`.

    Raises:
        InvalidRequestError: where a setting that counts is no number.
    """
    *lines, last = text.strip().split("\n")
    settings = {match[1]: _unquoted(match[2]) for match in _SETTING.finditer(last)}
    if len(settings) < _FEWEST_SETTINGS:
        lines, settings = [*lines, last], {}
    words: dict[bool, list[str]] = {False: [], True: []}
    negative = False
    for line in map(str.strip, lines):
        if line.startswith(_NEGATIVE):
            negative, line = True, line.removeprefix(_NEGATIVE).strip()
        words[negative].append(line)
    values: dict[str, Any] = {"prompt": "\n".join(words[False]), "negative_prompt": "\n".join(words[True])}
    for name, (key, read) in _SETTINGS.items():
        if name in settings:
            text = settings.pop(name)
            try:
                values[key] = read(text)
            except ValueError:
                raise InvalidRequestError(f"the picture's “{name}” is no number: {text[:40]}") from None
    if size := re.fullmatch(r"(\d{1,9})x(\d{1,9})", settings.pop("Size", "")):
        values["width"], values["height"] = int(size[1]), int(size[2])
    said_twice = ("Version", "Model hash")
    return values, [f"{name}: {value}" for name, value in settings.items() if name not in said_twice]


def _unquoted(value: str) -> str:
    value = value.strip()
    if value.startswith('"'):
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value

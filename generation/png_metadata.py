"""The text chunks of a PNG that say how the picture was made: ours, and AUTOMATIC1111's."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from pydantic import ValidationError

from .. import __version__
from .errors import InvalidRequestError
from .prompt_syntax import escape_prompt, split_terms
from .request import GenerationRequest

_NEGATIVE = "Negative prompt:"
_SETTING = re.compile(r'\s*([A-Za-z][\w /-]*): *("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
_TEMPLATE = re.compile(r"(?:Negative )?Template:")
"""Begins the lines that the extension Dynamic Prompts writes after the settings."""
_FEWEST_SETTINGS = 3
"""A last line with fewer settings belongs to the prompt."""
_EXACT = {"Exact prompt": "prompt", "Exact negative prompt": "negative_prompt"}
"""Settings of ours, for texts that would be read back otherwise: with a line that looks like another part."""


def whole_number(text: str) -> int:
    """A whole number, also as "5.0"."""
    number = float(text)
    if not number.is_integer():
        raise ValueError(text)
    return int(text) if re.fullmatch(r"\s*[+-]?\d+\s*", text) else int(number)


def _terms_of(text: str) -> tuple[str, ...]:
    """Terms between commas, or a JSON list of them."""
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        listed = None
    return tuple(map(str, listed)) if isinstance(listed, list) else tuple(split_terms(text))


_SETTINGS: dict[str, tuple[str, Callable[[str], object]]] = {
    "Steps": ("num_inference_steps", whole_number),
    "CFG scale": ("guidance_scale", float),
    "Guidance method": ("method", str),
    "Guidance rescale": ("guidance_rescale", float),
    "Guidance shown": ("shown", _terms_of),
    "Seed": ("seed", whole_number),
    "Clip skip": ("clip_skip", whole_number),
    "Denoising strength": ("strength", float),
    "Model": ("model", str),
}


def build_png_text(request: GenerationRequest, version: str | None = __version__) -> Mapping[str, str]:
    """The PNG's text chunks: `parameters` in AUTOMATIC1111's format, and `notthat` with the whole request."""
    return {"parameters": format_infotext(request, version), "notthat": request.model_dump_json()}


def format_infotext(request: GenerationRequest, version: str | None = __version__) -> str:
    """The request in the format of AUTOMATIC1111's web UI: the prompt, the negative prompt, a line of settings.

    That format has no settings for guidance methods, so their names are our own. Brackets always mean a weight there:
    where they didn't here, they are escaped. Where the web UI's reader would take a part of the prompt for another
    part, both prompts are in the settings again, exactly. `version` is the notthat that drew it; None where unknown.
    """
    read = escape_prompt if request.syntax == "plain" else str
    texts = {"prompt": read(request.prompt), "negative_prompt": read(request.negative_prompt)}
    settings = {
        "Steps": str(request.num_inference_steps),
        "CFG scale": _number(request.guidance_scale),
        "Guidance method": request.method,
        "Guidance rescale": _number(request.guidance_rescale),
        **({"Guidance shown": _quote(_joined(request.shown))} if request.shown else {}),
        "Seed": str(request.seed),
        **({} if request.clip_skip is None else {"Clip skip": str(request.clip_skip)}),
        **({} if request.init_image is None else {"Denoising strength": _number(request.strength)}),
        "Size": f"{request.width}x{request.height}",
        "Model": _quote(PurePath(request.model).name),
        "Version": "notthat" if version is None else f"notthat {version}",
    }
    lines = [texts["prompt"]]
    if texts["negative_prompt"]:
        lines.append(f"{_NEGATIVE} {texts['negative_prompt']}")
    lines.append(_settings_line(settings))
    natural = _texts("\n".join(lines).strip().split("\n")[:-1])
    if natural != texts:
        exact = {name: json.dumps(texts[key], ensure_ascii=False) for name, key in _EXACT.items()}
        lines[-1] = _settings_line({**settings, **exact})
    return "\n".join(lines)


def _settings_line(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in settings.items())


def _number(value: float) -> str:
    """The number in as few digits as tell it exactly."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _joined(shown: tuple[str, ...]) -> str:
    """The terms between commas, where they can be parted again, else as a JSON list."""
    joined = ", ".join(shown)
    return joined if _terms_of(joined) == shown else json.dumps(shown, ensure_ascii=False)


def _quote(value: str) -> str:
    """The value in quotes, where it would end too early or be read otherwise without."""
    if set(value) & set(',:\n"') or value != value.strip():
        return json.dumps(value, ensure_ascii=False)
    return value


def parse_own_key(text: str) -> dict[str, Any]:
    """The values of the request that the key `notthat` holds.

    Raises:
        InvalidRequestError: where it holds none.
    """
    try:
        return GenerationRequest.model_validate_json(text).model_dump(mode="json")
    except ValidationError:
        raise InvalidRequestError("the picture's key “notthat” holds no request of this version") from None


def parse_infotext(text: str) -> tuple[dict[str, Any], list[str]]:
    """Parse an infotext of AUTOMATIC1111's web UI into values of a request.

    The last line holds settings, where it has three or more; lines that begin with “Template:” may follow it. A line
    that begins with “Negative prompt:” and those after it are the negative prompt; the rest is the prompt. Second,
    the settings that are left out, as `Name: value`.

    Raises:
        InvalidRequestError: where a setting that counts is no number.
    """
    lines, settings, left_out = _parts(text)
    values: dict[str, Any] = dict(_texts(lines))
    for name, key in _EXACT.items():
        values[key] = settings.pop(name, values[key])
    if any(name.startswith("Hires") for name in settings):  # it is that of the second pass, not of a picture
        left_out += [f"{name}: {settings.pop(name)}" for name in ("Denoising strength",) if name in settings]
    for name, (key, read) in _SETTINGS.items():
        if name in settings:
            text = settings.pop(name)
            try:
                values[key] = read(text)
            except (ValueError, OverflowError):
                raise InvalidRequestError(f"the picture's “{name}” is no number: {text[:40]}") from None
    if size := re.fullmatch(r"(\d{1,9})(?:\.0+)? ?x ?(\d{1,9})(?:\.0+)?", settings.get("Size", "")):
        values["width"], values["height"] = int(size[1]), int(size[2])
        del settings["Size"]
    said_twice = ("Version", "Model hash")
    return values, [
        *(f"{name}: {value}" for name, value in settings.items() if name not in said_twice),
        *left_out,
    ]


def _parts(text: str) -> tuple[list[str], dict[str, str], list[str]]:
    """The lines of the prompts, the settings, and what follows those."""
    lines = text.strip().split("\n")
    at = len(lines) - 1
    if not lines[at].startswith("Steps:"):
        followed = (k for k in range(at) if lines[k].startswith("Steps:") and _TEMPLATE.match(lines[k + 1]))
        at = next((k for k in followed if len(_SETTING.findall(lines[k])) >= _FEWEST_SETTINGS), at)
    settings = {match[1]: _unquote(match[2]) for match in _SETTING.finditer(lines[at])}
    if len(settings) < _FEWEST_SETTINGS:
        return lines, {}, []
    return lines[:at], settings, [" ".join(lines[at + 1 :])] if lines[at + 1 :] else []


def _texts(lines: list[str]) -> dict[str, str]:
    """The prompt and the negative prompt that the lines before the settings hold."""
    words: dict[str, list[str]] = {"prompt": [], "negative_prompt": []}
    name = "prompt"
    for line in map(str.strip, lines):
        if line.startswith(_NEGATIVE):
            name, line = "negative_prompt", line.removeprefix(_NEGATIVE).strip()
        words[name].append(line)
    return {name: "\n".join(each) for name, each in words.items()}


def _unquote(value: str) -> str:
    value = value.strip()
    if value.startswith('"'):
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value

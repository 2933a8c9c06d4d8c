"""The settings of a picture that another program made, as values of a request."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .comfyui_graph import Graph
from .errors import InvalidRequestError
from .png_metadata import parse_infotext, whole_number

_VERBATIM = {"method": "cfg", "joining_step": 0, "guidance_rescale": 0.0}
"""What other programs do with a negative prompt."""
_LONGEST = 60
"""Characters of a setting that is left out."""


@dataclass
class PictureSettings:
    """Values of a request, the LoRAs by name with their weights, and the settings that are left out."""

    values: dict[str, Any]
    loras: list[tuple[str, float]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def parse_settings(texts: Mapping[str, str]) -> PictureSettings | None:
    """Find the settings in the texts of a picture; None if there are none.

    Raises:
        InvalidRequestError: where a setting that counts can't be read.
    """
    parameters = texts.get("parameters", "")
    if data := _read_json(texts.get("invokeai_metadata")):
        return _parse_invokeai(data)
    if data := _read_json(parameters):
        if isinstance(data.get("sui_image_params"), dict):
            return _parse_swarmui(data["sui_image_params"])
        return _parse_fooocus(data) if "base_model" in data or "metadata_scheme" in data else None
    if parameters.strip():
        return _parse_infotext(parameters)
    comment = _read_json(texts.get("Comment"))
    if comment and "scale" in comment and ("uc" in comment or "v4_prompt" in comment):
        return _parse_novelai(comment, texts)
    if graph := _read_json(texts.get("prompt")):
        read = Graph(graph).read()
        named = {"model": str(read.values["model"])} if "model" in read.values else {}
        values = {**_pick(read.values, _SAME), **_VERBATIM, **named}
        loras = [(name, _parse("LoRA weight", weight, _finite)) for name, weight in read.loras]
        return PictureSettings(values, loras, read.left_out)
    return None


def _parse_infotext(text: str) -> PictureSettings | None:
    """AUTOMATIC1111's, which many programs write; Fooocus does if told to. Its emphasis restores the mean."""
    values, left_out = parse_infotext(text)
    if not values.keys() - {"prompt", "negative_prompt"}:
        return None
    if re.search(r"\bVersion: notthat\b", text.rsplit("\n", 1)[-1]):
        return PictureSettings(values, [], left_out)
    emphasis = next((each for each in left_out if each.startswith("Emphasis: ")), None)
    if emphasis is None:
        values["weighting"] = "restored"
    elif emphasis == "Emphasis: No norm":
        left_out.remove(emphasis)
    if values.get("clip_skip", 1) < 1:
        del values["clip_skip"]
    return PictureSettings({**_VERBATIM, **values}, [], left_out)


def _parse_swarmui(data: Mapping[str, Any]) -> PictureSettings:
    values = _pick(
        data, {**_SIZE, "prompt": "prompt", "negativeprompt": "negative_prompt", "cfgscale": "guidance_scale"}
    )
    layer = abs(_parse("clipstopatlayer", data.get("clipstopatlayer") or 1, whole_number))
    weights = _list(data.get("loraweights"))
    names = _list(data.get("loras"))
    pairs = zip(names, [*weights, *[1] * len(names)], strict=False)
    loras = [(str(name), _parse("loraweights", weight, _finite)) for name, weight in pairs]
    known = {"prompt", "negativeprompt", "cfgscale", "clipstopatlayer", "loras", "loraweights", "aspectratio"}
    return _settings(data, values, loras, known | {"images", "swarm_version"}, layer)


def _parse_fooocus(data: Mapping[str, Any]) -> PictureSettings:
    names = {"prompt": "prompt", "negative_prompt": "negative_prompt", "guidance_scale": "guidance_scale"}
    values = _pick(data, {**_SIZE, **names, "base_model": "model"})
    if size := re.fullmatch(r"\(?(\d{1,5}), ?(\d{1,5})\)?", str(data.get("resolution", ""))):
        values |= {"width": int(size[1]), "height": int(size[2])}
    loras = [
        (str(each[0]), _parse("LoRA weight", each[1], _finite))
        for each in _list(data.get("loras"))
        if isinstance(each, list) and len(each) > 1
    ]
    layer = _parse("clip_skip", data.get("clip_skip") or 1, whole_number)
    known = {*names, "base_model", "resolution", "loras", "clip_skip", "metadata_scheme", "version", "created_by"}
    return _settings(data, values, loras, known | {"full_prompt", "full_negative_prompt", "base_model_hash"}, layer)


def _parse_invokeai(data: Mapping[str, Any]) -> PictureSettings:
    names = {"positive_prompt": "prompt", "negative_prompt": "negative_prompt", "cfg_scale": "guidance_scale"}
    values = _pick(data, {**_SIZE, **names, "cfg_rescale_multiplier": "guidance_rescale"})
    values.pop("model", None)
    if isinstance(data.get("model"), dict):
        values["model"] = str(data["model"].get("name", ""))
    loras = [
        (str(model.get("name")), _parse("LoRA weight", each.get("weight", 1.0), _finite))
        for each in _list(data.get("loras"))
        if isinstance(each, dict) and isinstance(model := each.get("model", each.get("lora")), dict)
    ]
    skipped = _parse("clip_skip", data.get("clip_skip") or 0, whole_number)  # how many layers are left out
    known = {*names, "cfg_rescale_multiplier", "loras", "clip_skip", "app_version", "rand_device"}
    if data.get("generation_mode") in ("txt2img", "sdxl_txt2img", "flux_txt2img", "sd3_txt2img"):
        known.add("generation_mode")
    found = _settings(data, values, loras, known, skipped + 1)
    if re.search(r"\)[\d+-]|\w[+-]{2}", str(values.get("prompt", ""))):
        found.left_out.append("weights in InvokeAI's syntax")
    return found


def _parse_novelai(data: Mapping[str, Any], texts: Mapping[str, str]) -> PictureSettings:
    """Braces weigh 1.05 there, square brackets 1 / 1.05."""
    names = {"scale": "guidance_scale", "uc": "negative_prompt", "prompt": "prompt"}
    values = _pick(
        {"prompt": texts.get("Description", ""), **data}, {**_SIZE, **names, "cfg_rescale": "guidance_rescale"}
    )
    values.pop("model", None)
    characters = []
    for key, name in (("v4_prompt", "prompt"), ("v4_negative_prompt", "negative_prompt")):
        caption = data[key].get("caption") if isinstance(data.get(key), dict) else None
        if isinstance(caption, dict):
            values[name] = str(caption.get("base_caption", values.get(name, "")))
            characters += [str(each.get("char_caption", "")) for each in _list(caption.get("char_captions")) if each]
    for name in ("prompt", "negative_prompt"):
        values[name] = _rewrite_braces(values.get(name, ""))
    is_first = re.match(r"Stable Diffusion (?!XL)", texts.get("Source", "")) and "v4_prompt" not in data
    known = {*names, "cfg_rescale", "request_type", "signed_hash"}
    found = _settings(data, values, [], known, 2 if is_first else 1)
    if data.get("request_type", "PromptGenerateRequest") != "PromptGenerateRequest":
        found.left_out.append(f"request_type: {data['request_type']}")
    found.left_out += [f"character: {_shorten(each)}" for each in characters if each]
    return found


def _rewrite_braces(text: str) -> str:
    """The text with weights in the syntax of the web UI."""
    text = re.sub(r"([()\\])", r"\\\1", text)
    for mark, weight in ("{}", "1.05"), ("[]", "0.952"):
        depth, found = text.count(mark[0]), text.count(mark[1])
        if depth == found:
            text = text.replace(mark[0], "(").replace(mark[1], f":{weight})")
        else:  # they don't pair, so that none has a weight
            text = text.replace(mark[0], "").replace(mark[1], "")
    return text


_SIZE = {"steps": "num_inference_steps", "seed": "seed", "width": "width", "height": "height", "model": "model"}
_SAME = {name: name for name in ("prompt", "negative_prompt", "num_inference_steps", "guidance_scale", "clip_skip")}
_SAME |= {name: name for name in ("seed", "width", "height")}


def _pick(data: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Values of a request, by the names that they have in `data`."""
    found: dict[str, Any] = {"prompt": "", "negative_prompt": ""}
    for key, name in names.items():
        value = data.get(key)
        if value is None:
            continue
        if name in ("prompt", "negative_prompt", "model"):
            found[name] = str(value)
        else:
            found[name] = _parse(key, value, _finite if name.startswith("guidance") else whole_number)
    return found


def _settings(
    data: Mapping[str, Any], values: dict[str, Any], loras: list[tuple[str, float]], known: set[str], layer: int
) -> PictureSettings:
    """The settings, with what is not `known` as left out, and CLIP's layer from the end."""
    if layer > 1:
        values["clip_skip"] = layer
    others = {key: value for key, value in data.items() if key not in known and key not in _SIZE}
    scalars = {key: value for key, value in others.items() if isinstance(value, str | int | float) and value}
    left_out = [f"{key}: {_shorten(value)}" for key, value in scalars.items() if value != "None"]
    return PictureSettings({**_VERBATIM, **values}, loras, left_out)


def _parse(name: str, value: object, read: Callable[[str], Any]) -> Any:
    try:
        return read(str(value))
    except (ValueError, OverflowError):
        raise InvalidRequestError(f"the picture's “{name}” is no number: {_shorten(value)}") from None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _shorten(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _read_json(text: str | None) -> dict[str, Any] | None:
    """The object in a text; None if there is none."""
    try:
        data = json.loads(text) if text and text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None

"""The text inside a picture's file: how it was made, for people, other tools and ourselves."""

import json
from collections.abc import Mapping
from pathlib import PurePath

from .. import __version__
from .prompt_syntax import escape
from .request import GenerationRequest


def png_text(request: GenerationRequest) -> Mapping[str, str]:
    """The PNG's text chunks: `parameters` in AUTOMATIC1111's layout, and the whole request in `notthat`."""
    return {"parameters": infotext(request), "notthat": request.model_dump_json()}


def infotext(request: GenerationRequest) -> str:
    """The request as AUTOMATIC1111's web UI writes it: the prompt, the negative prompt, a line of settings.

    There, brackets always mean a weight: where they didn't here, they are escaped.
    """
    read = escape if request.syntax == "plain" else str
    settings = {
        "Steps": request.num_inference_steps,
        "CFG scale": f"{request.guidance_scale:g}",
        "Seed": request.seed,
        "Size": f"{request.width}x{request.height}",
        "Model": _quoted(PurePath(request.model).name),
        "Version": f"notthat {__version__}",
    }
    lines = [read(request.prompt), ", ".join(f"{name}: {value}" for name, value in settings.items())]
    if request.negative_prompt:
        lines.insert(1, f"Negative prompt: {read(request.negative_prompt)}")
    return "\n".join(lines)


def _quoted(value: str) -> str:
    """The value in quotes, where it would end too early without."""
    return json.dumps(value, ensure_ascii=False) if set(value) & set(',:\n"') else value

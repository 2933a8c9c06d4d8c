"""The text inside a picture's file: how it was made, for people, other tools and ourselves."""

from collections.abc import Mapping

from .. import __version__
from .request import GenerationRequest


def png_text(request: GenerationRequest) -> Mapping[str, str]:
    """The PNG's text chunks: `parameters` in AUTOMATIC1111's layout, and the whole request in `notthat`."""
    return {"parameters": infotext(request), "notthat": request.model_dump_json()}


def infotext(request: GenerationRequest) -> str:
    """The request as AUTOMATIC1111's web UI writes it: the prompt, the negative prompt, a line of settings."""
    settings = {
        "Steps": request.num_inference_steps,
        "CFG scale": f"{request.guidance_scale:g}",
        "Seed": request.seed,
        "Size": f"{request.width}x{request.height}",
        "Model": request.model.rstrip("/").rsplit("/", 1)[-1],
        "Version": f"notthat {__version__}",
    }
    lines = [request.prompt, ", ".join(f"{name}: {value}" for name, value in settings.items())]
    if request.negative_prompt:
        lines.insert(1, f"Negative prompt: {request.negative_prompt}")
    return "\n".join(lines)

"""`/sdapi/v1/png-info`, and the routes for existing pictures that this server refuses."""

from base64 import b64decode
from io import BytesIO
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from ......errors import NotthatError
from ......generation.picture_text import read_picture_text
from ......generation.png_metadata import parse_infotext
from ...dependencies import Context
from ...input_pictures import MOST_BYTES
from ...jobs.service import Service
from ...problems import Problem
from .schemas import create_router, document_errors

LARGER_BODIES = {
    f"/sdapi/v1/{name}": MOST_BYTES
    for name in ("png-info", "img2img", "extra-single-image", "extra-batch-images", "interrogate")
}
"""Paths with a larger body limit, including routes that refuse the request."""

_router = create_router()

_NAMES = {
    "prompt": "Prompt",
    "negative_prompt": "Negative prompt",
    "num_inference_steps": "Steps",
    "guidance_scale": "CFG scale",
    "method": "Guidance method",
    "guidance_rescale": "Guidance rescale",
    "seed": "Seed",
    "clip_skip": "Clip skip",
    "width": "Size-1",
    "height": "Size-2",
    "model": "Model",
}


class PngInfoRequest(BaseModel):
    """A picture whose metadata is read."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"image": "data:image/png;base64,iVBORw0KGgo="}]}
    )

    image: str = Field(description="Base64 or a data URL.")


class PngInfoResponse(BaseModel):
    """The metadata of a picture; empty if it has none."""

    info: str = Field(description="The infotext.")
    items: dict[str, str] = Field(description="All text chunks by key.")
    parameters: dict[str, Any] = Field(description="The parsed infotext.")


@_router.post(
    "/png-info", responses=document_errors(400, 413), summary="How a picture was made, by the text in its file"
)
async def png_info(body: PngInfoRequest, context: Context) -> PngInfoResponse:
    """Of a PNG, as this server and AUTOMATIC1111's web UI write it."""
    items = await context.service.run_in_thread(lambda: _read_text(body.image))
    info = items.get("parameters", "")
    return PngInfoResponse(info=info, items=items, parameters=_parse_parameters(info))


def _read_text(content: str) -> dict[str, str]:
    try:
        return read_picture_text(BytesIO(b64decode(content.partition(",")[2] or content, validate=True)))
    except (ValueError, NotthatError):
        raise Problem(
            400, "refused", "The request was refused", "image: it is not a PNG, JPEG or WebP in base64"
        ) from None


def _parse_parameters(info: str) -> dict[str, Any]:
    """The values of an infotext by AUTOMATIC1111's names; empty if it is not an infotext."""
    if not info:
        return {}
    try:
        values, others = parse_infotext(info)
    except NotthatError:
        return {}
    parameters = {_NAMES[name]: str(value) for name, value in values.items() if name in _NAMES}
    return {**parameters, **{name: value for name, _, value in (item.partition(": ") for item in others)}}


@_router.post("/extra-single-image", responses=document_errors(400, 413), summary="Refused: there is no upscaler")
@_router.post("/extra-batch-images", responses=document_errors(400, 413), summary="Refused: there is no upscaler")
@_router.post("/interrogate", responses=document_errors(400, 413), summary="Refused: pictures are not looked at")
@_router.post(
    "/unload-checkpoint", responses=document_errors(400), summary="Refused: models are shared, and stay loaded"
)
async def refused(context: Context) -> None:
    """What this server can't do; clients are told so with a status that they know as an error."""
    detail = "this server can't do that: use txt2img, or change a picture by feedback in a chat or a session"
    raise Problem(400, "refused", "That can't be done", detail)


def install(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    app.include_router(_router)

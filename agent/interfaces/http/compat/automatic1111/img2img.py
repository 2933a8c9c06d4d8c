"""`/sdapi/v1/img2img`, as in AUTOMATIC1111's web UI: sessions that start from a picture.

The mask is white where the picture is drawn anew. What can't be honoured is a line of `warnings` in `info`.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import FastAPI
from PIL import Image, ImageOps
from pydantic import Field

from .....source_picture import SourcePicture
from ...dependencies import OnceContext
from ...jobs.service import Service
from ...schemas.requests import WHOLE_NUMBER
from .schemas import CurrentState, create_router, document_errors
from .txt2img import Txt2Img, Txt2ImgResponse, check_supported, draw, session_options

_router = create_router()

_CROP = 1
_RESIZE_MODES = {2: "nothing is filled in: the picture is stretched", 3: "pixels are resized, not latents"}


class Img2Img(Txt2Img):
    """AUTOMATIC1111's fields. Unsupported fields are refused or listed in `warnings`."""

    prompt: str = Field(default="", description="What the pictures should show.")
    init_images: list[str] = Field(
        min_length=1, max_length=10, description="The picture to start from, in base64 or as a data URL."
    )
    mask: str | None = Field(default=None, description="White where the picture is drawn anew, in base64.")
    denoising_strength: Annotated[float, Field(ge=0, le=1)] | None = 0.75
    resize_mode: Annotated[int, Field(ge=0, le=3), WHOLE_NUMBER] | None = Field(
        default=0, description="0: stretch the picture to `width` and `height`; 1: crop it to their proportions."
    )
    inpainting_mask_invert: Annotated[int, Field(ge=0, le=1)] | bool | None = 0
    mask_blur: Annotated[float, Field(ge=0)] | None = None
    inpainting_fill: int | None = None
    inpaint_full_res: bool | int | None = None
    initial_noise_multiplier: float | None = None
    image_cfg_scale: float | None = None
    include_init_images: bool | None = None


@_router.post(
    "/img2img",
    responses=document_errors(400, 409, 413, 500),
    summary="Draw pictures from a picture, as AUTOMATIC1111's API does",
)
async def img2img(body: Img2Img, context: OnceContext, state: CurrentState) -> Txt2ImgResponse:
    """`batch_size` times `n_iter` pictures from the first one of `init_images`, each the first of a session."""
    check_supported(body)
    read = await context.service.pictures.read(body.init_images[0], body.denoising_strength, body.mask)
    picture = await context.service.run_in_thread(partial(_prepare, body, read))
    options = session_options(body, context, state)
    options = replace(options, source=await context.service.pictures.save(picture))
    return await draw(body, context, state, options, list(_list_warnings(body)))


def _prepare(body: Img2Img, picture: SourcePicture) -> SourcePicture:
    """The picture with what the request asks to be done with it and its mask before it is resized."""
    image, mask = picture.image, picture.mask
    if mask is not None and body.inpainting_mask_invert:
        mask = ImageOps.invert(mask)
    if body.resize_mode == _CROP and body.width is not None and body.height is not None:
        image = _crop(image, body.width / body.height)
        mask = None if mask is None else _crop(mask, body.width / body.height)
    strength = 0.75 if picture.strength is None else picture.strength
    return SourcePicture(image, strength, mask)


def _crop(image: Image.Image, proportions: float) -> Image.Image:
    """The largest part in the middle with these proportions, width by height."""
    width = min(image.width, max(1, round(image.height * proportions)))
    height = min(image.height, max(1, round(image.width / proportions)))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _list_warnings(body: Img2Img) -> Iterator[str]:
    if len(body.init_images) > 1:
        yield f"init_images: only the first of {len(body.init_images)} pictures is used"
    if body.resize_mode in _RESIZE_MODES:
        yield f"resize_mode: {_RESIZE_MODES[body.resize_mode]}"
    if body.mask is not None:
        if body.mask_blur is not None:
            yield "mask_blur: ignored, the border is softened by the size of the picture"
        if body.inpainting_fill not in (None, 1):
            yield "inpainting_fill: ignored, what is drawn anew begins with the picture's own content"
        if body.inpaint_full_res:
            yield "inpaint_full_res: ignored, the whole picture is drawn"
    if body.initial_noise_multiplier not in (None, 1):
        yield "initial_noise_multiplier: ignored, use denoising_strength"
    if body.include_init_images:
        yield "include_init_images: ignored, the answer has the drawn pictures alone"


def install_img2img(app: FastAPI, service: Service) -> None:
    """Add the route to the app."""
    app.include_router(_router)

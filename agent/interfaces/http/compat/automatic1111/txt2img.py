"""`/sdapi/v1/txt2img` and the routes for its progress, as in AUTOMATIC1111's web UI.

Negations in the prompt become exclusions, in addition to the negative prompt. Each picture starts a session. `info`
names the sessions, and its `warnings` list the fields that were ignored.
"""

import json
import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from ...... import __version__
from ......generation import GenerationRequest
from ......generation.foreign_syntax import explain_foreign_syntax
from .....conversation import Turn
from .....session_start import SessionOptions
from .....turn_png import turn_png_text
from ...dependencies import Context, OnceContext, RequestContext
from ...jobs.service import Service
from ...problems import Problem
from ...schemas.requests import WHOLE_NUMBER, Words
from ..batches import encode_image, start_batch, wait_for_batch
from .schemas import (
    CLIP_SKIP,
    SAMPLER,
    CallerState,
    CurrentState,
    create_router,
    document_errors,
    read_clip_skip,
)
from .warnings import list_warnings

_router = create_router()

_MAX_PICTURES = 10
_CANCEL_REASONS = ("interrupted", "skipped")
"""Reasons of cancellation after which the response has the remaining pictures."""
_UNSUPPORTED_FIELDS = (
    "enable_hr",
    "restore_faces",
    "tiling",
    "script_name",
    "alwayson_scripts",
    "styles",
    "firstpass_image",
)


class Txt2Img(BaseModel):
    """AUTOMATIC1111's fields. Unsupported fields are refused or listed in `warnings`."""

    model_config = ConfigDict(
        extra="allow",
        allow_inf_nan=False,
        strict=True,
        json_schema_extra={
            "examples": [{"prompt": "portrait of a man without mustache", "negative_prompt": "blurry", "steps": 20}]
        },
    )

    prompt: Words
    negative_prompt: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] | None = ""
    seed: Annotated[int, Field(ge=-1, le=2**53 - 1), WHOLE_NUMBER] | None = Field(
        default=-1, description="-1 chooses a random seed."
    )
    steps: Annotated[int, Field(ge=1, le=1000), WHOLE_NUMBER] | None = None
    cfg_scale: Annotated[float, Field(ge=0, le=100)] | None = None
    width: Annotated[int, Field(ge=8, le=8192, multiple_of=8), WHOLE_NUMBER] | None = None
    height: Annotated[int, Field(ge=8, le=8192, multiple_of=8), WHOLE_NUMBER] | None = None
    batch_size: Annotated[int, Field(ge=1, le=_MAX_PICTURES), WHOLE_NUMBER] | None = 1
    n_iter: Annotated[int, Field(ge=1, le=_MAX_PICTURES), WHOLE_NUMBER] | None = 1
    send_images: bool | None = True
    clip_skip: Annotated[int, Field(ge=0, le=12), WHOLE_NUMBER] | None = None
    override_settings: dict[str, Any] | None = None

    @property
    def count(self) -> int:
        """The number of pictures."""
        return (self.batch_size or 1) * (self.n_iter or 1)


class Txt2ImgResponse(BaseModel):
    """The pictures, as base64; `info` is JSON in a string."""

    images: list[str]
    parameters: dict[str, Any] = Field(description="The request.")
    info: str


@_router.post(
    "/txt2img", responses=document_errors(400, 409, 413, 500), summary="Draw pictures, as AUTOMATIC1111's API does"
)
async def txt2img(body: Txt2Img, context: OnceContext, state: CurrentState) -> Txt2ImgResponse:
    """`batch_size` times `n_iter` pictures, from seeds that follow each other; those that are done when interrupted."""
    check_supported(body)
    return await draw(body, context, state, session_options(body, context, state))


def session_options(body: Txt2Img, context: RequestContext, state: CallerState) -> SessionOptions:
    """The options of the new sessions."""
    model = (body.override_settings or {}).get("sd_model_checkpoint")
    return SessionOptions(
        body.prompt,
        negative=body.negative_prompt or "",
        seed=None if body.seed in (None, -1) else body.seed,
        steps=body.steps,
        guidance=body.cfg_scale,
        model=str(model) if model else state.model(context.principal, context.service),
        request={
            **body.model_dump(include={"width", "height"}, exclude_none=True),
            "clip_skip": _find_clip_skip(body, state.clip_skips.get(context.principal.id)),
        },
        verification=False,
    )


async def draw(
    body: Txt2Img, context: RequestContext, state: CallerState, options: SessionOptions, warnings: Sequence[str] = ()
) -> Txt2ImgResponse:
    """Start the sessions, and wait for their pictures. `warnings` are added to those about the fields."""
    jobs = await start_batch(context, options, body.count)
    caller = context.principal.id
    state.jobs.setdefault(caller, []).extend(jobs)
    try:
        turns = await wait_for_batch(context, jobs, without=_CANCEL_REASONS)
    finally:
        state.jobs[caller] = [job for job in state.jobs[caller] if job not in jobs]
    images: list[str] = []
    if body.send_images is not False:
        images = [await encode_image(turn, context.service, "png") for turn in turns]
    info = _build_info(body, turns)
    info["warnings"] += warnings
    parameters = body.model_dump(mode="json", exclude={"init_images", "mask"})  # as the web UI, without the pictures
    return Txt2ImgResponse(images=images, parameters=parameters, info=json.dumps(info))


def check_supported(body: Txt2Img) -> None:
    """Raise `Problem` if the request has options that the server does not have, or asks for too many pictures."""
    for name in _UNSUPPORTED_FIELDS:
        if (body.model_extra or {}).get(name):
            raise Problem(400, "refused", "The request was refused", f"{name}: this is not supported: leave it out")
    if body.count > _MAX_PICTURES:
        detail = f"batch_size times n_iter: {body.count} is over the limit of {_MAX_PICTURES} pictures"
        raise Problem(403, "beyond-limit", "A limit is exceeded", detail)


def _find_clip_skip(body: Txt2Img, chosen: int | None) -> int | None:
    """CLIP's layer from the end: as the request says, or as the caller chose; None, the model's own, for 1 or less."""
    setting = (body.override_settings or {}).get(CLIP_SKIP, body.clip_skip)
    layer = read_clip_skip(chosen if setting is None else setting)
    return layer if layer > 1 else None


def _build_info(body: Txt2Img, turns: Sequence[Turn]) -> dict[str, Any]:
    """The `info` of the response. `sessions`, one per picture, and `warnings` are our own fields."""
    requests = [GenerationRequest.create(**turn.request) for turn in turns]
    return {
        **_describe_first(body, requests),
        "all_prompts": [item.prompt for item in requests],
        "all_negative_prompts": [item.negative_prompt for item in requests],
        "all_seeds": [item.seed for item in requests],
        "all_subseeds": [item.seed for item in requests],
        "subseed_strength": 0,
        "sampler_name": SAMPLER,
        "batch_size": body.batch_size or 1,
        "restore_faces": False,
        "sd_model_hash": None,
        "denoising_strength": requests[0].strength if requests and requests[0].init_image else None,
        "extra_generation_params": {},
        "index_of_first_image": 0,
        "infotexts": [turn_png_text(turn).get("parameters", "") for turn in turns],
        "styles": [],
        "job_timestamp": time.strftime("%Y%m%d%H%M%S"),
        "clip_skip": (requests[0].clip_skip if requests else None) or 1,
        "is_using_inpainting_conditioning": False,
        "version": f"notthat {__version__}",
        "sessions": [turn.session for turn in turns],
        "warnings": _build_warnings(body, requests),
    }


def _describe_first(body: Txt2Img, requests: Sequence[GenerationRequest]) -> dict[str, Any]:
    """The fields of `info` about the first picture; from the request if no picture was drawn."""
    if not requests:
        fields = body.model_dump(include={"prompt", "negative_prompt", "seed", "steps", "cfg_scale", "width", "height"})
        return {**fields, "subseed": body.seed, "sd_model_name": None}
    first = requests[0]
    return {
        "prompt": first.prompt,
        "negative_prompt": first.negative_prompt,
        "seed": first.seed,
        "subseed": first.seed,
        "width": first.width,
        "height": first.height,
        "cfg_scale": first.guidance_scale,
        "steps": first.num_inference_steps,
        "sd_model_name": first.model,
    }


def _build_warnings(body: Txt2Img, requests: Sequence[GenerationRequest]) -> list[str]:
    warnings, drawn = list_warnings(body.model_extra or {}, body.override_settings or {}), len(requests)
    if requests:
        warnings += explain_foreign_syntax(requests[0].prompt, requests[0].syntax)
    if drawn < body.count:
        warnings.append(f"interrupted: {drawn} of {body.count} pictures were drawn")
    return warnings


class ProgressState(BaseModel):
    """The state of the caller's jobs."""

    skipped: bool = False
    interrupted: bool = False
    stopping_generation: bool = False
    job: str = ""
    job_count: int = Field(description="Number of unfinished pictures of the caller.")
    job_timestamp: str = "0"
    job_no: int = 0
    sampling_step: int = 0
    sampling_steps: int = 0


class ProgressResponse(BaseModel):
    """Progress of the current picture. `current_image` is a small preview in base64."""

    progress: float = Field(description="From 0 to 1.")
    eta_relative: float = Field(description="Remaining seconds.")
    state: ProgressState
    current_image: str | None
    textinfo: str | None = None


@_router.get("/progress", responses=document_errors(), summary="How far the caller's picture is")
async def progress(context: Context, state: CurrentState, skip_current_image: bool = False) -> ProgressResponse:
    """Of the pictures that were asked for by `txt2img`."""
    jobs = [job for job in state.jobs.get(context.principal.id, []) if not job.events.ended]
    drawing = next((job for job in jobs if job.is_drawing), None)
    step = drawing.events.latest("step") if drawing else None
    preview = drawing.events.latest("preview") if drawing and not skip_current_image else None
    done = step or {"step": 0, "steps": 0, "seconds_left": None}
    return ProgressResponse(
        progress=done["step"] / done["steps"] if done["steps"] else 0.0,
        eta_relative=done["seconds_left"] or 0.0,
        state=ProgressState(
            skipped=any(job.cancel_reason == "skipped" for job in jobs),
            interrupted=any(job.cancel_reason == "interrupted" for job in jobs),
            job=drawing.session if drawing else "",
            job_count=len(jobs),
            sampling_step=done["step"],
            sampling_steps=done["steps"],
        ),
        current_image=preview["image"].partition(",")[2] if preview else None,
    )


@_router.post("/interrupt", responses=document_errors(), summary="Give up what is not drawn of the caller's pictures")
async def interrupt(context: Context, state: CurrentState) -> None:
    """At once where they wait, else after the step at hand. `txt2img` then answers with those that are done."""
    for job in state.jobs.get(context.principal.id, []):
        job.cancel("interrupted")


@_router.post("/skip", responses=document_errors(), summary="Give up the picture that is drawn for the caller now")
async def skip(context: Context, state: CurrentState) -> None:
    """After the step at hand; the others of the request are drawn."""
    for job in state.jobs.get(context.principal.id, []):
        if job.is_drawing:
            job.cancel("skipped")


def install_txt2img(app: FastAPI, service: Service) -> None:
    """Add the routes and their state to the app."""
    app.state.automatic1111 = CallerState()
    app.include_router(_router)

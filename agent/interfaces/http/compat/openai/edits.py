"""`/v1/images/edits` and `/v1/images/variations`: OpenAI's images API for pictures that the client sends.

A picture that one of the caller's sessions drew goes on with that session at that turn, and the prompt is feedback;
so a front end that sends each answer back refines one session, and nothing decays. Any other picture starts a new
session, and so does every request with a `mask` or a `strength`.
"""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import FastAPI, Response
from pydantic import BeforeValidator, Field

from .....conversation import Turn
from .....feedback import Feedback
from .....session_start import SessionOptions
from .....source_picture import SourcePicture
from ...bodies import choose_file, describe_body, read_body
from ...dependencies import OnceContext, RequestContext
from ...input_pictures import Content
from ...jobs.service import Service
from ...jobs.turn_and_replay_jobs import TurnJob
from ..batches import continue_batch, start_batch
from .images import ImagesRequest, ImagesResponse, check_stream, invalid_field, respond, session_options
from .schemas import create_router, document_errors
from .session_reference import SessionReference
from .sse import STREAM

PATHS = ("/v1/images/edits", "/v1/images/variations")

_router = create_router()

_FILES = {
    "image": "The picture to edit; `image[]` too. Of several, one is taken: see `warnings`.",
    "mask": "A picture of the same proportions, transparent where `image` may change.",
}
_ANOTHER = "another one"
_ANY_PICTURE = "a picture"


def _unwrap(value: Any) -> Any:
    """The address of OpenAI's `{"image_url": …}`."""
    return value["image_url"] if isinstance(value, dict) and "image_url" in value else value


DataUrl = Annotated[str, BeforeValidator(_unwrap), Field(description="A base64 data URL; no address is fetched.")]


class VariationsRequest(ImagesRequest):
    """The fields of `/v1/images/variations`; `prompt` is our own."""

    prompt: str = Field(default="", description="What the picture shows; needed if no session drew it.")
    image: DataUrl | list[DataUrl] | None = None
    strength: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="How much of the picture may change; by default 0.6, and 1 with a mask."
    )


class EditsRequest(VariationsRequest):
    """The fields of `/v1/images/edits`, and those of our own in `/v1/images/generations`."""

    prompt: str = Field(description="What the picture should show; feedback if one of the caller's sessions drew it.")
    images: list[DataUrl] | None = None
    mask: DataUrl | None = None


@_router.post(
    "/images/edits",
    response_model=ImagesResponse,
    responses={**STREAM, **document_errors(404, 409, 413, 415, 500)},
    openapi_extra={"requestBody": describe_body(EditsRequest, _FILES)},
    summary="Change a picture",
)
async def edit_images(context: OnceContext) -> ImagesResponse | Response:
    """`n` pictures from one that the client sends, as a form or as JSON with data URLs.

    `stream` sends one picture as `image_edit.partial_image` and `image_edit.completed`.
    """
    body, files = await read_body(context.request, EditsRequest)
    check_stream(body)
    mask = choose_file("mask", files, body.mask)
    jobs, warnings = await _draw(context, body, _contents(body, files, body.images), mask, body.prompt)
    return await respond(context, jobs, body, warnings, event="image_edit")


@_router.post(
    "/images/variations",
    response_model=ImagesResponse,
    responses={**STREAM, **document_errors(404, 409, 413, 415, 500)},
    openapi_extra={"requestBody": describe_body(VariationsRequest, {"image": _FILES["image"]})},
    summary="Draw variations of a picture",
)
async def vary_images(context: OnceContext) -> ImagesResponse | Response:
    """A picture that one of the caller's sessions drew is drawn again from other seeds; any other starts sessions."""
    body, files = await read_body(context.request, VariationsRequest)
    check_stream(body)
    jobs, warnings = await _draw(context, body, _contents(body, files), None, body.prompt or _ANOTHER)
    return await respond(context, jobs, body, warnings)


async def _draw(
    context: RequestContext, body: VariationsRequest, contents: list[Content], mask: Content | None, words: str
) -> tuple[list[TurnJob], list[str]]:
    """The jobs, and warnings about what is not taken."""
    count = body.n or 1
    if body.session is not None:
        raise invalid_field("session", "the picture names its session: omit this field")
    if mask is None and body.strength is None:
        picture, own = await context.service.pictures.choose(context.principal, contents)
        warnings = _warn_about_others(len(contents), own)
        if own is not None:
            return await _go_on(context, body, own, words, count), [*warnings, *_warn_about_options(body, own)]
    else:
        picture = await context.service.pictures.read(contents[0], body.strength, mask)
        warnings = _warn_about_others(len(contents), None)
    if not body.prompt and words:
        body = body.model_copy(update={"prompt": _ANY_PICTURE})
        warnings.append(f"prompt: it is empty, so “{_ANY_PICTURE}” is drawn from yours: say what it shows")
    options, resized = _start_options(body, context.service, picture)
    options = replace(options, source=await context.service.pictures.save(picture))
    return await start_batch(context, options, count), [*warnings, *resized]


def _start_options(
    body: VariationsRequest, service: Service, picture: SourcePicture
) -> tuple[SessionOptions, list[str]]:
    """The options of a new session, whose size has the picture's proportions; a warning if `size` has others."""
    options = session_options(body, service)
    given = dict(options.request or {})
    if not given or 0 in given.values():  # what is no size is refused when the session starts
        return options, []
    width, height = picture.image.size
    scale = min(given["width"] / width, given["height"] / height)
    fitted = {"width": max(8, round(width * scale / 8) * 8), "height": max(8, round(height * scale / 8) * 8)}
    if fitted == given:
        return options, []
    warning = "size: {width}x{height}, in which the picture keeps its proportions".format(**fitted)
    return replace(options, request=fitted), [warning]


async def _go_on(context: RequestContext, body: ImagesRequest, own: Turn, words: str, count: int) -> list[TurnJob]:
    """Feedback on the turn that drew the picture."""
    context.service.check_steps(context.principal, body.steps)
    feedback = Feedback((words,), negative=body.negative_prompt or "", seed=body.seed, steps=body.steps)
    return await continue_batch(context, SessionReference(own.session, own.number), feedback, count)


def _contents(body: VariationsRequest, files: dict[str, list[bytes]], more: list[str] | None = None) -> list[Content]:
    """The pictures of a request, in its order. Raises `Problem` (400) if there is none."""
    urls = [body.image] if isinstance(body.image, str) else body.image or []
    contents: list[Content] = [*files.get("image", ()), *files.get("images", ()), *urls, *(more or [])]
    if not contents:
        raise invalid_field("image", "send a picture: a file, or a base64 data URL")
    return contents


def _warn_about_others(count: int, own: Turn | None) -> list[str]:
    if count == 1:
        return []
    chosen = "the first picture" if own is None else f"the last one that this server drew (turn {own.number})"
    return [f"image: {count} pictures were sent, and only {chosen} is used"]


def _warn_about_options(body: ImagesRequest, own: Turn) -> list[str]:
    """Warnings about options that the turn's session does not have; front ends send them with every request."""
    size = "{width}x{height}".format(**own.request)
    same: dict[str, tuple[Any, ...]] = {
        "size": (None, "auto", size),
        "guidance": (None, own.request["guidance_scale"]),
        "policies": ([],),
    }
    names = [name for name, values in same.items() if getattr(body, name) not in values]
    return [f"{name}: ignored, the picture's session keeps its own" for name in names]


def install_edits(app: FastAPI, service: Service) -> None:
    """Add the routes to the app."""
    app.include_router(_router)

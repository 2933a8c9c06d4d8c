"""`/v1/images/generations`: OpenAI's images API, with exclusions.

Negations in the prompt become exclusions. With our own field `session`, the prompt is feedback on the picture of that
session. Every picture in the response names its session.
"""

import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict, Field

from .....conversation import Turn
from .....session_start import SessionOptions
from ...dependencies import OnceContext, RequestContext
from ...jobs.service import Service
from ...jobs.turn_and_replay_jobs import TurnJob
from ...problems import Problem
from ...schemas.requests import WHOLE_NUMBER, Name, Seed, Words
from ..batches import QUALITY, ImageFormat, continue_batch, encode_image, start_batch, wait_for_batch
from .image_stream import PartialImages, usage_of_images
from .schemas import ModelName, create_router, document_errors, find_model, is_url_default
from .session_reference import SessionReference
from .sse import STREAM, stream_chunks

_router = create_router()

_MAX_PICTURES = 10


class ImagesRequest(BaseModel):
    """OpenAI's fields, and our own: `session`, `seed`, `negative_prompt`, `steps`, `guidance` and `policies`.

    Unsupported fields of OpenAI, such as `quality` and `style`, are ignored and listed in `warnings`.
    """

    model_config = ConfigDict(
        extra="allow",
        allow_inf_nan=False,
        strict=True,
        json_schema_extra={"examples": [{"prompt": "portrait of a man without mustache", "size": "128x128", "n": 1}]},
    )

    prompt: Words = Field(description="What the pictures should show; with `session`, feedback on its picture.")
    model: ModelName = None
    n: Annotated[int, Field(ge=1, le=_MAX_PICTURES), WHOLE_NUMBER] | None = None
    size: Annotated[str, Field(pattern=r"^(auto|\d{1,4}x\d{1,4})$")] | None = Field(
        default=None, description="`WIDTHxHEIGHT` in pixels, multiples of 8; `auto` is the model's size."
    )
    response_format: Literal["url", "b64_json"] | None = Field(
        default=None,
        description="By default `b64_json`; `url` if `model` is a DALL·E model.",
    )
    output_format: ImageFormat | None = Field(
        default=None, description="Format of `b64_json`. A `url` always leads to a PNG."
    )
    stream: bool | None = Field(default=None, description="Stream one picture as server-sent events.")
    partial_images: Annotated[int, Field(ge=0, le=3), WHOLE_NUMBER] | None = Field(
        default=None, description="With `stream`, the maximum number of previews."
    )
    session: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    seed: Seed | None = None
    negative_prompt: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] | None = None
    steps: Annotated[int, Field(ge=1, le=1000), WHOLE_NUMBER] | None = None
    guidance: Annotated[float, Field(ge=0, le=100)] | None = None
    policies: list[Name] = Field(default=[], max_length=20)


class ImageData(BaseModel):
    """A picture and its turn."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str = Field(description="The prompt without its negations.")
    negative_prompt: str
    reply: str
    session: str = Field(description="The session of the picture, to continue it.")
    turn: int


class ImagesResponse(BaseModel):
    """The pictures, in OpenAI's format."""

    created: int
    background: Literal["opaque"] = "opaque"
    output_format: ImageFormat
    size: str = Field(description="`WIDTHxHEIGHT`.")
    usage: dict[str, Any] = Field(
        description="Tokens used by a language model to interpret the prompt; zero with the grammar."
    )
    data: list[ImageData]
    session: str = Field(description="The session of the first picture.")
    warnings: list[str] = Field(default=[], description="Fields of the request that were ignored, one line each.")


@_router.post(
    "/images/generations",
    response_model=ImagesResponse,
    responses={**STREAM, **document_errors(404, 409, 413, 500)},
    summary="Draw pictures",
)
async def create_images(body: ImagesRequest, context: OnceContext) -> ImagesResponse | Response:
    """`n` pictures from seeds that follow each other, each the first of a session; or the next `n` of a session.

    `stream` sends one picture as `image_generation.partial_image` and `image_generation.completed`.
    """
    count = body.n or 1
    check_stream(body)
    if body.session is not None:
        _check_continuation(body)
        jobs = await continue_batch(context, SessionReference(body.session), body.prompt, count)
    else:
        jobs = await start_batch(context, session_options(body, context.service), count)
    return await respond(context, jobs, body)


def check_stream(body: ImagesRequest) -> None:
    """Raise `Problem` (400) if several pictures are to be streamed."""
    if body.stream and (body.n or 1) > 1:
        raise invalid_field("n", "a stream has one picture: omit n or stream")


async def respond(
    context: RequestContext,
    jobs: list[TurnJob],
    body: ImagesRequest,
    warnings: Sequence[str] = (),
    *,
    event: str = "image_generation",
) -> ImagesResponse | Response:
    """The pictures when they are drawn, or the first one as a stream of events `event`.

    `warnings` are added to those about the fields of the request.
    """
    if not body.stream:
        return await _build_response(context, jobs, body, warnings)
    kind = body.output_format or "png"
    partials = PartialImages(
        jobs[0],
        context.service,
        context.urls,
        kind,
        body.partial_images or 0,
        [*_list_warnings(body, kind), *warnings],
        event,
    )
    return await stream_chunks(partials.chunks())


def session_options(body: ImagesRequest, service: Service) -> SessionOptions:
    """The options of a new session."""
    size = {}
    if body.size not in (None, "auto"):
        size = dict(zip(("width", "height"), map(int, str(body.size).split("x")), strict=True))
    return SessionOptions(
        body.prompt,
        negative=body.negative_prompt or "",
        seed=body.seed,
        steps=body.steps,
        guidance=body.guidance,
        policies=tuple(body.policies),
        model=find_model(body.model, service),
        request=size,
        verification=False,
    )


def _check_continuation(body: ImagesRequest) -> None:
    """Raise `Problem` (400) if a continued session is given options of a new session."""
    start_options = ("seed", "negative_prompt", "steps", "guidance", "size", "policies")
    names = [name for name in start_options if getattr(body, name) not in (None, [], "auto", "")]
    if names:
        raise invalid_field(names[0], "a session keeps its options: omit this field, and give feedback in the prompt")


def invalid_field(field: str, reason: str) -> Problem:
    """The problem (400) of a field."""
    return Problem(400, "refused", "The request was refused", f"{field}: {reason}", more={"errors": [{"loc": [field]}]})


async def _build_response(
    context: RequestContext, jobs: list[TurnJob], body: ImagesRequest, warnings: Sequence[str]
) -> ImagesResponse:
    turns = await wait_for_batch(context, jobs)
    as_link = is_url_default(body.model) if body.response_format is None else body.response_format == "url"
    kind: ImageFormat = "png" if as_link else body.output_format or "png"
    content: Sequence[str | None] = [None] * len(turns)
    if not as_link:
        content = [await encode_image(turn, context.service, kind) for turn in turns]
    return ImagesResponse(
        created=int(time.time()),
        output_format=kind,
        size="{width}x{height}".format(**turns[0].request),
        usage=usage_of_images(turns),
        data=[
            _image_data(turn, context.urls.image(turn.sha256, turn.session, turn.number) if as_link else None, text)
            for turn, text in zip(turns, content, strict=True)
        ],
        session=turns[0].session,
        warnings=[*_list_warnings(body, kind), *warnings],
    )


def _list_warnings(body: ImagesRequest, kind: ImageFormat) -> list[str]:
    """Warnings about fields of OpenAI that are ignored."""
    fields = body.model_extra or {}
    warnings = []
    if fields.get("background") == "transparent":
        warnings.append("background: ignored, pictures are always opaque")
    if fields.get("input_fidelity") is not None:
        warnings.append("input_fidelity: ignored, change `strength` instead")
    if fields.get("quality") not in (None, "auto", "standard"):
        warnings.append("quality: ignored, change `steps` instead")
    if fields.get("style") is not None:
        warnings.append("style: ignored, describe it in the prompt")
    if kind != "png" and fields.get("output_compression") not in (None, QUALITY):
        warnings.append(f"output_compression: ignored, it is always {QUALITY}")
    return warnings


def _image_data(turn: Turn, url: str | None, content: str | None) -> ImageData:
    return ImageData(
        b64_json=content,
        url=url,
        revised_prompt=turn.prompt,
        negative_prompt=turn.negative,
        reply=turn.reply,
        session=turn.session,
        turn=turn.number,
    )


def install_images(app: FastAPI, service: Service) -> None:
    """Add the route to the app."""
    app.include_router(_router)

"""`/v1/chat/completions`: a chat in which every user message is feedback on the last picture.

The chat history identifies the session: see `session_reference`. System messages are ignored.
"""

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from ......storage import UnknownSessionError, UnknownTurnError
from .....feedback import Feedback
from .....session_start import SessionOptions
from ...auth import Principal
from ...dependencies import OnceContext, RequestContext
from ...jobs.service import Service
from ...schemas.requests import WHOLE_NUMBER, Name, Seed
from ..batches import continue_batch, start_session_batch, wait_for_batch
from .chat_pictures import ChatStart, find_picture, pictures_of
from .chat_responses import RESTARTED_NOTE, ChatCompletion, ChatResponseWriter, Picture
from .schemas import ModelName, create_router, document_errors, find_model
from .session_reference import (
    Chat,
    ChatMemory,
    Message,
    Position,
    SessionReference,
    invalid_messages,
    last_user_index,
    lines_of,
    position_of,
)
from .sse import STREAM, stream_chunks

_router = create_router()

_MAX_CHOICES = 10


class StreamOptions(BaseModel):
    """OpenAI's options for streaming."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool | None = False


class ChatRequest(BaseModel):
    """OpenAI's fields, and our own: `picture`, `session`, `negative_prompt`, `steps`, `guidance` and `policies`.

    Other fields of OpenAI, such as `temperature` and `tools`, are accepted and ignored.
    """

    model_config = ConfigDict(
        extra="allow",
        allow_inf_nan=False,
        strict=True,
        json_schema_extra={
            "examples": [{"messages": [{"role": "user", "content": "portrait of a man without mustache"}]}]
        },
    )

    messages: list[Message] = Field(min_length=1, max_length=2000)
    model: ModelName = None
    n: Annotated[int, Field(ge=1, le=_MAX_CHOICES), WHOLE_NUMBER] | None = Field(
        default=None, description="Number of choices: the same picture with different seeds."
    )
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    picture: Picture = Field(
        default="link", description="Whether the response has the URL of the picture or a data URL with all of it."
    )
    session: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    seed: Seed | None = None
    negative_prompt: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] | None = None
    steps: Annotated[int, Field(ge=1, le=1000), WHOLE_NUMBER] | None = None
    guidance: Annotated[float, Field(ge=0, le=100)] | None = None
    policies: list[Name] = Field(default=[], max_length=20)


@_router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses={**STREAM, **document_errors(404, 409, 413, 500)},
    summary="Create and correct a picture in a chat",
)
async def create_completion(body: ChatRequest, context: OnceContext) -> Response:
    """The reply, and the picture as Markdown; with `stream`, the reply before the picture is drawn.

    A picture in the last message (a data URL) starts a session from it; one that the caller's session drew goes on with
    that session. With `n`, the choices differ in their seeds; a chat can continue from each of them.
    """
    memory: ChatMemory = context.request.app.state.openai_chats
    chat, count = _chat_of(body, context.principal), body.n or 1
    start = await _find_start(body, context, memory, chat)
    position = start.position
    if position.place is None:
        options = _session_options(body, position.lines, context.service)
        if start.source is not None:
            options = replace(options, source=await context.service.pictures.save(start.source))
        jobs = await start_session_batch(context, options, count)
    else:
        seed = await _find_new_seed(body, context, position.place)
        jobs = await continue_batch(context, position.place, Feedback(position.lines, seed=seed), count)
    writer = ChatResponseWriter(
        jobs,
        context.service,
        context.urls,
        model=body.model or context.service.models.default,
        picture=body.picture,
        note=start.note + (RESTARTED_NOTE if position.place is None and len(position.lines) > 1 else ""),
        keep=partial(memory.keep, chat, lines_of(body.messages)),
    )
    if not body.stream:
        return JSONResponse(await writer.whole(await wait_for_batch(context, jobs)))
    with_usage = bool(body.stream_options and body.stream_options.include_usage)
    return await stream_chunks(writer.chunks(with_usage=with_usage))


async def _find_start(body: ChatRequest, context: RequestContext, memory: ChatMemory, chat: Chat) -> ChatStart:
    position = await _find_position(body, context, memory, chat)
    if body.session is None:
        return await find_picture(body.messages, position, context.service.pictures, context.principal)
    if pictures_of(body.messages[last_user_index(body.messages)]):
        raise invalid_messages("messages: `session` names the picture: omit it, or the picture in the message")
    return ChatStart(position)


async def _find_new_seed(body: ChatRequest, context: RequestContext, place: SessionReference) -> int | None:
    """The seed of the request, unless it is the one that the session began with: clients repeat that one."""
    if body.seed is None:
        return None
    try:
        first = await context.service.reader.load_turn(context.principal, place.session, 0)
        current = await context.service.reader.load_turn(context.principal, place.session, place.turn)
    except (UnknownSessionError, UnknownTurnError):  # its first picture is still drawn
        return None
    return None if body.seed in (first.seed, current.seed) else body.seed


async def _find_position(body: ChatRequest, context: RequestContext, memory: ChatMemory, chat: Chat) -> Position:
    position = position_of(body.messages, body.session, memory, chat)
    if position.place is not None and position.is_remembered:
        try:
            await context.service.reader.load_session(context.principal, position.place.session)
        except UnknownSessionError:  # the session was deleted
            return position_of(body.messages, None, ChatMemory(), chat)
    return position


def _chat_of(body: ChatRequest, principal: Principal) -> Chat:
    settings = body.model_dump(include={"model", "seed", "negative_prompt", "steps", "guidance", "policies"})
    return Chat(principal.id or "", repr([settings, (body.model_extra or {}).get("user")]))


def _session_options(body: ChatRequest, lines: tuple[str, ...], service: Service) -> SessionOptions:
    """The options of a new session. Later requests may repeat them; then all but a new seed are ignored."""
    return SessionOptions(
        lines[0],
        feedback=lines[1:],
        negative=body.negative_prompt or "",
        seed=body.seed,
        steps=body.steps,
        guidance=body.guidance,
        policies=tuple(body.policies),
        model=find_model(body.model, service),
    )


def install_chat(app: FastAPI, service: Service) -> None:
    """Add the route and its state to the app."""
    app.state.openai_chats = ChatMemory()
    app.include_router(_router)

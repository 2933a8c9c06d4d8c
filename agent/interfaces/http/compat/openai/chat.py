"""`/v1/chat/completions`: a chat in which every message is feedback on the last answer's picture.

What was said before decides which session it is: see `openai_places`. System messages are for language models,
and are not read.
"""

from functools import partial
from typing import Annotated

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from ......storage import UnknownSessionError
from .....feedback import Feedback
from .....session_start import Beginning
from ...auth import Caller
from ...dependencies import TheCaller, TheLinks, TheReceipt, TheService
from ...jobs.service import Service
from ...schemas.requests import WHOLE, Name, Seed
from ..batches import begun_once, drawn, gone_on
from .chat_responses import READ_AGAIN, ChatAnswer, Completion, Picture
from .schemas import ModelName, errors, model_named, router
from .session_reference import Chat, ChatMemory, Message, Position, lines_of, position_of
from .sse import STREAM, streaming

MOST_BYTES = 32 << 20
"""A chat's history carries its pictures, where they are data URLs."""

_router = router()

_MOST = 10


class StreamOptions(BaseModel):
    """How to stream."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool | None = False


class ChatAsked(BaseModel):
    """OpenAI's fields, and `picture`, `session`, `negative_prompt`, `steps`, `guidance`, `policies` of our own.

    Fields of OpenAI's that mean nothing here, such as `temperature` and `tools`, are taken and change nothing.
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
    n: Annotated[int, Field(ge=1, le=_MOST), WHOLE] | None = Field(
        default=None, description="How many answers: the same picture from so many seeds."
    )
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    picture: Picture = Field(default="link", description="How the picture is in the answer: its address, or all of it.")
    session: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    seed: Seed | None = None
    negative_prompt: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] | None = None
    steps: Annotated[int, Field(ge=1, le=1000), WHOLE] | None = None
    guidance: Annotated[float, Field(ge=0, le=100)] | None = None
    policies: list[Name] = Field(default=[], max_length=20)


@_router.post(
    "/chat/completions",
    response_model=Completion,
    responses={**STREAM, **errors(404, 409, 413, 500)},
    summary="Talk to a picture, as to a chat model",
)
async def completions(
    asked: ChatAsked, request: Request, service: TheService, caller: TheCaller, receipt: TheReceipt, links: TheLinks
) -> Response:
    """The reply, and the picture as Markdown; with `stream`, the reply before the picture is drawn.

    `n` choices are the same again from other seeds, each to go on from.
    """
    memory: ChatMemory = request.app.state.openai_chats
    chat, count = _chat_of(asked, caller), asked.n or 1
    position = await _position(asked, service, caller, memory, chat)
    if position.place is None:
        runs = await begun_once(service, caller, _beginning(asked, position.lines, service), count, receipt)
    else:
        runs = await gone_on(service, caller, position.place, Feedback(position.lines), count, receipt)
    answer = ChatAnswer(
        runs,
        service,
        links,
        model=asked.model or service.serving.models[0],
        picture=asked.picture,
        note=READ_AGAIN if position.place is None and len(position.lines) > 1 else "",
        keep=partial(memory.keep, chat, lines_of(asked.messages)),
    )
    if not asked.stream:
        return JSONResponse(await answer.whole(await drawn(request, runs)))
    options = asked.stream_options
    return await streaming(answer.chunks(with_usage=bool(options and options.include_usage)))


async def _position(asked: ChatAsked, service: Service, caller: Caller, memory: ChatMemory, chat: Chat) -> Position:
    position = position_of(asked.messages, asked.session, memory, chat)
    if position.place is not None and position.is_remembered:
        try:
            await service.session(caller, position.place.session)
        except UnknownSessionError:  # it was deleted since
            return position_of(asked.messages, None, ChatMemory(), chat)
    return position


def _chat_of(asked: ChatAsked, caller: Caller) -> Chat:
    settings = asked.model_dump(include={"model", "seed", "negative_prompt", "steps", "guidance", "policies"})
    return Chat(caller.id or "", repr([settings, (asked.model_extra or {}).get("user")]))


def _beginning(asked: ChatAsked, lines: tuple[str, ...], service: Service) -> Beginning:
    """A seed, and the other values, are for the first picture; later requests of the chat may repeat them."""
    return Beginning(
        lines[0],
        feedback=lines[1:],
        negative=asked.negative_prompt or "",
        seed=asked.seed,
        steps=asked.steps,
        guidance=asked.guidance,
        policies=tuple(asked.policies),
        model=model_named(asked.model, service),
    )


def install(app: FastAPI, service: Service) -> None:
    """Add the route, and what it remembers."""
    app.state.openai_chats = ChatMemory()
    app.include_router(_router)

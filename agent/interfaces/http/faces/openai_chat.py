"""`/v1/chat/completions`: a chat in which every message is feedback on the last answer's picture.

What was said before decides which session it is: see `openai_places`. System messages are for language models,
and are not read.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from ....beginning import Beginning
from ....conversation import Turn
from ..answers import TurnAnswer
from ..asking import TheCaller, TheLinks, TheReceipt, TheService, attended
from ..bodies import WHOLE, Name, Seed
from ..events import Event
from ..links import Links
from ..runs import Run
from ..service import Service
from .openai_places import Message, place_of, title, words_of
from .openai_shapes import ModelName, errors, model_named, router
from .openai_streams import ALIVE, STREAM, data, failure, happening, streaming
from .pictures import encoded

MOST_BYTES = 32 << 20
"""A chat's history carries its pictures, where they are data URLs."""

_router = router()

Picture = Literal["link", "data"]


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
    n: Annotated[int, Field(ge=1, le=1), WHOLE] | None = Field(
        default=None, description="One answer; say “another one” for another."
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


class Completion(BaseModel):
    """An answer."""

    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, int]
    notthat: TurnAnswer = Field(description="The turn, for programs.")


@_router.post(
    "/chat/completions",
    response_model=Completion,
    responses={**STREAM, **errors(404, 409, 413, 500)},
    summary="Talk to a picture, as to a chat model",
)
async def completions(
    asked: ChatAsked, request: Request, service: TheService, caller: TheCaller, receipt: TheReceipt, links: TheLinks
) -> Response:
    """The reply, and the picture as Markdown; with `stream`, the reply before the picture is drawn."""
    words, place = words_of(asked.messages), place_of(asked.messages, asked.session)
    if place is None:
        run = await service.start(caller, _beginning(asked, words, service), receipt)
    else:
        run = await service.say(caller, place.session, words, receipt, turn=place.turn)
    answer = _Answer(asked, run, service, links)
    if not asked.stream:
        return JSONResponse(await answer.whole(await attended(request, run)))
    return await streaming(answer.chunks())


def _beginning(asked: ChatAsked, words: str, service: Service) -> Beginning:
    """A seed, and the other values, are for the first picture; later requests of the chat may repeat them."""
    return Beginning(
        words,
        negative=asked.negative_prompt or "",
        seed=asked.seed,
        steps=asked.steps,
        guidance=asked.guidance,
        policies=tuple(asked.policies),
        model=model_named(asked.model, service),
    )


class _Answer:
    """The answer that a run is going to be, whole or in chunks."""

    def __init__(self, asked: ChatAsked, run: Run, service: Service, links: Links) -> None:
        self._asked, self._run, self._service, self._links = asked, run, service, links
        self._created = int(time.time())
        self._said = ""

    async def whole(self, turn: Turn) -> dict[str, Any]:
        """All of it."""
        content = turn.reply + await self._picture(turn)
        message = {"role": "assistant", "content": content, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        answer = Completion(**self._head(), choices=[choice], usage=_USAGE, notthat=self._told(turn))
        return answer.model_dump(mode="json")

    async def chunks(self) -> AsyncGenerator[str]:
        """As server-sent events: the reply once it is known, the picture once it is drawn.

        What goes wrong in the first second is raised before the first chunk; later errors are chunks.
        """
        begun = False
        async with aclosing(happening(self._run, self._service)) as events:
            async for event in events:
                if not begun:
                    begun = True
                    yield self._chunk({"role": "assistant", "content": ""})
                async for chunk in self._chunks_of(event):
                    yield chunk

    async def _chunks_of(self, event: Event | None) -> AsyncIterator[str]:
        if event is None:
            yield ALIVE
        elif event.name == "interpreted" and isinstance(event.data, dict):
            self._said = str(event.data["reply"])
            yield self._chunk({"content": self._said})
        elif event.name in ("failed", "cancelled"):
            yield failure(self._run)
        elif event.name == "done" and isinstance(event.data, Turn):
            async for chunk in self._end(event.data):
                yield chunk

    async def _end(self, turn: Turn) -> AsyncIterator[str]:
        rest = turn.reply.removeprefix(self._said)  # news of other turns come last
        yield self._chunk({"content": rest + await self._picture(turn)})
        yield self._chunk({}, finish_reason="stop", notthat=self._told(turn))
        if self._asked.stream_options is not None and self._asked.stream_options.include_usage:
            yield data({**self._head(), "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})
        yield "data: [DONE]\n\n"

    async def _picture(self, turn: Turn) -> str:
        """The picture as Markdown; its title says where the chat stands. Last, whom to turn to, where that is asked."""
        address = self._links.image(turn.sha256, turn.session, turn.number)
        if self._asked.picture == "data":
            content = await self._service.reading(lambda: encoded(turn, self._service, "png"))
            address = f"data:image/png;base64,{content}"
        told = self._told(turn)
        links = told.links
        handoff = f"\n\nA person can go on from here: {links.page} (all so far: {links.replay})" if told.handoff else ""
        return f'\n\n![turn {turn.number}]({address} "{title(turn)}"){handoff}'

    def _told(self, turn: Turn) -> TurnAnswer:
        return TurnAnswer.of(turn, self._links)

    def _head(self) -> dict[str, Any]:
        model = self._asked.model or self._service.serving.models[0]
        return {"id": f"chatcmpl-{self._run.session}", "created": self._created, "model": model}

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None, notthat: TurnAnswer | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        told = {} if notthat is None else {"notthat": notthat.model_dump(mode="json")}
        return data({**self._head(), "object": "chat.completion.chunk", "choices": [choice], **told})


_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
"""There is nothing to be paid by the token."""


def install(app: FastAPI, service: Service) -> None:
    """Add the route."""
    app.include_router(_router)

"""Chat responses: the reply and the picture as Markdown, whole or streamed."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import ExitStack, aclosing
from typing import Any, Literal

from pydantic import BaseModel, Field
from sse_starlette.event import ServerSentEvent

from .....conversation import Turn
from .....interpreters import Usage
from .....turn_execution import token_usage
from ...jobs.event_log import JobEvent
from ...jobs.service import Service
from ...jobs.turn_and_replay_jobs import TurnJob
from ...schemas.responses import TurnResponse
from ...sse import HEARTBEAT, build_json_event
from ...urls import Urls
from ..batches import encode_image
from ..markdown import escape_markdown
from .session_reference import format_title
from .sse import DONE, error_event, iterate_job_events

Picture = Literal["link", "data"]

RESTARTED_NOTE = "(This chat has no known session, so a new one was started from all of its messages.) "
"""Precedes the reply if a chat with earlier messages starts a new session."""


class ChatCompletion(BaseModel):
    """A response in OpenAI's format, with our own field `notthat`."""

    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, int] = Field(
        description="Tokens used by a language model to interpret the message; zero with the grammar."
    )
    notthat: TurnResponse = Field(description="The turn of the first choice.")


class ChatResponseWriter:
    """Writes the response for some jobs, a choice for each, whole or streamed; calls `keep` with each turn."""

    def __init__(
        self,
        jobs: Sequence[TurnJob],
        service: Service,
        urls: Urls,
        *,
        model: str,
        picture: Picture,
        note: str,
        keep: Callable[[Turn], None],
    ) -> None:
        self._jobs, self._service, self._urls = jobs, service, urls
        self._has_inline_pictures, self._note, self._keep = picture == "data", note, keep
        self._head: dict[str, Any] = {"id": f"chatcmpl-{jobs[0].session}", "created": int(time.time()), "model": model}
        self._reply = ""

    async def whole(self, turns: Sequence[Turn]) -> dict[str, Any]:
        """The response without streaming."""
        choices: list[dict[str, Any]] = []
        for index, turn in enumerate(turns):
            self._keep(turn)
            content = self._note + escape_markdown(turn.reply) + await self._picture(turn)
            message = {"role": "assistant", "content": content, "refusal": None}
            choice = {"index": index, "message": message, "logprobs": None, "finish_reason": "stop"}
            if len(turns) > 1:
                choice["notthat"] = self._turn_response(turn).model_dump(mode="json")
            choices.append(choice)
        usage = _usage(turns)
        completion = ChatCompletion(**self._head, choices=choices, usage=usage, notthat=self._turn_response(turns[0]))
        return completion.model_dump(mode="json")

    async def chunks(self, *, with_usage: bool) -> AsyncGenerator[ServerSentEvent]:
        """Yield each reply once its words are interpreted, and each picture once it is drawn.

        An error in the first second is raised; later ones are events.
        """
        turns: list[Turn] = []
        with ExitStack() as subscriptions:
            for job in self._jobs:
                subscriptions.enter_context(job.subscribe())
            for index, job in enumerate(self._jobs):
                async with aclosing(self._choice(index, job, turns)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                if len(turns) == index:  # the job failed; the last event is its error
                    return
            if with_usage:
                yield build_json_event(
                    {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(turns)}
                )
            yield DONE

    async def _choice(self, index: int, job: TurnJob, turns: list[Turn]) -> AsyncGenerator[ServerSentEvent]:
        has_begun, self._reply = False, ""
        async with aclosing(iterate_job_events(job, self._service)) as events:
            async for event in events:
                if not has_begun:
                    has_begun = True
                    yield self._chunk(index, {"role": "assistant", "content": self._note})
                async for chunk in self._event_chunks(index, job, event, turns):
                    yield chunk

    async def _event_chunks(
        self, index: int, job: TurnJob, event: JobEvent | None, turns: list[Turn]
    ) -> AsyncIterator[ServerSentEvent]:
        if event is None:
            yield HEARTBEAT
        elif event.name == "interpreted" and isinstance(event.data, dict):
            self._reply = str(event.data["reply"])
            yield self._chunk(index, {"content": escape_markdown(self._reply)})
        elif event.name in ("failed", "cancelled"):
            yield error_event(job)
        elif event.name == "done" and isinstance(event.data, Turn):
            turns.append(event.data)
            self._keep(event.data)
            rest = event.data.reply.removeprefix(self._reply)  # a notice about other turns comes last
            yield self._chunk(index, {"content": escape_markdown(rest) + await self._picture(event.data)})
            yield self._chunk(index, {}, finish_reason="stop", notthat=self._turn_response(event.data))

    async def _picture(self, turn: Turn) -> str:
        """The picture as Markdown, with session and turn in its title, and links for a handoff if one is needed.

        A question has no picture: the next message answers it.
        """
        if turn.question is not None:
            return ""
        address = self._urls.image(turn.sha256, turn.session, turn.number)
        if self._has_inline_pictures:
            content = await encode_image(turn, self._service, "png")
            address = f"data:image/png;base64,{content}"
        response = self._turn_response(turn)
        links = response.links
        handoff = ""
        if response.handoff:
            handoff = f"\n\nA person can go on from here: {links.page} (all so far: {links.replay})"
        return f'\n\n![turn {turn.number}]({address} "{format_title(turn)}"){handoff}'

    def _turn_response(self, turn: Turn) -> TurnResponse:
        return TurnResponse.from_turn(turn, self._urls)

    def _chunk(
        self, index: int, delta: dict[str, Any], finish_reason: str | None = None, notthat: TurnResponse | None = None
    ) -> ServerSentEvent:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        own_fields = {} if notthat is None else {"notthat": notthat.model_dump(mode="json")}
        return build_json_event({**self._head, "object": "chat.completion.chunk", "choices": [choice], **own_fields})


def _usage(turns: Sequence[Turn]) -> dict[str, int]:
    usage = sum(map(token_usage, turns), Usage())
    return {**usage.model_dump(), "total_tokens": usage.prompt_tokens + usage.completion_tokens}

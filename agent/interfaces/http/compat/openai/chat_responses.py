"""A chat's answer: the reply and the picture as Markdown, whole or piece by piece."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import ExitStack, aclosing
from typing import Any, Literal

from pydantic import BaseModel, Field

from .....conversation import Turn
from .....interpreters import Usage
from .....turn_execution import token_usage
from ...jobs.event_log import JobEvent
from ...jobs.service import Service
from ...jobs.turn_and_replay_jobs import TurnJob
from ...schemas.responses import TurnResponse
from ...urls import Urls
from ..batches import encode_image
from ..markdown import escape_markdown
from .session_reference import format_title
from .sse import ALIVE, format_data, format_failure, iterate_job_events

Picture = Literal["link", "data"]

READ_AGAIN = "(This chat was read again from its first message, and drawn anew.) "
"""What is said where a chat isn't found, and its earlier messages become a session."""


class ChatCompletion(BaseModel):
    """An answer."""

    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, int] = Field(description="What a language model took to read the words; zero with the rules.")
    notthat: TurnResponse = Field(description="The first choice's turn, for programs.")


class ChatResponseWriter:
    """The answer that some runs are going to be, a choice each; `keep` is told of each turn."""

    def __init__(
        self,
        runs: Sequence[TurnJob],
        service: Service,
        urls: Urls,
        *,
        model: str,
        picture: Picture,
        note: str,
        keep: Callable[[Turn], None],
    ) -> None:
        self._runs, self._service, self._links = runs, service, urls
        self._inlines, self._note, self._keep = picture == "data", note, keep
        self._head: dict[str, Any] = {"id": f"chatcmpl-{runs[0].session}", "created": int(time.time()), "model": model}
        self._said = ""

    async def whole(self, turns: Sequence[Turn]) -> dict[str, Any]:
        """All of it."""
        choices = []
        for index, turn in enumerate(turns):
            self._keep(turn)
            content = self._note + escape_markdown(turn.reply) + await self._picture(turn)
            message = {"role": "assistant", "content": content, "refusal": None}
            told = {"notthat": self._told(turn).model_dump(mode="json")} if len(turns) > 1 else {}
            choices.append({"index": index, "message": message, "logprobs": None, "finish_reason": "stop", **told})
        usage = _usage(turns)
        answer = ChatCompletion(**self._head, choices=choices, usage=usage, notthat=self._told(turns[0]))
        return answer.model_dump(mode="json")

    async def chunks(self, *, with_usage: bool) -> AsyncGenerator[str]:
        """As server-sent events: each reply once it is known, each picture once it is drawn.

        What goes wrong in the first second is raised before the first chunk; later errors are chunks.
        """
        turns: list[Turn] = []
        with ExitStack() as attending:
            for run in self._runs:
                attending.enter_context(run.subscribe())
            for index, run in enumerate(self._runs):
                async with aclosing(self._choice(index, run, turns)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                if len(turns) == index:  # it failed, and the chunk says so
                    return
            if with_usage:
                yield format_data(
                    {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(turns)}
                )
            yield "data: [DONE]\n\n"

    async def _choice(self, index: int, job: TurnJob, turns: list[Turn]) -> AsyncGenerator[str]:
        begun, self._said = False, ""
        async with aclosing(iterate_job_events(job, self._service)) as events:
            async for event in events:
                if not begun:
                    begun = True
                    yield self._chunk(index, {"role": "assistant", "content": self._note})
                async for chunk in self._chunks_of(index, job, event, turns):
                    yield chunk

    async def _chunks_of(
        self, index: int, job: TurnJob, event: JobEvent | None, turns: list[Turn]
    ) -> AsyncIterator[str]:
        if event is None:
            yield ALIVE
        elif event.name == "interpreted" and isinstance(event.data, dict):
            self._said = str(event.data["reply"])
            yield self._chunk(index, {"content": escape_markdown(self._said)})
        elif event.name in ("failed", "cancelled"):
            yield format_failure(job)
        elif event.name == "done" and isinstance(event.data, Turn):
            turns.append(event.data)
            self._keep(event.data)
            rest = event.data.reply.removeprefix(self._said)  # news of other turns come last
            yield self._chunk(index, {"content": escape_markdown(rest) + await self._picture(event.data)})
            yield self._chunk(index, {}, finish_reason="stop", notthat=self._told(event.data))

    async def _picture(self, turn: Turn) -> str:
        """The picture as Markdown; its title says where the chat stands. Last, whom to turn to, where that is asked."""
        address = self._links.image(turn.sha256, turn.session, turn.number)
        if self._inlines:
            content = await self._service.run_in_thread(lambda: encode_image(turn, self._service, "png"))
            address = f"data:image/png;base64,{content}"
        told = self._told(turn)
        links = told.links
        handoff = f"\n\nA person can go on from here: {links.page} (all so far: {links.replay})" if told.handoff else ""
        return f'\n\n![turn {turn.number}]({address} "{format_title(turn)}"){handoff}'

    def _told(self, turn: Turn) -> TurnResponse:
        return TurnResponse.from_turn(turn, self._links)

    def _chunk(
        self, index: int, delta: dict[str, Any], finish_reason: str | None = None, notthat: TurnResponse | None = None
    ) -> str:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        told = {} if notthat is None else {"notthat": notthat.model_dump(mode="json")}
        return format_data({**self._head, "object": "chat.completion.chunk", "choices": [choice], **told})


def _usage(turns: Sequence[Turn]) -> dict[str, int]:
    taken = sum(map(token_usage, turns), Usage())
    return {**taken.model_dump(), "total_tokens": taken.prompt_tokens + taken.completion_tokens}

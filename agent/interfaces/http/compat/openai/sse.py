"""Answers that come piece by piece, as OpenAI's clients read them: server-sent events, and errors among them."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi.responses import StreamingResponse

from ...jobs.event_log import JobEvent
from ...jobs.service import Service
from ...jobs.turn_and_replay_jobs import TurnJob
from ...problems import to_problem
from .schemas import to_error

ALIVE = ": \n\n"
"""Says nothing but that more comes."""
STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}
"""OpenAPI's word on an answer that may be one."""
_PATIENCE = 1.0
"""Seconds that a stream is held back for an error that can be answered with a status of its own."""


async def stream_chunks(chunks: AsyncGenerator[str]) -> StreamingResponse:
    """The answer that these make; what goes wrong before the first of them is raised."""
    first = await anext(chunks)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_prepend(first, chunks), media_type="text/event-stream", headers=headers)


async def iterate_job_events(job: TurnJob, service: Service) -> AsyncGenerator[JobEvent | None]:
    """What happens to a run from when it is understood, or has waited for a second; None says that it waits still.

    Whoever reads attends the run. What goes wrong before that is raised.
    """
    begun = False
    heartbeat = min(_PATIENCE, service.config.heartbeat)
    with job.subscribe():
        async with aclosing(job.events.follow(heartbeat=heartbeat)) as events:
            async for event in events:
                if not begun and event is not None and event.name in ("failed", "cancelled"):
                    await job.result()  # which raises it
                begun = begun or event is None or event.name != "queued"
                if begun:
                    yield event


def format_data(value: dict[str, Any]) -> str:
    """A piece."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def format_failure(job: TurnJob) -> str:
    """What went wrong with a run, as a piece."""
    problem = to_problem(job.error or RuntimeError("it ended without a picture"))
    return format_data(to_error(problem).model_dump(mode="json"))


async def _prepend(first: str, chunks: AsyncGenerator[str]) -> AsyncIterator[str]:
    async with aclosing(chunks):  # at once, when the client has gone
        yield first
        async for chunk in chunks:
            yield chunk

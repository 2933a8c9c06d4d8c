"""Streaming responses in OpenAI's format: server-sent events, including errors."""

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

HEARTBEAT = ": \n\n"
"""A comment that keeps the connection open."""
STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}
"""OpenAPI `responses` for a route that may stream."""
_ERROR_WINDOW = 1.0
"""Seconds to wait before the stream starts, so that early errors still get their HTTP status."""


async def stream_chunks(chunks: AsyncGenerator[str]) -> StreamingResponse:
    """A streaming response. Errors before the first chunk are raised."""
    first = await anext(chunks)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_prepend(first, chunks), media_type="text/event-stream", headers=headers)


async def iterate_job_events(job: TurnJob, service: Service) -> AsyncGenerator[JobEvent | None]:
    """The events of a job after it has left the queue or waited for a second; None is a heartbeat.

    The reader is subscribed to the job. An error before the first event is raised.
    """
    has_started = False
    heartbeat = min(_ERROR_WINDOW, service.config.heartbeat)
    with job.subscribe():
        async with aclosing(job.events.follow(heartbeat=heartbeat)) as events:
            async for event in events:
                if not has_started and event is not None and event.name in ("failed", "cancelled"):
                    await job.result()  # raises the error
                has_started = has_started or event is None or event.name != "queued"
                if has_started:
                    yield event


def format_data(value: dict[str, Any]) -> str:
    """A chunk of the stream."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def format_failure(job: TurnJob) -> str:
    """The error of a failed job, as a chunk."""
    problem = to_problem(job.error or RuntimeError("the job ended without a picture"))
    return format_data(to_error(problem).model_dump(mode="json"))


async def _prepend(first: str, chunks: AsyncGenerator[str]) -> AsyncIterator[str]:
    async with aclosing(chunks):  # closes the generator as soon as the client disconnects
        yield first
        async for chunk in chunks:
            yield chunk

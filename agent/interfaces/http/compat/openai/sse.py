"""OpenAI's streamed responses: server-sent events, including errors."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi.responses import StreamingResponse
from sse_starlette.event import ServerSentEvent

from ...jobs.event_log import JobEvent
from ...jobs.service import Service
from ...jobs.turn_and_replay_jobs import TurnJob
from ...problems import to_problem
from ...sse import MEDIA_TYPE, build_event, build_json_event, stream_response
from .schemas import to_error

DONE = build_event("[DONE]")
"""The last event of a chat stream."""
STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}}
"""The OpenAPI response of a route that can stream."""
_MAX_DELAY = 1.0
"""Maximum delay of a stream in seconds, so that an early error can set the status of the response."""


async def stream_chunks(chunks: AsyncGenerator[ServerSentEvent]) -> StreamingResponse:
    """The response with these events. Raises an error that occurs before the first event."""
    return stream_response(_prepend(await anext(chunks), chunks))


async def iterate_job_events(job: TurnJob, service: Service) -> AsyncGenerator[JobEvent | None]:
    """Subscribe to a job and yield its events; None is a heartbeat.

    Yields nothing until the first event other than `queued` or the first heartbeat, after at most `_MAX_DELAY`. A
    failure or cancellation before that is raised.
    """
    has_begun = False
    heartbeat = min(_MAX_DELAY, service.streams.heartbeat)
    with job.subscribe():
        async with aclosing(job.events.follow(heartbeat=heartbeat)) as events:
            async for event in events:
                if not has_begun and event is not None and event.name in ("failed", "cancelled"):
                    await job.result()  # raises the error
                has_begun = has_begun or event is None or event.name != "queued"
                if has_begun:
                    yield event


def error_event(job: TurnJob) -> ServerSentEvent:
    """The event for a failed job."""
    problem = to_problem(job.error or RuntimeError("it ended without a picture"))
    return build_json_event(to_error(problem).model_dump(mode="json"))


async def _prepend(first: ServerSentEvent, chunks: AsyncGenerator[ServerSentEvent]) -> AsyncGenerator[ServerSentEvent]:
    async with aclosing(chunks):  # closes the generator as soon as the client disconnects
        yield first
        async for chunk in chunks:
            yield chunk

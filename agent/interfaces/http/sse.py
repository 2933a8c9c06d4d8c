"""Server-sent events: one framing for turns, replays, sessions and OpenAI's streams."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, get_args

from fastapi import Response
from fastapi.responses import StreamingResponse
from sse_starlette.event import ServerSentEvent

from ...conversation import Turn
from .auth import Principal
from .jobs.event_log import EventData, EventLog, EventName, JobEvent
from .jobs.job import Job
from .jobs.service import Service
from .schemas.responses import ReplayResponse, TurnResponse
from .urls import Urls

MEDIA_TYPE = "text/event-stream"

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def build_event(
    data: str | None = None,
    *,
    name: str | None = None,
    event_id: str | None = None,
    retry: int | None = None,
    comment: str | None = None,
) -> ServerSentEvent:
    """An event, its lines in the order `id`, `event`, `data`, and ended by a line feed each."""
    return ServerSentEvent(data, event=name, id=event_id, retry=retry, comment=comment, sep="\n")


def build_json_event(data: dict[str, Any], *, name: str | None = None, event_id: str | None = None) -> ServerSentEvent:
    """An event whose data is JSON."""
    return build_event(json.dumps(data, ensure_ascii=False), name=name, event_id=event_id)


RETRY = build_event(retry=1000)
"""Tells clients to reconnect after 1000 ms."""
HEARTBEAT = build_event(comment="")
"""A comment line, which clients ignore; it keeps the connection open."""


def document_stream(events: Sequence[str], content: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI response of a stream with events of these names; `content` says what their data is."""
    schema = {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "event": {"enum": list(events)},
            "data": {"type": "string", "contentMediaType": "application/json"},
            "retry": {"type": "integer"},
        },
    }
    description = f"Server-sent events; the data of each is {content}."
    return {200: {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}}


JOB_STREAM: dict[int | str, dict[str, Any]] = {
    **document_stream(get_args(EventName), "JSON"),
    204: {"description": "The client has received all events."},
}
"""The OpenAPI responses of a route that streams a job's events."""


def stream_response(events: AsyncGenerator[ServerSentEvent]) -> StreamingResponse:
    """The response that sends these events."""
    return StreamingResponse(_encode(events), media_type=MEDIA_TYPE, headers=_HEADERS)


async def _encode(events: AsyncGenerator[ServerSentEvent]) -> AsyncIterator[bytes]:
    async with aclosing(events):  # at once, when the client has gone
        async for event in events:
            yield event.encode()


def stream_job(
    service: Service, principal: Principal, job: Job[Any] | None, log: EventLog, after: str | None, urls: Urls
) -> Response:
    """Stream the events after the one of id `after`; 204 where that was the last.

    Raises `Problem`, 429, where the caller has too many streams open.
    """
    if log.is_finished_after(after):
        return Response(status_code=204)
    service.streams.check_place(principal)
    return stream_response(_job_events(service, principal, job, log, after, urls))


async def _job_events(
    service: Service, principal: Principal, job: Job[Any] | None, log: EventLog, after: str | None, urls: Urls
) -> AsyncGenerator[ServerSentEvent]:
    with service.streams.subscribe(principal, job):
        yield RETRY
        async with aclosing(log.follow(after, service.streams.heartbeat)) as events:
            async for event in events:
                yield HEARTBEAT if event is None else _to_sse(event, urls)


def _to_sse(event: JobEvent, urls: Urls) -> ServerSentEvent:
    return build_json_event(_to_json(event.data, urls), name=event.name, event_id=event.id)


def _to_json(data: EventData, urls: Urls) -> dict[str, Any]:
    match data:
        case Turn():
            return TurnResponse.from_turn(data, urls).model_dump(mode="json")
        case tuple():
            return ReplayResponse.from_results(data).model_dump(mode="json")
        case _:
            return data

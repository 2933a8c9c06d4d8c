"""Events as a stream: `text/event-stream`, as browsers' EventSource reads it."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, nullcontext
from typing import Any, get_args

from fastapi import Response
from fastapi.responses import StreamingResponse

from ....storage import Attempt
from ...conversation import Turn
from .auth import Principal
from .jobs.event_log import Data, EventLog, JobEvent, Name
from .jobs.job import Job
from .jobs.remote_turns import to_error
from .jobs.service import Service
from .jobs.turn_and_replay_jobs import TurnJob
from .problems import to_problem
from .schemas.responses import ReplayResponse, TurnResponse
from .urls import Urls

MEDIA_TYPE = "text/event-stream"

EVENT_SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "event": {"enum": list(get_args(Name))},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
}
"""One event, as OpenAPI has it."""

STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events; the data of each is JSON.",
        "content": {MEDIA_TYPE: {"schema": EVENT_SCHEMA}},
    },
    204: {"description": "All of them were told already."},
}
"""The answers of a route that tells events, as OpenAPI has them."""

RETRY = "retry: 1000\n\n"
"""Milliseconds after which a client that was cut off comes back."""
ALIVE = ": \n\n"
"""Says that the server lives."""


async def find_events(
    service: Service, principal: Principal, session: str, number: int
) -> tuple[TurnJob | None, EventLog]:
    """The run of a turn with its events; of one that has ended long ago only how it ended.

    Raises `UnknownSessionError` or `UnknownTurnError` where there is none, or it is another caller's.
    """
    run = service.jobs.find(session, number)
    if run is not None and principal.can_see(run.owner):
        return run, run.events
    found = await service.find_turn(principal, session, number)
    log = EventLog(f"{session}.{number}")
    if not isinstance(found, Attempt):
        log.add("done", found, last=True)
    elif found.status == "pending":
        run = service.follow(session, number)
        return run, run.events
    else:
        cancelled = found.status == "cancelled"
        log.add("cancelled" if cancelled else "failed", to_problem(to_error(found)).to_json(), last=True)
    return None, log


def stream_events(
    service: Service, principal: Principal, job: Job[Any] | None, log: EventLog, after: str | None, urls: Urls
) -> Response:
    """The answer that tells these events; 204 where whoever asks has heard of all.

    Raises `Problem`, 429, where the caller follows too many.
    """
    if log.is_finished_after(after):
        return Response(status_code=204)
    service.check_stream(principal)
    return StreamingResponse(
        iterate_events(service, principal, job, log, after, urls),
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def iterate_events(
    service: Service, principal: Principal, job: Job[Any] | None, log: EventLog, after: str | None, urls: Urls
) -> AsyncIterator[str]:
    """The events after this one, as text; whoever reads it attends the run."""
    with service.streams.held(principal.id), job.subscribe() if job else nullcontext():
        yield RETRY
        async with aclosing(log.follow(after, service.config.heartbeat)) as events:
            async for event in events:
                yield ALIVE if event is None else format_event(event, urls)


def format_event(event: JobEvent, urls: Urls) -> str:
    """An event as the stream has it."""
    told = json.dumps(_with_links(event.data, urls), ensure_ascii=False)
    return f"id: {event.id}\nevent: {event.name}\ndata: {told}\n\n"


def _with_links(data: Data, urls: Urls) -> dict[str, Any]:
    match data:
        case Turn():
            return TurnResponse.from_turn(data, urls).model_dump(mode="json")
        case tuple():
            return ReplayResponse.from_results(data).model_dump(mode="json")
        case _:
            return data

"""Events as a stream: `text/event-stream`, as browsers' EventSource reads it."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, nullcontext
from typing import Any, get_args

from fastapi import Response
from fastapi.responses import StreamingResponse

from ....storage import Attempt
from ...conversation import Turn
from .auth import Caller
from .jobs.event_log import Data, Event, EventLog, Name
from .jobs.job import Underway
from .jobs.remote_turns import error_of
from .jobs.service import Service
from .jobs.turn_and_replay_jobs import Run
from .problems import problem_of
from .schemas.responses import ReplayAnswer, TurnAnswer
from .urls import Links

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


async def events_of(service: Service, caller: Caller, session: str, number: int) -> tuple[Run | None, EventLog]:
    """The run of a turn with its events; of one that has ended long ago only how it ended.

    Raises `UnknownSessionError` or `UnknownTurnError` where there is none, or it is another caller's.
    """
    run = service.runs.find(session, number)
    if run is not None and caller.may_see(run.owner):
        return run, run.events
    found = await service.find_turn(caller, session, number)
    log = EventLog(f"{session}.{number}")
    if not isinstance(found, Attempt):
        log.add("done", found, last=True)
    elif found.status == "pending":
        run = service.follow(session, number)
        return run, run.events
    else:
        cancelled = found.status == "cancelled"
        log.add("cancelled" if cancelled else "failed", problem_of(error_of(found)).as_json(), last=True)
    return None, log


def stream_of(
    service: Service, caller: Caller, run: Underway[Any] | None, log: EventLog, after: str | None, links: Links
) -> Response:
    """The answer that tells these events; 204 where whoever asks has heard of all.

    Raises `Problem`, 429, where the caller follows too many.
    """
    if log.has_ended_by(after):
        return Response(status_code=204)
    service.check_stream(caller)
    return StreamingResponse(
        streamed(service, caller, run, log, after, links),
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def streamed(
    service: Service, caller: Caller, run: Underway[Any] | None, log: EventLog, after: str | None, links: Links
) -> AsyncIterator[str]:
    """The events after this one, as text; whoever reads it attends the run."""
    with service.streams.held(caller.id), run.attended() if run else nullcontext():
        yield RETRY
        async with aclosing(log.follow(after, service.serving.heartbeat)) as events:
            async for event in events:
                yield ALIVE if event is None else text_of(event, links)


def text_of(event: Event, links: Links) -> str:
    """An event as the stream has it."""
    told = json.dumps(_told(event.data, links), ensure_ascii=False)
    return f"id: {event.id}\nevent: {event.name}\ndata: {told}\n\n"


def _told(data: Data, links: Links) -> dict[str, Any]:
    match data:
        case Turn():
            return TurnAnswer.of(data, links).model_dump(mode="json")
        case tuple():
            return ReplayAnswer.of(data).model_dump(mode="json")
        case _:
            return data

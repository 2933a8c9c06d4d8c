"""Events as a stream: `text/event-stream`, as browsers' EventSource reads it."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, nullcontext
from typing import get_args

from ....errors import NotthatError
from ....storage import UnknownSessionError, UnknownTurnError
from ...conversation import Turn
from ...recording import CancelledError
from .answers import TurnAnswer
from .callers import Caller
from .events import Event, EventLog, Name
from .links import Links
from .problems import problem_of
from .runs import Run
from .service import Service
from .standing import is_first_of

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

RETRY = "retry: 1000\n\n"
"""Milliseconds after which a client that was cut off comes back."""
ALIVE = ": \n\n"
"""Says that the server lives."""


async def events_of(service: Service, caller: Caller, session: str, number: int) -> tuple[Run | None, EventLog]:
    """The run of a turn with its events; of one that ended long ago, or in another process, only how it ended.

    Raises `UnknownSessionError` or `UnknownTurnError` where there is none, or it is another caller's.
    """
    run = service.runs.find(session, number)
    if run is not None and caller.may_see(run.owner):
        return run, run.events
    store = service.studio.store
    log = EventLog(f"{session}.{number}")
    try:
        await service.session(caller, session)
        log.add("done", await service.reading(lambda: store.turn(session, number)), last=True)
    except (UnknownSessionError, UnknownTurnError) as unknown:
        attempts = await service.reading(lambda: store.attempts.all(session))
        if isinstance(unknown, UnknownSessionError):  # it may have come to no first picture
            attempts = [each for each in attempts if is_first_of(caller, each)]
        ended = [each for each in attempts if each.turn.number == number and each.status != "pending"]
        if not ended:
            raise
        cancelled = ended[-1].status == "cancelled"
        error = (CancelledError if cancelled else NotthatError)(ended[-1].reason)
        log.add("cancelled" if cancelled else "failed", problem_of(error).as_json(), last=True)
    return None, log


async def streamed(
    run: Run | None, log: EventLog, after: str | None, heartbeat: float, links: Links
) -> AsyncIterator[str]:
    """The events after this one, as text; whoever reads it attends the run."""
    with run.attended() if run else nullcontext():
        yield RETRY
        async with aclosing(log.follow(after, heartbeat)) as events:
            async for event in events:
                yield ALIVE if event is None else text_of(event, links)


def text_of(event: Event, links: Links) -> str:
    """An event as the stream has it."""
    data = event.data
    told = TurnAnswer.of(data, links).model_dump(mode="json") if isinstance(data, Turn) else data
    return f"id: {event.id}\nevent: {event.name}\ndata: {json.dumps(told, ensure_ascii=False)}\n\n"

"""`/api/sessions/{session}/events`: how a session stands, told whenever that changes.

No log is kept: every event is the whole of it, named by its digest. Who was away, or reads slowly, gets what is so now.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from .....errors import NotthatError
from ..auth import Principal
from ..dependencies import CurrentPrincipal, CurrentService, RequestUrls, SessionId
from ..jobs.service import Service
from ..problems import document_problems
from ..session_status import load_session_status
from ..sse import ALIVE, MEDIA_TYPE, RETRY
from ..urls import Urls

router = APIRouter(prefix="/api/sessions/{session}", tags=["sessions"])

_SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "event": {"const": "session"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
}


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events; the data of each is the session, as JSON.",
            "content": {MEDIA_TYPE: {"schema": _SCHEMA}},
        },
        **document_problems(404),
    },
    summary="Follow what happens to a session",
)
async def follow_session(
    session: SessionId,
    service: CurrentService,
    principal: CurrentPrincipal,
    urls: RequestUrls,
    last_event_id: Annotated[
        str | None, Header(max_length=100, description="What is known: told is only what is otherwise.")
    ] = None,
) -> StreamingResponse:
    """`session`, at once and whenever a turn begins or ends, or the session goes on from another.

    Its data is what the session itself answers. What other programs do on the same store is seen within seconds. The
    stream ends after some minutes, so that keys are looked at again, and when the server stops: come back.
    """
    await load_session_status(service, principal, session, urls)
    service.check_stream(principal)
    stream = _iterate_session_events(service, principal, session, urls, last_event_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type=MEDIA_TYPE, headers=headers)


async def _iterate_session_events(
    service: Service, principal: Principal, session: str, urls: Urls, known: str | None
) -> AsyncIterator[str]:
    """The stream; it looks at every piece of news, and at every heartbeat for what other processes did."""
    loop, serving = asyncio.get_running_loop(), service.config
    end = loop.time() + serving.watch
    yield RETRY
    with service.streams.held(principal.id), service.changes.watch(session) as news:
        while not service.changes.closed and (left := end - loop.time()) > 0:
            news.clear()
            try:
                data = (await load_session_status(service, principal, session, urls)).model_dump_json()
            except NotthatError:  # it is gone, or the store doesn't answer: who comes back hears which
                return
            name = hashlib.sha256(data.encode()).hexdigest()[:16]
            yield ALIVE if name == known else f"id: {name}\nevent: session\ndata: {data}\n\n"
            known = name
            try:
                async with asyncio.timeout(min(serving.heartbeat, left)):
                    await news.wait()
            except TimeoutError:
                continue

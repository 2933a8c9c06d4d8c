"""`/api/sessions/{session}/events`: a session's status, sent whenever it changes.

There is no log: every event is the whole status, and its id is a digest of it. A client that was disconnected or reads
slowly gets the current status.
"""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse
from sse_starlette.event import ServerSentEvent

from .....errors import NotthatError
from ..dependencies import Context, RequestContext, SessionId
from ..problems import document_problems
from ..session_status import load_session_status
from ..sse import HEARTBEAT, RETRY, build_event, document_stream, stream_response

router = APIRouter(prefix="/api/sessions/{session}", tags=["sessions"])


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={**document_stream(["session"], "the session, as JSON"), **document_problems(404)},
    summary="Follow a session's status",
)
async def follow_session(
    session: SessionId,
    context: Context,
    last_event_id: Annotated[
        str | None, Header(max_length=100, description="The status that the client has; it is not sent again.")
    ] = None,
) -> StreamingResponse:
    """`session`, at once and whenever a turn begins or ends, or the head moves.

    Its data is that of `GET /api/sessions/{session}`. Changes by other programs on the same store are seen within
    seconds. The stream ends after some minutes, so that the key is checked again, and when the server stops: reconnect.
    """
    await load_session_status(context, session)
    context.service.streams.check_place(context.principal)
    return stream_response(_session_events(context, session, last_event_id))


async def _session_events(
    context: RequestContext, session: str, known_id: str | None
) -> AsyncGenerator[ServerSentEvent]:
    yield RETRY
    async with aclosing(context.service.streams.watch_session(context.principal, session)) as changes:
        async for _ in changes:
            try:
                data = (await load_session_status(context, session)).model_dump_json()
            except NotthatError:  # it is deleted, or the store doesn't answer: a client that reconnects is told which
                return
            event_id = hashlib.sha256(data.encode()).hexdigest()[:16]
            if event_id == known_id:
                yield HEARTBEAT
            else:
                yield build_event(data, name="session", event_id=event_id)
            known_id = event_id

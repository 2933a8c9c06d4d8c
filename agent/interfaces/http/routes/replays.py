"""`/api/sessions/{session}/replay`: every turn again, compared, as it happens; or all of them on one page."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

from ....replay.html_report import content_security_policy, page
from ..auth import Caller
from ..dependencies import Background, SessionId, TheCaller, TheLinks, TheService, attended
from ..jobs.service import Service
from ..jobs.turn_and_replay_jobs import Replaying
from ..problems import Problem, documented
from ..schemas.responses import PendingReplayAnswer, ReplayAnswer
from ..sse import STREAM, stream_of

router = APIRouter(prefix="/api/sessions/{session}", tags=["replays"])

ReplayId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", examples=["8d1e6f02c47ba935"])]

_PENDING: dict[str, Any] = {"model": PendingReplayAnswer, "description": "It is on its way: follow its events."}


@router.post(
    "/replay",
    response_model=ReplayAnswer,
    responses={202: _PENDING, **documented(404, 409, 500)},
    summary="Draw every turn again, and compare",
)
async def replay(
    session: SessionId,
    request: Request,
    service: TheService,
    caller: TheCaller,
    background: Background,
    links: TheLinks,
) -> Response:
    """Each from its stored request alone; turns that are asked for meanwhile are drawn in between."""
    replaying = await service.replay(caller, session, background=background)
    if background:
        pending = PendingReplayAnswer.of(replaying, links)
        headers = {"Location": pending.events, "Preference-Applied": "respond-async"}
        return JSONResponse(pending.model_dump(mode="json"), 202, headers=headers)
    return JSONResponse(ReplayAnswer.of(await attended(request, replaying)).model_dump(mode="json"))


@router.get(
    "/replays/{replay}/events",
    response_class=StreamingResponse,
    responses={**STREAM, **documented(404)},
    summary="Follow a replay",
)
async def followed(
    session: SessionId,
    replay: ReplayId,
    service: TheService,
    caller: TheCaller,
    links: TheLinks,
    last_event_id: Annotated[str | None, Header(max_length=100, description="Go on after this event.")] = None,
) -> Response:
    """`queued`, `step`, and `replayed` for each turn; and last `done`, `failed` or `cancelled`.

    `queued` tells the place, 1 being next; `step` the turn that is drawn, and which it is of how many; `replayed` how
    it came out; `done` the answer for all. They are kept for a while, in this process alone.
    """
    replaying = _found(service, caller, session, replay)
    return stream_of(service, caller, replaying, replaying.events, last_event_id, links)


@router.delete("/replays/{replay}/events", status_code=204, responses=documented(404, 409), summary="Cancel a replay")
async def cancelled(session: SessionId, replay: ReplayId, service: TheService, caller: TheCaller) -> Response:
    """At once where it waits, else after the step at hand."""
    if not _found(service, caller, session, replay).cancel("cancelled"):
        raise Problem(409, "ended", "The replay has ended", "the replay has ended: there is nothing to cancel")
    return Response(status_code=204)


@router.get(
    "/replay.html",
    response_class=HTMLResponse,
    responses=documented(404),
    summary="All turns on one page, for people",
)
async def replay_page(session: SessionId, service: TheService, caller: TheCaller) -> HTMLResponse:
    """It needs nothing else: it can be kept, and mailed."""
    record = await service.session(caller, session)
    store = service.studio.store
    html = await service.reading(lambda: page(record, store.turns(session), store.images, {}))
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"{content_security_policy()}; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(html, headers=headers)


def _found(service: Service, caller: Caller, session: str, replay: str) -> Replaying:
    """A replay of the caller's. Raises `Problem` where there is none, or it is another's."""
    replaying = service.runs.find_replay(session, replay)
    if replaying is None or not caller.may_see(replaying.owner):
        detail = f"no replay “{replay}”: it is long over, or the server was started again; ask for another"
        raise Problem(404, "unknown-replay", "There is no such replay", detail)
    return replaying

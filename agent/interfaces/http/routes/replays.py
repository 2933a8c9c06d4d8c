"""`/api/sessions/{session}/replay`: every turn again, compared, as it happens; or all of them on one page."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

from ....replay.html_report import content_security_policy, render_report
from ..auth import Principal
from ..dependencies import CurrentPrincipal, CurrentService, RequestUrls, RespondAsync, SessionId, wait_for_job
from ..jobs.service import Service
from ..jobs.turn_and_replay_jobs import ReplayJob
from ..problems import Problem, document_problems
from ..schemas.responses import PendingReplayResponse, ReplayResponse
from ..sse import STREAM, stream_events

router = APIRouter(prefix="/api/sessions/{session}", tags=["replays"])

ReplayId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", examples=["8d1e6f02c47ba935"])]

_PENDING: dict[str, Any] = {"model": PendingReplayResponse, "description": "It is on its way: follow its events."}


@router.post(
    "/replay",
    response_model=ReplayResponse,
    responses={202: _PENDING, **document_problems(404, 409, 500)},
    summary="Draw every turn again, and compare",
)
async def start_replay(
    session: SessionId,
    request: Request,
    service: CurrentService,
    principal: CurrentPrincipal,
    background: RespondAsync,
    urls: RequestUrls,
) -> Response:
    """Each from its stored request alone; turns that are asked for meanwhile are drawn in between."""
    replaying = await service.replay(principal, session, background=background)
    if background:
        pending = PendingReplayResponse.from_job(replaying, urls)
        headers = {"Location": pending.events, "Preference-Applied": "respond-async"}
        return JSONResponse(pending.model_dump(mode="json"), 202, headers=headers)
    return JSONResponse(ReplayResponse.from_results(await wait_for_job(request, replaying)).model_dump(mode="json"))


@router.get(
    "/replays/{replay}/events",
    response_class=StreamingResponse,
    responses={**STREAM, **document_problems(404)},
    summary="Follow a replay",
)
async def follow_replay(
    session: SessionId,
    replay: ReplayId,
    service: CurrentService,
    principal: CurrentPrincipal,
    urls: RequestUrls,
    last_event_id: Annotated[str | None, Header(max_length=100, description="Go on after this event.")] = None,
) -> Response:
    """`queued`, `step`, and `replayed` for each turn; and last `done`, `failed` or `cancel_replay`.

    `queued` tells the place, 1 being next; `step` the turn that is drawn, and which it is of how many; `replayed` how
    it came out; `done` the answer for all. They are kept for a while, in this process alone.
    """
    replaying = _find_replay(service, principal, session, replay)
    return stream_events(service, principal, replaying, replaying.events, last_event_id, urls)


@router.delete(
    "/replays/{replay}/events", status_code=204, responses=document_problems(404, 409), summary="Cancel a replay"
)
async def cancel_replay(
    session: SessionId, replay: ReplayId, service: CurrentService, principal: CurrentPrincipal
) -> Response:
    """At once where it waits, else after the step at hand."""
    if not _find_replay(service, principal, session, replay).cancel("cancelled"):
        raise Problem(409, "ended", "The replay has ended", "the replay has ended: there is nothing to cancel")
    return Response(status_code=204)


@router.get(
    "/replay.html",
    response_class=HTMLResponse,
    responses=document_problems(404),
    summary="All turns on one page, for people",
)
async def show_replay_page(session: SessionId, service: CurrentService, principal: CurrentPrincipal) -> HTMLResponse:
    """It needs nothing else: it can be kept, and mailed."""
    record = await service.session(principal, session)
    store = service.studio.store
    html = await service.run_in_thread(lambda: render_report(record, store.turns(session), store.images, {}))
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"{content_security_policy()}; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(html, headers=headers)


def _find_replay(service: Service, principal: Principal, session: str, replay: str) -> ReplayJob:
    """A replay of the caller's. Raises `Problem` where there is none, or it is another's."""
    replaying = service.jobs.find_replay(session, replay)
    if replaying is None or not principal.can_see(replaying.owner):
        detail = f"no replay “{replay}”: it is long over, or the server was started again; ask for another"
        raise Problem(404, "unknown-replay", "There is no such replay", detail)
    return replaying

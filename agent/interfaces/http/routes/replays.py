"""`/api/sessions/{session}/replay`: draw every turn again and compare; all turns on one page."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

from ....replay.html_report import content_security_policy
from ..dependencies import AsyncContext, Context, LastEventId, SessionId
from ..problems import Problem, document_problems
from ..schemas.responses import PendingReplayResponse, ReplayResponse
from ..sse import JOB_STREAM, stream_job

router = APIRouter(prefix="/api/sessions/{session}", tags=["replays"])

ReplayId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", examples=["8d1e6f02c47ba935"])]

_PENDING: dict[str, Any] = {"model": PendingReplayResponse, "description": "It is on its way: follow its events."}


@router.post(
    "/replay",
    response_model=ReplayResponse,
    responses={202: _PENDING, **document_problems(404, 409, 500)},
    summary="Draw every turn again, and compare",
)
async def start_replay(session: SessionId, context: AsyncContext) -> Response:
    """Each from its stored request alone. Other turns are drawn in between."""
    job = await context.service.replay(context.principal, session, background=context.background)
    if job.background:
        pending = PendingReplayResponse.from_job(job, context.urls)
        headers = {"Location": pending.events, "Preference-Applied": "respond-async"}
        return JSONResponse(pending.model_dump(mode="json"), 202, headers=headers)
    results = await context.wait_for_job(job)
    return JSONResponse(ReplayResponse.from_results(results).model_dump(mode="json"))


@router.get(
    "/replays/{replay}/events",
    response_class=StreamingResponse,
    responses={**JOB_STREAM, **document_problems(404)},
    summary="Follow a replay's events",
)
async def follow_replay(
    session: SessionId, replay: ReplayId, context: Context, last_event_id: LastEventId = None
) -> Response:
    """`queued`, `step`, and `replayed` for each turn; and last `done`, `failed` or `cancelled`.

    `queued` has the position in the queue, 1 being next; `step` the turn that is drawn, and its place among all;
    `replayed` the result of a turn; `done` the results of all. They are kept for a while, in this process only.
    """
    job = context.service.find_replay(context.principal, session, replay)
    return stream_job(context.service, context.principal, job, job.events, last_event_id, context.urls)


@router.delete(
    "/replays/{replay}/events", status_code=204, responses=document_problems(404, 409), summary="Cancel a replay"
)
async def cancel_replay(session: SessionId, replay: ReplayId, context: Context) -> Response:
    """At once while it waits, else after the current step."""
    if not context.service.find_replay(context.principal, session, replay).cancel("cancelled"):
        raise Problem(409, "ended", "The replay has ended", "the replay has ended: there is nothing to cancel")
    return Response(status_code=204)


@router.get(
    "/replay.html",
    response_class=HTMLResponse,
    responses=document_problems(404),
    summary="All turns on one page, for people",
)
async def show_replay_page(session: SessionId, context: Context) -> HTMLResponse:
    """The page loads nothing else, so that it can be saved and mailed."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"{content_security_policy()}; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    html = await context.service.reader.render_replay_page(context.principal, session)
    return HTMLResponse(html, headers=headers)

"""`/api/sessions`: begin a session, list sessions, look at one, explain an exclusion."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from ....session_start import SessionOptions
from ....verification import VerifyOptions
from ..dependencies import Context, SessionId, TurnContext
from ..problems import document_problems
from ..schemas.requests import MAX_TURN, AuditRequest, NewSessionRequest, VerificationRequest
from ..schemas.responses import (
    AuditResponse,
    ExclusionEventResponse,
    ExclusionHistoryResponse,
    PendingTurnResponse,
    SessionListResponse,
    SessionResponse,
    TurnResponse,
)
from ..session_status import SessionStatusResponse, load_session_status

router = APIRouter(prefix="/api/sessions", tags=["sessions"])

PENDING: dict[str, Any] = {"model": PendingTurnResponse, "description": "It is on its way: follow its events."}


@router.post(
    "",
    response_model=TurnResponse,
    responses={202: PENDING, **document_problems(400, 404, 409, 413, 500)},
    summary="Begin a session with its first picture",
)
async def begin_session(body: NewSessionRequest, context: TurnContext) -> Response:
    """Answers with turn 0 when it is drawn. What the prompt says is not wanted is excluded."""
    options = SessionOptions(
        body.prompt,
        negative=body.negative,
        seed=body.seed,
        steps=body.steps,
        guidance=body.guidance,
        policies=tuple(body.policies),
        model=body.model,
        request=body.model_dump(include={"width", "height", "method", "clip_skip"}, exclude_none=True),
        verification=VerifyOptions(tries=body.tries, new_seeds=body.new_seeds) if body.verify else body.verify,
    )
    job = await context.service.start(
        context.principal, options, context.idempotency_key, background=context.background
    )
    return await context.respond(job)


@router.get("", responses=document_problems(400), summary="List the caller's sessions")
async def list_sessions(
    context: Context,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="The `next` of the page before.")] = None,
) -> SessionListResponse:
    """Newest first; an admin's key lists everybody's. New sessions don't move the next page."""
    page = await context.service.reader.list_sessions(context.principal, limit, cursor)
    sessions = [
        SessionResponse.from_session(record, context.service.list_jobs(record.id), context.urls)
        for record in page.sessions
    ]
    return SessionListResponse(sessions=sessions, next=page.next)


@router.get("/{session}", responses=document_problems(404), summary="Look at a session")
async def show_session(session: SessionId, context: Context) -> SessionStatusResponse:
    """Its head, its pending turns, and those that came to no picture."""
    return await load_session_status(context, session)


@router.put("/{session}/verification", responses=document_problems(404), summary="Change how next turns are verified")
async def set_verification(session: SessionId, body: VerificationRequest, context: Context) -> SessionStatusResponse:
    """Turns that are waiting are verified in the new way, too."""
    options = body.verify and VerifyOptions(tries=body.tries, new_seeds=body.new_seeds)
    await context.service.set_verification(context.principal, session, options)
    return await load_session_status(context, session)


@router.post(
    "/{session}/audit",
    response_model=AuditResponse,
    responses=document_problems(404, 409, 500),
    summary="What each exclusion does",
)
async def audit_exclusions(session: SessionId, body: AuditRequest, context: Context) -> AuditResponse:
    """Draws the turn again without each of its exclusions, from the same seed: each costs a picture."""
    job = await context.service.audit(context.principal, session, body.turn, body.limit)
    return AuditResponse(**await context.wait_for_job(job))


@router.get("/{session}/why", responses=document_problems(404), summary="Explain an exclusion")
async def explain_exclusion(
    session: SessionId,
    context: Context,
    term: Annotated[str, Query(min_length=1, max_length=200)],
    turn: Annotated[
        int | None, Query(ge=0, le=MAX_TURN, description="On the way to this turn; by default to the one shown.")
    ] = None,
) -> ExclusionHistoryResponse:
    """The turns that excluded it, changed its weight or allowed it again, with the user's words."""
    history = await context.service.reader.explain_term(context.principal, session, term, turn)
    events = [
        ExclusionEventResponse(**{name: getattr(event, name) for name in ExclusionEventResponse.model_fields})
        for event in history
    ]
    return ExclusionHistoryResponse(session=session, term=term, events=events)

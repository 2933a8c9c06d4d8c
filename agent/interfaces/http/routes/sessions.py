"""`/api/sessions`: begin a session, list sessions, look at one, explain an exclusion."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from ....conversation import Turn
from ....feedback import Feedback
from ....session_start import SessionOptions
from ....verification import VerifyOptions
from ...given_pictures import refuse_start_options
from ..bodies import choose_file, describe_body, read_body
from ..dependencies import Context, RequestContext, SessionId, TurnContext
from ..jobs.turn_and_replay_jobs import TurnJob
from ..problems import Problem, document_problems
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

PATH = "/api/sessions"

router = APIRouter(prefix=PATH, tags=["sessions"])

_FILES = {
    "picture": "The picture that every turn starts from: PNG, JPEG, WebP, GIF, BMP or TIFF.",
    "mask": "White where the picture may change.",
}
_START_OPTIONS = ("guidance", "width", "height", "method", "clip_skip", "policies", "model", "verify")

PENDING: dict[str, Any] = {"model": PendingTurnResponse, "description": "It is on its way: follow its events."}


@router.post(
    "",
    response_model=TurnResponse,
    responses={202: PENDING, **document_problems(400, 404, 409, 413, 415, 500)},
    openapi_extra={"requestBody": describe_body(NewSessionRequest, _FILES)},
    summary="Begin a session with its first picture",
)
async def begin_session(context: TurnContext) -> Response:
    """Answers with turn 0 when it is drawn. What the prompt says is not wanted is excluded.

    With a `picture`, every turn starts from it. If one of the caller's sessions drew it, that session goes on from
    there, and `prompt` is feedback; not so with `strength` or `mask`.
    """
    body, files = await read_body(context.request, NewSessionRequest)
    picture, mask = (choose_file(name, files, getattr(body, name)) for name in _FILES)
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
    if picture is not None:
        read = await context.service.pictures.read(picture, body.strength, mask)
        is_new = body.strength is not None or mask is not None
        own = None if is_new else await context.service.pictures.find_own_turn(context.principal, read)
        if own is not None:
            return await context.respond(await _go_on(context, body, own))
        options = replace(options, source=await context.service.pictures.save(read))
    elif mask is not None or body.strength is not None:
        name = "strength" if mask is None else "mask"
        raise Problem(400, "refused", "The request was refused", f"{name}: it is about a picture: send one too")
    job = await context.service.start(
        context.principal, options, context.idempotency_key, background=context.background
    )
    return await context.respond(job)


async def _go_on(context: RequestContext, body: NewSessionRequest, own: Turn) -> TurnJob:
    """Feedback on a turn of the caller's, whose picture was sent."""
    refuse_start_options(own, [name for name in _START_OPTIONS if name in body.model_fields_set])
    context.service.check_steps(context.principal, body.steps)
    return await context.service.say(
        context.principal,
        own.session,
        Feedback((body.prompt,), negative=body.negative, seed=body.seed, steps=body.steps),
        context.idempotency_key,
        turn=own.number,
        background=context.background,
    )


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
    responses=document_problems(400, 404, 409, 500),
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

"""`/api/sessions`: begin one, list them, look at one."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from ....exclusion_history import load_path, term_history
from ....session_start import SessionOptions
from ..dependencies import (
    CurrentPrincipal,
    CurrentService,
    RequestIdempotencyKey,
    RequestUrls,
    RespondAsync,
    SessionId,
    respond_with_turn,
)
from ..problems import document_problems
from ..schemas.requests import MAX_TURN, NewSessionRequest
from ..schemas.responses import (
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
async def begin_session(
    new: NewSessionRequest,
    request: Request,
    service: CurrentService,
    principal: CurrentPrincipal,
    idempotency_key: RequestIdempotencyKey,
    background: RespondAsync,
    urls: RequestUrls,
) -> Response:
    """Answers with turn 0 when it is drawn; what the prompt says is not wanted is excluded."""
    beginning = SessionOptions(
        new.prompt,
        negative=new.negative,
        seed=new.seed,
        steps=new.steps,
        guidance=new.guidance,
        policies=tuple(new.policies),
        model=new.model,
        request=new.model_dump(include={"width", "height", "method"}, exclude_none=True),
    )
    return await respond_with_turn(
        request, await service.start(principal, beginning, idempotency_key, background=background), urls
    )


@router.get("", responses=document_problems(400), summary="List the caller's sessions")
async def list_sessions(
    service: CurrentService,
    principal: CurrentPrincipal,
    urls: RequestUrls,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="The `next` of the page before.")] = None,
) -> SessionListResponse:
    """Newest first; an admin's key sees everybody's. Sessions that are begun meanwhile don't move the next page."""
    store = service.studio.store
    page = await service.run_in_thread(lambda: store.session_page(limit, cursor, owner=principal.owner))
    sessions = [
        SessionResponse.from_session(each, service.jobs.jobs_of_session(each.id), urls) for each in page.sessions
    ]
    return SessionListResponse(sessions=sessions, next=page.next)


@router.get("/{session}", responses=document_problems(404), summary="Look at a session")
async def show_session(
    session: SessionId, service: CurrentService, principal: CurrentPrincipal, urls: RequestUrls
) -> SessionStatusResponse:
    """Where it stands, which turns are on their way, and which came to no picture."""
    return await load_session_status(service, principal, session, urls)


@router.get("/{session}/why", responses=document_problems(404), summary="Tell a term's story")
async def explain_exclusion(
    session: SessionId,
    service: CurrentService,
    principal: CurrentPrincipal,
    term: Annotated[str, Query(min_length=1, max_length=200)],
    turn: Annotated[
        int | None, Query(ge=0, le=MAX_TURN, description="On the way to this turn; by default to the one shown.")
    ] = None,
) -> ExclusionHistoryResponse:
    """Which turn excluded it, what became of its weight, and in whose words."""
    await service.session(principal, session)
    studio = service.studio
    events = await service.run_in_thread(
        lambda: term_history(load_path(studio, studio.store.turn(session, turn)), term)
    )
    told = [
        ExclusionEventResponse(**{name: getattr(event, name) for name in ExclusionEventResponse.model_fields})
        for event in events
    ]
    return ExclusionHistoryResponse(session=session, term=term, events=told)

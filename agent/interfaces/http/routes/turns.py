"""`/api/sessions/{session}/…`: say something, change something, go back; and what happens meanwhile."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from .....storage import Attempt
from ....edits import Reroll
from ..dependencies import (
    CurrentPrincipal,
    CurrentService,
    RequestIdempotencyKey,
    RequestUrls,
    RespondAsync,
    SessionId,
    respond_with_turn,
)
from ..jobs.remote_turns import to_error
from ..problems import Problem, document_problems, to_problem
from ..schemas.requests import (
    MAX_TURN,
    BranchRequest,
    EditsRequest,
    FeedbackRequest,
    RetryRequest,
    SeedRequest,
    UndoRequest,
)
from ..schemas.responses import PendingTurnResponse, TurnListResponse, TurnResponse
from ..sse import STREAM, find_events, stream_events
from .sessions import PENDING

router = APIRouter(prefix="/api/sessions/{session}", tags=["turns"])

TurnId = Annotated[int, Path(ge=0, le=MAX_TURN)]

_DRAWN = {202: PENDING, **document_problems(400, 404, 409, 413, 500)}
_MOVED = document_problems(400, 404, 409, 413)


@router.post("/turns", response_model=TurnResponse, responses=_DRAWN, summary="Say what is wrong with the picture")
async def say(
    session: SessionId,
    feedback: FeedbackRequest,
    request: Request,
    service: CurrentService,
    principal: CurrentPrincipal,
    idempotency_key: RequestIdempotencyKey,
    background: RespondAsync,
    urls: RequestUrls,
) -> Response:
    """Answers with the turn that it made, when it is drawn; or with the one still shown, where nothing changes."""
    run = await service.say(principal, session, feedback.feedback, idempotency_key, background=background)
    return await respond_with_turn(request, run, urls)


@router.post("/edits", response_model=TurnResponse, responses=_DRAWN, summary="Change what is excluded, without words")
async def edit(
    session: SessionId,
    edits: EditsRequest,
    request: Request,
    service: CurrentService,
    principal: CurrentPrincipal,
    idempotency_key: RequestIdempotencyKey,
    background: RespondAsync,
    urls: RequestUrls,
) -> Response:
    """What buttons and chips do. A policy's exclusions stay, whatever is asked."""
    run = await service.edit(principal, session, edits.edits, idempotency_key, background=background)
    return await respond_with_turn(request, run, urls)


@router.post("/seed", response_model=TurnResponse, responses=_DRAWN, summary="The same again from another seed")
async def seed(
    session: SessionId,
    seeded: SeedRequest,
    request: Request,
    service: CurrentService,
    principal: CurrentPrincipal,
    idempotency_key: RequestIdempotencyKey,
    background: RespondAsync,
    urls: RequestUrls,
) -> Response:
    """From this one, or from another where none is named."""
    if seeded.seed is None:
        run = await service.edit(principal, session, [Reroll()], idempotency_key, background=background)
    else:
        run = await service.seed(principal, session, seeded.seed, idempotency_key, background=background)
    return await respond_with_turn(request, run, urls)


@router.post("/undo", response_model=TurnResponse, responses=_MOVED, summary="Go back")
async def undo(
    session: SessionId,
    undone: UndoRequest,
    request: Request,
    service: CurrentService,
    principal: CurrentPrincipal,
    idempotency_key: RequestIdempotencyKey,
    urls: RequestUrls,
) -> Response:
    """Answers with the turn that is shown now; nothing is erased."""
    return await respond_with_turn(request, await service.undo(principal, session, undone.turns, idempotency_key), urls)


@router.post("/branch", response_model=TurnResponse, responses=_MOVED, summary="Go on from a turn")
async def branch(
    session: SessionId,
    branched: BranchRequest,
    request: Request,
    service: CurrentService,
    principal: CurrentPrincipal,
    idempotency_key: RequestIdempotencyKey,
    urls: RequestUrls,
) -> Response:
    """The next turn grows from it."""
    return await respond_with_turn(
        request, await service.branch(principal, session, branched.turn, idempotency_key), urls
    )


@router.post("/retry", response_model=TurnResponse, responses=_DRAWN, summary="Draw a turn that came to no picture")
async def retry(
    session: SessionId,
    retried: RetryRequest,
    request: Request,
    service: CurrentService,
    principal: CurrentPrincipal,
    background: RespondAsync,
    urls: RequestUrls,
) -> Response:
    """One that failed, was cancelled, or fell to a crash; its words are kept."""
    return await respond_with_turn(
        request, await service.retry(principal, session, retried.turn, background=background), urls
    )


@router.get("/turns", responses=document_problems(404), summary="List a session's turns")
async def list_turns(
    session: SessionId,
    service: CurrentService,
    principal: CurrentPrincipal,
    urls: RequestUrls,
    first: Annotated[int, Query(ge=0, le=MAX_TURN, description="From this number on.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> TurnListResponse:
    """In order of creation."""
    await service.session(principal, session)
    turns = await service.run_in_thread(lambda: service.studio.store.turns(session, first, limit))
    return TurnListResponse(turns=[TurnResponse.from_turn(turn, urls) for turn in turns])


@router.get(
    "/turns/{turn}",
    response_model=TurnResponse,
    responses={202: PENDING, **document_problems(404, 409)},
    summary="Look at a turn",
)
async def show_turn(
    session: SessionId, turn: TurnId, service: CurrentService, principal: CurrentPrincipal, urls: RequestUrls
) -> Response:
    """A turn that waits or is being drawn is answered with 202; one that came to no picture, with 409 and the reason.

    A number that was promised to words which changed nothing answers with the turn that was shown then.
    """
    run = service.jobs.find(session, turn)
    if run is not None and not run.events.ended and principal.can_see(run.owner):
        return _pending(PendingTurnResponse.from_job(run, urls))
    found = await service.find_turn(principal, session, turn)
    if not isinstance(found, Attempt):
        return JSONResponse(TurnResponse.from_turn(found, urls).model_dump(mode="json"))
    if found.status == "pending":
        return _pending(PendingTurnResponse.of_attempt(found, urls))
    detail = f"turn {turn} came to no picture ({to_problem(to_error(found)).detail}): POST …/retry draws it"
    raise Problem(409, "no-picture", "The turn came to no picture", detail)


def _pending(answer: PendingTurnResponse) -> Response:
    return JSONResponse(answer.model_dump(mode="json"), 202, headers={"Retry-After": "1"})


@router.get(
    "/turns/{turn}/events",
    response_class=StreamingResponse,
    responses={**STREAM, **document_problems(404)},
    summary="Follow what happens to a turn",
)
async def follow_turn(
    session: SessionId,
    turn: TurnId,
    service: CurrentService,
    principal: CurrentPrincipal,
    urls: RequestUrls,
    last_event_id: Annotated[str | None, Header(max_length=100, description="Go on after this event.")] = None,
) -> Response:
    """`queued`, `interpreted`, `step`, `preview`; and last `done`, `failed` or `cancel_turn`.

    `queued` tells the place, 1 being next; `interpreted` the edits, the reply and both prompts; `preview` a small
    picture as a data URL; `done` the turn. A line that begins with a colon says that the server lives.
    """
    run, log = await find_events(service, principal, session, turn)
    return stream_events(service, principal, run, log, last_event_id, urls)


@router.delete(
    "/turns/{turn}/events",
    status_code=204,
    responses=document_problems(404, 409),
    summary="Cancel a turn",
)
async def cancel_turn(
    session: SessionId, turn: TurnId, service: CurrentService, principal: CurrentPrincipal
) -> Response:
    """At once where it waits, else after the step at hand. Its words are kept, and it can be retried."""
    if not await service.cancel(principal, session, turn):
        raise Problem(409, "ended", "The turn has ended", f"turn {turn} has ended: there is nothing to cancel")
    return Response(status_code=204)

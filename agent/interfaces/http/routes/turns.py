"""`/api/sessions/{session}/…`: feedback, edits, undo, branch and retry; a session's turns and their events."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse

from .....storage import Attempt
from ....edits import Reroll
from ..dependencies import AsyncContext, Context, LastEventId, OnceContext, SessionId, TurnContext
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
from ..sse import JOB_STREAM, stream_job
from .sessions import PENDING

router = APIRouter(prefix="/api/sessions/{session}", tags=["turns"])

TurnId = Annotated[int, Path(ge=0, le=MAX_TURN)]

_DRAWING = {202: PENDING, **document_problems(400, 404, 409, 413, 500)}
_MOVING = document_problems(400, 404, 409, 413)


@router.post("/turns", response_model=TurnResponse, responses=_DRAWING, summary="Say what is wrong with the picture")
async def say(session: SessionId, body: FeedbackRequest, context: TurnContext) -> Response:
    """Answers with the new turn when it is drawn, or with the current turn where nothing changes.

    If it is in doubt what is meant, it answers with the current turn and a `question`. The next feedback answers it
    (“yes”, “no, the hat”, “the second”), or it is dropped. What was not in doubt is made in any case.
    """
    job = await context.service.say(
        context.principal, session, body.feedback, context.idempotency_key, background=context.background
    )
    return await context.respond(job)


@router.post("/edits", response_model=TurnResponse, responses=_DRAWING, summary="Edit the exclusions without words")
async def edit(session: SessionId, body: EditsRequest, context: TurnContext) -> Response:
    """For buttons and chips. A policy's exclusions stay in any case.

    `{"op":"confirm","yes":true}` answers the open question, and 409 says that there is none.
    """
    job = await context.service.edit(
        context.principal, session, body.edits, context.idempotency_key, background=context.background
    )
    return await context.respond(job)


@router.post("/seed", response_model=TurnResponse, responses=_DRAWING, summary="Draw again from another seed")
async def change_seed(session: SessionId, body: SeedRequest, context: TurnContext) -> Response:
    """From the given seed, or from a new one where none is given."""
    service, principal, key = context.service, context.principal, context.idempotency_key
    if body.seed is None:
        job = await service.edit(principal, session, [Reroll()], key, background=context.background)
    else:
        job = await service.seed(principal, session, body.seed, key, background=context.background)
    return await context.respond(job)


@router.post("/undo", response_model=TurnResponse, responses=_MOVING, summary="Go back")
async def undo(session: SessionId, body: UndoRequest, context: OnceContext) -> Response:
    """Answers with the turn that is the head now. Nothing is deleted."""
    job = await context.service.undo(context.principal, session, body.turns, context.idempotency_key)
    return await context.respond(job)


@router.post("/branch", response_model=TurnResponse, responses=_MOVING, summary="Go on from a turn")
async def branch(session: SessionId, body: BranchRequest, context: OnceContext) -> Response:
    """It becomes the parent of the next turn."""
    job = await context.service.branch(context.principal, session, body.turn, context.idempotency_key)
    return await context.respond(job)


@router.delete(
    "/pins/{term}", response_model=TurnResponse, responses=document_problems(400, 404), summary="Release a pin"
)
async def release_pin(
    session: SessionId, term: Annotated[str, Path(min_length=1, max_length=200)], context: Context
) -> Response:
    """What was pinned may change again from the next turn on. Answers with the turn that is shown."""
    job = await context.service.release_pin(context.principal, session, term)
    return await context.respond(job)


@router.post("/retry", response_model=TurnResponse, responses=_DRAWING, summary="Draw a turn that came to no picture")
async def retry(session: SessionId, body: RetryRequest, context: AsyncContext) -> Response:
    """One that failed, was cancelled or was interrupted by a crash. Its words are kept."""
    job = await context.service.retry(context.principal, session, body.turn, background=context.background)
    return await context.respond(job)


@router.get("/turns", responses=document_problems(404), summary="List a session's turns")
async def list_turns(
    session: SessionId,
    context: Context,
    first: Annotated[int, Query(ge=0, le=MAX_TURN, description="From this number on.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> TurnListResponse:
    """In order of creation."""
    turns = await context.service.reader.list_turns(context.principal, session, first, limit)
    return TurnListResponse(turns=[TurnResponse.from_turn(turn, context.urls) for turn in turns])


@router.get(
    "/turns/{turn}",
    response_model=TurnResponse,
    responses={202: PENDING, **document_problems(404, 409)},
    summary="Look at a turn",
)
async def show_turn(session: SessionId, turn: TurnId, context: Context) -> Response:
    """202 for a turn that waits or is drawn; 409 with the reason for one that came to no picture.

    The number of feedback that changed nothing answers with the turn that was the head then.
    """
    job = context.service.find_job(context.principal, session, turn)
    if job is not None and not job.events.ended:
        return _respond_pending(PendingTurnResponse.from_job(job, context.urls))
    found = await context.service.reader.find_turn(context.principal, session, turn)
    if not isinstance(found, Attempt):
        return JSONResponse(TurnResponse.from_turn(found, context.urls).model_dump(mode="json"))
    if found.status == "pending":
        return _respond_pending(PendingTurnResponse.of_attempt(found, context.urls))
    detail = f"turn {turn} came to no picture ({to_problem(to_error(found)).detail}): POST …/retry draws it"
    raise Problem(409, "no-picture", "The turn came to no picture", detail)


def _respond_pending(pending: PendingTurnResponse) -> Response:
    return JSONResponse(pending.model_dump(mode="json"), 202, headers={"Retry-After": "1"})


@router.get(
    "/turns/{turn}/events",
    response_class=StreamingResponse,
    responses={**JOB_STREAM, **document_problems(404)},
    summary="Follow a turn's events",
)
async def follow_turn(
    session: SessionId, turn: TurnId, context: Context, last_event_id: LastEventId = None
) -> Response:
    """`queued`, `interpreted`, `step`, `preview`; and last `done`, `failed` or `cancelled`.

    `queued` has the position in the queue, 1 being next; `interpreted` the edits, the reply and both prompts;
    `preview` a small picture as a data URL; `done` the turn. Comment lines, which begin with a colon, are heartbeats.
    """
    job, log = await context.service.find_events(context.principal, session, turn)
    return stream_job(context.service, context.principal, job, log, last_event_id, context.urls)


@router.delete(
    "/turns/{turn}/events",
    status_code=204,
    responses=document_problems(404, 409),
    summary="Cancel a turn",
)
async def cancel_turn(session: SessionId, turn: TurnId, context: Context) -> Response:
    """At once while it waits, else after the current step. Its words are kept, and it can be retried."""
    if not await context.service.cancel(context.principal, session, turn):
        raise Problem(409, "ended", "The turn has ended", f"turn {turn} has ended: there is nothing to cancel")
    return Response(status_code=204)

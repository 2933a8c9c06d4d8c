"""`/api/sessions/{session}/…`: say something, change something, go back; and what happens meanwhile."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from .....storage import Attempt
from ....edits import Reroll
from ..dependencies import Background, SessionId, TheCaller, TheLinks, TheReceipt, TheService, answered
from ..jobs.remote_turns import error_of
from ..problems import Problem, documented, problem_of
from ..schemas.requests import MAX_TURN, Branched, Edits, Feedback, Retried, Seeded, Undone
from ..schemas.responses import PendingAnswer, TurnAnswer, TurnsAnswer
from ..sse import STREAM, events_of, stream_of
from .sessions import PENDING

router = APIRouter(prefix="/api/sessions/{session}", tags=["turns"])

TurnId = Annotated[int, Path(ge=0, le=MAX_TURN)]

_DRAWN = {202: PENDING, **documented(400, 404, 409, 413, 500)}
_MOVED = documented(400, 404, 409, 413)


@router.post("/turns", response_model=TurnAnswer, responses=_DRAWN, summary="Say what is wrong with the picture")
async def say(
    session: SessionId,
    feedback: Feedback,
    request: Request,
    service: TheService,
    caller: TheCaller,
    receipt: TheReceipt,
    background: Background,
    links: TheLinks,
) -> Response:
    """Answers with the turn that it made, when it is drawn; or with the one still shown, where nothing changes."""
    run = await service.say(caller, session, feedback.feedback, receipt, background=background)
    return await answered(request, run, links)


@router.post("/edits", response_model=TurnAnswer, responses=_DRAWN, summary="Change what is excluded, without words")
async def edit(
    session: SessionId,
    edits: Edits,
    request: Request,
    service: TheService,
    caller: TheCaller,
    receipt: TheReceipt,
    background: Background,
    links: TheLinks,
) -> Response:
    """What buttons and chips do. A policy's exclusions stay, whatever is asked."""
    run = await service.edit(caller, session, edits.edits, receipt, background=background)
    return await answered(request, run, links)


@router.post("/seed", response_model=TurnAnswer, responses=_DRAWN, summary="The same again from another seed")
async def seed(
    session: SessionId,
    seeded: Seeded,
    request: Request,
    service: TheService,
    caller: TheCaller,
    receipt: TheReceipt,
    background: Background,
    links: TheLinks,
) -> Response:
    """From this one, or from another where none is named."""
    if seeded.seed is None:
        run = await service.edit(caller, session, [Reroll()], receipt, background=background)
    else:
        run = await service.seed(caller, session, seeded.seed, receipt, background=background)
    return await answered(request, run, links)


@router.post("/undo", response_model=TurnAnswer, responses=_MOVED, summary="Go back")
async def undo(
    session: SessionId,
    undone: Undone,
    request: Request,
    service: TheService,
    caller: TheCaller,
    receipt: TheReceipt,
    links: TheLinks,
) -> Response:
    """Answers with the turn that is shown now; nothing is erased."""
    return await answered(request, await service.undo(caller, session, undone.turns, receipt), links)


@router.post("/branch", response_model=TurnAnswer, responses=_MOVED, summary="Go on from a turn")
async def branch(
    session: SessionId,
    branched: Branched,
    request: Request,
    service: TheService,
    caller: TheCaller,
    receipt: TheReceipt,
    links: TheLinks,
) -> Response:
    """The next turn grows from it."""
    return await answered(request, await service.branch(caller, session, branched.turn, receipt), links)


@router.post("/retry", response_model=TurnAnswer, responses=_DRAWN, summary="Draw a turn that came to no picture")
async def retry(
    session: SessionId,
    retried: Retried,
    request: Request,
    service: TheService,
    caller: TheCaller,
    background: Background,
    links: TheLinks,
) -> Response:
    """One that failed, was cancelled, or fell to a crash; its words are kept."""
    return await answered(request, await service.retry(caller, session, retried.turn, background=background), links)


@router.get("/turns", responses=documented(404), summary="List a session's turns")
async def listed(
    session: SessionId,
    service: TheService,
    caller: TheCaller,
    links: TheLinks,
    first: Annotated[int, Query(ge=0, le=MAX_TURN, description="From this number on.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> TurnsAnswer:
    """In order of creation."""
    await service.session(caller, session)
    turns = await service.reading(lambda: service.studio.store.turns(session, first, limit))
    return TurnsAnswer(turns=[TurnAnswer.of(turn, links) for turn in turns])


@router.get(
    "/turns/{turn}",
    response_model=TurnAnswer,
    responses={202: PENDING, **documented(404, 409)},
    summary="Look at a turn",
)
async def shown(session: SessionId, turn: TurnId, service: TheService, caller: TheCaller, links: TheLinks) -> Response:
    """A turn that waits or is being drawn is answered with 202; one that came to no picture, with 409 and the reason.

    A number that was promised to words which changed nothing answers with the turn that was shown then.
    """
    run = service.runs.find(session, turn)
    if run is not None and not run.events.ended and caller.may_see(run.owner):
        return _pending(PendingAnswer.of(run, links))
    found = await service.find_turn(caller, session, turn)
    if not isinstance(found, Attempt):
        return JSONResponse(TurnAnswer.of(found, links).model_dump(mode="json"))
    if found.status == "pending":
        return _pending(PendingAnswer.of_attempt(found, links))
    detail = f"turn {turn} came to no picture ({problem_of(error_of(found)).detail}): POST …/retry draws it"
    raise Problem(409, "no-picture", "The turn came to no picture", detail)


def _pending(answer: PendingAnswer) -> Response:
    return JSONResponse(answer.model_dump(mode="json"), 202, headers={"Retry-After": "1"})


@router.get(
    "/turns/{turn}/events",
    response_class=StreamingResponse,
    responses={**STREAM, **documented(404)},
    summary="Follow what happens to a turn",
)
async def followed(
    session: SessionId,
    turn: TurnId,
    service: TheService,
    caller: TheCaller,
    links: TheLinks,
    last_event_id: Annotated[str | None, Header(max_length=100, description="Go on after this event.")] = None,
) -> Response:
    """`queued`, `interpreted`, `step`, `preview`; and last `done`, `failed` or `cancelled`.

    `queued` tells the place, 1 being next; `interpreted` the edits, the reply and both prompts; `preview` a small
    picture as a data URL; `done` the turn. A line that begins with a colon says that the server lives.
    """
    run, log = await events_of(service, caller, session, turn)
    return stream_of(service, caller, run, log, last_event_id, links)


@router.delete(
    "/turns/{turn}/events",
    status_code=204,
    responses=documented(404, 409),
    summary="Cancel a turn",
)
async def cancelled(session: SessionId, turn: TurnId, service: TheService, caller: TheCaller) -> Response:
    """At once where it waits, else after the step at hand. Its words are kept, and it can be retried."""
    if not await service.cancel(caller, session, turn):
        raise Problem(409, "ended", "The turn has ended", f"turn {turn} has ended: there is nothing to cancel")
    return Response(status_code=204)

"""`/api/sessions`: begin one, list them, look at one."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from ...beginning import Beginning
from ...showing.page import page
from ...stories import path_to, story
from .answers import (
    MAX_TURN,
    NewSession,
    PendingAnswer,
    ReplayAnswer,
    ReplayedTurn,
    SessionAnswer,
    SessionsAnswer,
    StoryAnswer,
    StoryEvent,
    TurnAnswer,
)
from .asking import Background, SessionId, TheCaller, TheLinks, TheReceipt, TheService, answered, unless_gone
from .problems import documented
from .replays import replayed
from .standing import StandingAnswer, standing

router = APIRouter(prefix="/api/sessions", tags=["sessions"])

PENDING: dict[str, Any] = {"model": PendingAnswer, "description": "It is on its way: follow its events."}


@router.post(
    "",
    response_model=TurnAnswer,
    responses={202: PENDING, **documented(400, 404, 409, 413, 500)},
    summary="Begin a session with its first picture",
)
async def begin(
    new: NewSession,
    request: Request,
    service: TheService,
    caller: TheCaller,
    receipt: TheReceipt,
    background: Background,
    links: TheLinks,
) -> Response:
    """Answers with turn 0 when it is drawn; what the prompt says is not wanted is excluded."""
    beginning = Beginning(
        new.prompt,
        negative=new.negative,
        seed=new.seed,
        steps=new.steps,
        guidance=new.guidance,
        policies=tuple(new.policies),
        model=new.model,
        request=new.model_dump(include={"width", "height", "method"}, exclude_none=True),
    )
    return await answered(request, await service.start(caller, beginning, receipt, background=background), links)


@router.get("", responses=documented(), summary="List the caller's sessions")
async def listed(
    service: TheService, caller: TheCaller, links: TheLinks, limit: Annotated[int, Query(ge=1, le=1000)] = 50
) -> SessionsAnswer:
    """Newest first; an admin's key sees everybody's."""
    records = await service.reading(lambda: service.studio.store.sessions(limit, owner=caller.owner))
    return SessionsAnswer(sessions=[SessionAnswer.of(each, service.runs.of(each.id), links) for each in records])


@router.get("/{session}", responses=documented(404), summary="Look at a session")
async def shown(session: SessionId, service: TheService, caller: TheCaller, links: TheLinks) -> StandingAnswer:
    """Where it stands, which turns are on their way, and which came to no picture."""
    return await standing(service, caller, session, links)


@router.get("/{session}/why", responses=documented(404), summary="Tell a term's story")
async def why(
    session: SessionId,
    service: TheService,
    caller: TheCaller,
    term: Annotated[str, Query(min_length=1, max_length=200)],
    turn: Annotated[
        int | None, Query(ge=0, le=MAX_TURN, description="On the way to this turn; by default to the one shown.")
    ] = None,
) -> StoryAnswer:
    """Which turn excluded it, what became of its weight, and in whose words."""
    await service.session(caller, session)
    studio = service.studio
    events = await service.reading(lambda: story(path_to(studio, studio.store.turn(session, turn)), term))
    told = [StoryEvent(**{name: getattr(event, name) for name in StoryEvent.model_fields}) for event in events]
    return StoryAnswer(session=session, term=term, events=told)


@router.post("/{session}/replay", responses=documented(404, 500), summary="Draw every turn again, and compare")
async def replay(session: SessionId, request: Request, service: TheService, caller: TheCaller) -> ReplayAnswer:
    """Each from its stored request alone; other sessions' turns are drawn in between."""
    await service.session(caller, session)
    results = await unless_gone(request, replayed(service, session))
    turns = [ReplayedTurn(**result.as_json()) for result in results]
    return ReplayAnswer(turns=turns, identical=sum(turn.identical for turn in turns))


@router.get(
    "/{session}/replay.html",
    response_class=HTMLResponse,
    responses=documented(404),
    summary="All turns on one page, for people",
)
async def replay_page(session: SessionId, service: TheService, caller: TheCaller) -> HTMLResponse:
    """It needs nothing else: it can be kept, and mailed."""
    record = await service.session(caller, session)
    store = service.studio.store
    html = await service.reading(lambda: page(record, store.turns(session), store.images, {}))
    return HTMLResponse(html, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})

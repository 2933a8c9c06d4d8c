"""`/api/sessions`: begin one, list them, look at one."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from ....exclusion_history import path_to, story
from ....session_start import Beginning
from ..dependencies import Background, SessionId, TheCaller, TheLinks, TheReceipt, TheService, answered
from ..problems import documented
from ..schemas.requests import MAX_TURN, NewSession
from ..schemas.responses import PendingAnswer, SessionAnswer, SessionsAnswer, StoryAnswer, StoryEvent, TurnAnswer
from ..session_status import StandingAnswer, standing

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


@router.get("", responses=documented(400), summary="List the caller's sessions")
async def listed(
    service: TheService,
    caller: TheCaller,
    links: TheLinks,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="The `next` of the page before.")] = None,
) -> SessionsAnswer:
    """Newest first; an admin's key sees everybody's. Sessions that are begun meanwhile don't move the next page."""
    store = service.studio.store
    page = await service.reading(lambda: store.session_page(limit, cursor, owner=caller.owner))
    sessions = [SessionAnswer.of(each, service.runs.of(each.id), links) for each in page.sessions]
    return SessionsAnswer(sessions=sessions, next=page.next)


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

"""How a session stands: its head, what is on its way, and what came to no picture."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from ....storage import Attempt, UnknownSessionError
from .auth import Principal
from .jobs.service import Service
from .schemas.responses import LinksResponse, PendingTurnResponse, SessionResponse
from .urls import Urls

_MOST_UNFINISHED = 20


class RetryResponse(BaseModel):
    """A turn that came to no picture; its words are kept."""

    turn: int = Field(description="The number that it had.")
    parent: int | None = Field(description="The turn that it was to grow from; null for a session's first.")
    feedback: str
    reply: str
    status: Literal["failed", "cancelled"]

    @classmethod
    def from_attempts(cls, attempt: Attempt) -> "RetryResponse":
        """What is told of a turn that came to no picture. Its reason may be for the log alone."""
        return cls(
            turn=attempt.turn.number,
            parent=attempt.turn.parent,
            feedback=attempt.turn.feedback,
            reply=attempt.turn.reply,
            status="cancelled" if attempt.status == "cancelled" else "failed",
        )

    @classmethod
    def of_latest(cls, attempts: Sequence[Attempt]) -> "RetryResponse | None":
        """The latest of these, which `PendingTurns.retry` draws by default; None where there is none."""
        return cls.from_attempts(max(attempts, key=lambda attempt: attempt.id)) if attempts else None


class SessionStatusResponse(SessionResponse):
    """A session that is looked at alone."""

    retry: RetryResponse | None = Field(
        description="The latest turn, where it came to no picture: `POST …/retry` draws it again."
    )
    unfinished: list[RetryResponse] = Field(
        description="The turns that came to no picture, oldest first: `POST …/retry` with its number draws one of them."
    )


async def load_session_status(
    service: Service, principal: Principal, session: str, urls: Urls
) -> SessionStatusResponse:
    """How a session stands now; one without a picture is being begun, or can be.

    Raises `UnknownSessionError` where there is none, or it is another caller's.
    """
    store = service.studio.store
    try:
        record = await service.session(principal, session)
    except UnknownSessionError:
        if begun := await _load_status_without_picture(service, principal, session, urls):
            return begun
        record = await service.session(principal, session)  # its first picture may have come in between
    # in this order: what ends in between is not retried, but is a turn
    attempts = await service.run_in_thread(lambda: store.attempts.all(session))
    newest = await service.run_in_thread(lambda: store.newest_number(session))
    told = SessionResponse.from_session(record, service.jobs.jobs_of_session(session), urls)
    ended = [each for each in attempts if each.status != "pending"]
    later = max([newest, *(each.turn.number for each in attempts if each.status == "pending")])
    return SessionStatusResponse(
        **{**dict(told), "pending": _pending(service, attempts, session, urls)},
        retry=RetryResponse.of_latest([each for each in ended if each.turn.number > later]),
        unfinished=[RetryResponse.from_attempts(each) for each in ended[-_MOST_UNFINISHED:]],
    )


def _pending(service: Service, attempts: Sequence[Attempt], session: str, urls: Urls) -> list[PendingTurnResponse]:
    """The turns on their way: those of this server, and those that other processes work on."""
    mine = [run for run in service.jobs.jobs_of_session(session) if run.can_draw]
    known = {run.number for run in mine}
    others = [each for each in attempts if each.status == "pending" and each.turn.number not in known]
    answers = [PendingTurnResponse.from_job(run, urls) for run in mine]
    return [*answers, *(PendingTurnResponse.of_attempt(each, urls) for each in others)]


async def _load_status_without_picture(
    service: Service, principal: Principal, session: str, urls: Urls
) -> SessionStatusResponse | None:
    attempts = await service.run_in_thread(lambda: service.studio.store.attempts.all(session))
    firsts = [each for each in attempts if each.start is not None and principal.can_see(each.start.owner)]
    if not firsts:
        return None
    pending = _pending(service, attempts, session, urls)
    ended = [each for each in attempts if each.status != "pending"]
    return SessionStatusResponse(
        session=session,
        created_at=None,
        model=None,
        policies=[],
        head=None,
        turns=0,
        prompt=firsts[-1].turn.feedback,
        image=None,
        sha256=None,
        pending=pending,
        links=LinksResponse(page=urls.page(session), replay=urls.replay(session)),
        retry=None if pending else RetryResponse.of_latest(firsts),
        unfinished=[RetryResponse.from_attempts(each) for each in ended[-_MOST_UNFINISHED:]],
    )

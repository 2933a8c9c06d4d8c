"""The status of a session: its head, its pending turns, and its turns without a picture."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from ....storage import Attempt, UnknownSessionError
from .dependencies import RequestContext
from .schemas.responses import LinksResponse, PendingTurnResponse, QuestionResponse, SessionResponse

_MAX_UNFINISHED = 20


class RetryResponse(BaseModel):
    """A turn that came to no picture; its words are kept."""

    turn: int = Field(description="The number that it had.")
    parent: int | None = Field(description="The turn that it was to grow from; null for a session's first.")
    feedback: str
    reply: str
    status: Literal["failed", "cancelled"]

    @classmethod
    def from_attempt(cls, attempt: Attempt) -> "RetryResponse":
        """Without the reason, which may be for the log only."""
        return cls(
            turn=attempt.turn.number,
            parent=attempt.turn.parent,
            feedback=attempt.turn.feedback,
            reply=attempt.turn.reply,
            status="cancelled" if attempt.status == "cancelled" else "failed",
        )

    @classmethod
    def from_latest(cls, attempts: Sequence[Attempt]) -> "RetryResponse | None":
        """The latest of these, which `PendingTurns.retry` draws by default; None where there is none."""
        latest = max(attempts, key=lambda attempt: attempt.id, default=None)
        return None if latest is None else cls.from_attempt(latest)

    @classmethod
    def list_ended(cls, attempts: Sequence[Attempt]) -> list["RetryResponse"]:
        """The latest of those that have ended, oldest first."""
        ended = [attempt for attempt in attempts if attempt.status != "pending"]
        return [cls.from_attempt(attempt) for attempt in ended[-_MAX_UNFINISHED:]]


class SessionStatusResponse(SessionResponse):
    """A session with its open question, and its turns that came to no picture."""

    question: QuestionResponse | None = Field(
        description="The open question about the picture at the head: feedback or the edit `confirm` answers it."
    )
    retry: RetryResponse | None = Field(
        description="The latest turn, where it came to no picture: `POST …/retry` draws it again."
    )
    unfinished: list[RetryResponse] = Field(
        description="The turns that came to no picture, oldest first: `POST …/retry` with its number draws one of them."
    )


async def load_session_status(context: RequestContext, session: str) -> SessionStatusResponse:
    """The current status of a session, which may have no picture yet.

    Raises `UnknownSessionError` where there is none or it is another caller's.
    """
    reader = context.service.reader
    try:
        record = await reader.load_session(context.principal, session)
    except UnknownSessionError:
        if status := await _load_status_without_picture(context, session):
            return status
        record = await reader.load_session(context.principal, session)  # its first picture may have come in between
    # in this order: an attempt that ends in between is a turn, and not to be retried
    attempts = await reader.list_attempts(session)
    newest = await reader.newest_number(session)
    response = SessionResponse.from_session(record, context.service.list_jobs(session), context.urls)
    latest = max([newest, *(attempt.turn.number for attempt in attempts if attempt.status == "pending")])
    retriable = [attempt for attempt in attempts if attempt.status != "pending" and attempt.turn.number > latest]
    return SessionStatusResponse(
        **{**dict(response), "pending": _list_pending(context, attempts, session)},
        question=QuestionResponse.from_question(await reader.find_question(record)),
        retry=RetryResponse.from_latest(retriable),
        unfinished=RetryResponse.list_ended(attempts),
    )


def _list_pending(context: RequestContext, attempts: Sequence[Attempt], session: str) -> list[PendingTurnResponse]:
    """The pending turns: this server's, then those of other processes."""
    jobs = [job for job in context.service.list_jobs(session) if job.can_draw]
    numbers = {job.number for job in jobs}
    remote = [attempt for attempt in attempts if attempt.status == "pending" and attempt.turn.number not in numbers]
    responses = [PendingTurnResponse.from_job(job, context.urls) for job in jobs]
    return [*responses, *(PendingTurnResponse.of_attempt(attempt, context.urls) for attempt in remote)]


async def _load_status_without_picture(context: RequestContext, session: str) -> SessionStatusResponse | None:
    attempts = await context.service.reader.list_attempts(session)
    starts = [
        attempt for attempt in attempts if attempt.start is not None and context.principal.can_see(attempt.start.owner)
    ]
    if not starts:
        return None
    pending = _list_pending(context, attempts, session)
    return SessionStatusResponse(
        session=session,
        created_at=None,
        model=None,
        policies=[],
        head=None,
        turns=0,
        prompt=starts[-1].turn.feedback,
        image=None,
        sha256=None,
        pending=pending,
        links=LinksResponse(page=context.urls.page(session), replay=context.urls.replay(session)),
        question=None,
        retry=None if pending else RetryResponse.from_latest(starts),
        unfinished=RetryResponse.list_ended(attempts),
    )

"""How a session stands: its head, what is on its way, and what came to no picture."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from ....storage import Attempt, UnknownSessionError
from .auth import Caller
from .jobs.service import Service
from .schemas.responses import LinksAnswer, PendingAnswer, SessionAnswer
from .urls import Links

_MOST_UNFINISHED = 20


class RetryAnswer(BaseModel):
    """A turn that came to no picture; its words are kept."""

    turn: int = Field(description="The number that it had.")
    parent: int | None = Field(description="The turn that it was to grow from; null for a session's first.")
    feedback: str
    reply: str
    status: Literal["failed", "cancelled"]

    @classmethod
    def of(cls, attempt: Attempt) -> "RetryAnswer":
        """What is told of a turn that came to no picture. Its reason may be for the log alone."""
        return cls(
            turn=attempt.turn.number,
            parent=attempt.turn.parent,
            feedback=attempt.turn.feedback,
            reply=attempt.turn.reply,
            status="cancelled" if attempt.status == "cancelled" else "failed",
        )

    @classmethod
    def of_latest(cls, attempts: Sequence[Attempt]) -> "RetryAnswer | None":
        """The same of the latest of these, if there is one."""
        return cls.of(max(attempts, key=lambda each: each.created_at)) if attempts else None


class StandingAnswer(SessionAnswer):
    """A session that is looked at alone."""

    retry: RetryAnswer | None = Field(
        description="The latest turn, where it came to no picture: `POST …/retry` draws it again."
    )
    unfinished: list[RetryAnswer] = Field(
        description="The turns that came to no picture, oldest first: `POST …/retry` with its number draws one of them."
    )


async def standing(service: Service, caller: Caller, session: str, links: Links) -> StandingAnswer:
    """How a session stands now; one without a picture is being begun, or can be.

    Raises `UnknownSessionError` where there is none, or it is another caller's.
    """
    store = service.studio.store
    try:
        record = await service.session(caller, session)
    except UnknownSessionError:
        if begun := await _without_picture(service, caller, session, links):
            return begun
        record = await service.session(caller, session)  # its first picture may have come in between
    # in this order: what ends in between is not retried, but is a turn
    attempts = await service.reading(lambda: store.attempts.all(session))
    newest = await service.reading(lambda: store.newest_number(session))
    told = SessionAnswer.of(record, service.runs.of(session), links)
    ended = [each for each in attempts if each.status != "pending"]
    later = max([newest, *(each.turn.number for each in attempts if each.status == "pending")])
    return StandingAnswer(
        **{**dict(told), "pending": _pending(service, attempts, session, links)},
        retry=RetryAnswer.of_latest([each for each in ended if each.turn.number > later]),
        unfinished=[RetryAnswer.of(each) for each in ended[-_MOST_UNFINISHED:]],
    )


def _pending(service: Service, attempts: Sequence[Attempt], session: str, links: Links) -> list[PendingAnswer]:
    """The turns on their way: those of this server, and those that other processes work on."""
    mine = [run for run in service.runs.of(session) if run.draws]
    known = {run.number for run in mine}
    others = [each for each in attempts if each.status == "pending" and each.turn.number not in known]
    answers = [PendingAnswer.of(run, links) for run in mine]
    return [*answers, *(PendingAnswer.of_attempt(each, links) for each in others)]


async def _without_picture(service: Service, caller: Caller, session: str, links: Links) -> StandingAnswer | None:
    attempts = await service.reading(lambda: service.studio.store.attempts.all(session))
    firsts = [each for each in attempts if each.start is not None and caller.may_see(each.start.owner)]
    if not firsts:
        return None
    pending = _pending(service, attempts, session, links)
    ended = [each for each in attempts if each.status != "pending"]
    return StandingAnswer(
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
        links=LinksAnswer(page=links.page(session), replay=links.replay(session)),
        retry=None if pending else RetryAnswer.of_latest(firsts),
        unfinished=[RetryAnswer.of(each) for each in ended[-_MOST_UNFINISHED:]],
    )

"""How a session stands: its head, what is on its way, and what came to no picture."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from ....storage import Attempt, UnknownSessionError
from .answers import LinksAnswer, PendingAnswer, SessionAnswer
from .callers import Caller
from .links import Links
from .service import Service


class RetryAnswer(BaseModel):
    """A turn that came to no picture; its words are kept."""

    turn: int = Field(description="The number that it had.")
    parent: int | None = Field(description="The turn that it was to grow from; null for a session's first.")
    feedback: str
    reply: str
    status: Literal["failed", "cancelled"]

    @classmethod
    def of(cls, attempts: Sequence[Attempt]) -> "RetryAnswer | None":
        """What is told of the latest of these that has ended, if any has. Its reason may be for the log alone."""
        ended = [each for each in attempts if each.status != "pending"]
        if not ended:
            return None
        last = max(ended, key=lambda each: each.created_at)
        return cls(
            turn=last.turn.number,
            parent=last.turn.parent,
            feedback=last.turn.feedback,
            reply=last.turn.reply,
            status="cancelled" if last.status == "cancelled" else "failed",
        )


class StandingAnswer(SessionAnswer):
    """A session that is looked at alone."""

    retry: RetryAnswer | None = Field(
        description="The latest turn, where it came to no picture: `POST …/retry` draws it again."
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
    number = await service.reading(lambda: store.next_number(session))
    told = SessionAnswer.of(record, service.runs.of(session), links)
    latest = [each for each in attempts if each.turn.number >= number]
    return StandingAnswer(**dict(told), retry=RetryAnswer.of(latest))


def is_first_of(caller: Caller, attempt: Attempt) -> bool:
    """Whether it is to be the first turn of a session that this caller began."""
    return attempt.start is not None and caller.may_see(attempt.start.owner)


async def _without_picture(service: Service, caller: Caller, session: str, links: Links) -> StandingAnswer | None:
    attempts = await service.reading(lambda: service.studio.store.attempts.all(session))
    firsts = [each for each in attempts if is_first_of(caller, each)]
    pending = [run for run in service.runs.of(session) if run.draws and caller.may_see(run.owner)]
    if not firsts and not pending:
        return None
    return StandingAnswer(
        session=session,
        created_at=None,
        model=None,
        policies=[],
        head=None,
        turns=0,
        prompt=firsts[-1].turn.feedback if firsts else pending[0].words,
        image=None,
        sha256=None,
        pending=[PendingAnswer.of(run, links) for run in pending],
        links=LinksAnswer(page=links.page(session), replay=links.replay(session)),
        retry=None if pending else RetryAnswer.of(firsts),
    )

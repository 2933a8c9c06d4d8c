"""Reads of sessions and turns, done in threads. A caller sees their own sessions only, an admin all of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from ....storage import Attempt, QuestionRecord, SessionPage, SessionRecord, UnknownSessionError
from ...conversation import Turn
from ...exclusion_history import ExclusionEvent, load_path, term_history
from ...operator_report import OperatorReport, build_report
from ...policies import Policy
from ...replay.html_report import render_report
from ...studio import Studio
from .auth import Principal
from .jobs.remote_turns import find_turn
from .jobs.worker_threads import WorkerThreads


class SessionReader:
    """Raises `UnknownSessionError` where there is no such session or it is another caller's."""

    def __init__(self, studio: Studio, threads: WorkerThreads) -> None:
        self._studio, self._store, self._threads = studio, studio.store, threads

    async def load_session(self, principal: Principal, session: str) -> SessionRecord:
        """A session that has a picture."""
        record = await self._threads.run(partial(self._store.session, session))
        if not principal.can_see(record.owner):
            raise UnknownSessionError(f"no session “{session}”")
        return record

    async def require_visible(self, principal: Principal, session: str) -> None:
        """Raise `UnknownSessionError` where the session is not the caller's; it may have no picture yet."""
        await self._threads.run(partial(self._require_visible, principal, session))

    async def list_sessions(self, principal: Principal, limit: int, cursor: str | None) -> SessionPage:
        """A page of the caller's sessions, newest first."""
        return await self._threads.run(lambda: self._store.session_page(limit, cursor, owner=principal.owner))

    async def load_turn(self, principal: Principal, session: str, number: int | None = None) -> Turn:
        """A turn, by default the session's head."""
        await self.load_session(principal, session)
        return await self._threads.run(partial(self._store.turn, session, number))

    async def list_turns(
        self, principal: Principal, session: str, first: int = 0, limit: int | None = None
    ) -> Sequence[Turn]:
        """A session's turns from number `first` on, in order of creation."""
        await self.load_session(principal, session)
        return await self._threads.run(partial(self._store.turns, session, first, limit))

    async def find_turn(self, principal: Principal, session: str, number: int) -> Turn | Attempt:
        """What is recorded under a number: a turn, or a turn without a picture.

        Raises `UnknownTurnError` where nothing was ever recorded under it.
        """
        await self.require_visible(principal, session)
        return await self._threads.run(partial(find_turn, self._store, session, number))

    async def list_attempts(self, session: str) -> Sequence[Attempt]:
        """A session's turns without a picture, whoever owns it."""
        return await self._threads.run(partial(self._store.attempts.all, session))

    async def find_question(self, session: SessionRecord) -> QuestionRecord | None:
        """The open question about the picture at a session's head, whoever owns it."""
        opened = await self._threads.run(partial(self._store.questions.find, session.id))
        return opened.question if opened is not None and opened.turn == session.head else None

    async def newest_number(self, session: str) -> int:
        """The number of a session's newest turn, whoever owns it."""
        return await self._threads.run(partial(self._store.newest_number, session))

    async def explain_term(
        self, principal: Principal, session: str, term: str, turn: int | None
    ) -> Sequence[ExclusionEvent]:
        """The history of a term on the way to a turn, by default to the session's head."""
        await self.load_session(principal, session)
        return await self._threads.run(
            lambda: term_history(load_path(self._studio, self._store.turn(session, turn)), term)
        )

    async def render_replay_page(self, principal: Principal, session: str) -> str:
        """All turns of a session on one HTML page."""
        record = await self.load_session(principal, session)
        return await self._threads.run(
            lambda: render_report(record, self._store.turns(session), self._store.images, {})
        )

    async def list_policies(self) -> Mapping[str, Policy]:
        """The policy packs that a session can begin with, by name."""
        return await self._threads.run(self._studio.policy_packs)

    async def build_report(self, since: datetime | None, terms: int | None) -> OperatorReport:
        """The counts of all sessions; with the most frequent `terms`, unless it is None."""
        return await self._threads.run(lambda: build_report(self._store, since, terms=terms))

    async def check_ready(self) -> None:
        """Raise `StorageError` where the database or the pictures can't be reached."""
        await self._threads.run(self._store.check_ready)

    def _require_visible(self, principal: Principal, session: str) -> None:
        try:
            owner = self._store.session(session).owner
        except UnknownSessionError:
            attempts = self._store.attempts.all(session, with_refused=True)
            starts = [attempt.start for attempt in attempts if attempt.start is not None]
            # without one, its first picture may have come in between
            owner = starts[0].owner if starts else self._store.session(session).owner
        if not principal.can_see(owner):
            raise UnknownSessionError(f"no session “{session}”")

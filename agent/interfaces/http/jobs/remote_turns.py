"""Turns that other processes on the same database work on: where they are, and when something happens to them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from .....errors import InvalidInputError, NotthatError
from .....storage import Attempt, StorageError, Store, UnknownSessionError, UnknownTurnError
from ....conversation import Turn
from ....turn_execution import TurnCancelled
from .session_watchers import SessionWatchers

POLL_SECONDS = 0.5
"""From one look at the sessions that somebody follows to the next."""
_SWEEP_ROUNDS = 10
"""Every so many looks, turns that nobody works on any more are marked as failed."""

Read = Callable[[Callable[[], Any]], Awaitable[Any]]


def find_turn(store: Store, session: str, number: int) -> Turn | Attempt:
    """What a promised number came to: a turn, a turn without a picture, or the turn that answers for it.

    Raises:
        UnknownSessionError: where there is no such session, not even one whose first picture is missing.
        UnknownTurnError: where nothing was ever promised under this number.
    """
    try:
        return store.turn(session, number)
    except (UnknownSessionError, UnknownTurnError):
        attempts = [each for each in store.attempts.all(session, with_refused=True) if each.turn.number == number]
        if attempts:
            return attempts[-1]
        if (alias := store.attempts.alias(session, number)) is not None:
            return find_turn(store, session, alias)
        return store.turn(session, number)  # it may have been drawn in between


def to_error(attempt: Attempt) -> NotthatError:
    """Why a turn came to no picture."""
    if attempt.refused:
        return InvalidInputError(attempt.reason)
    return (TurnCancelled if attempt.status == "cancelled" else NotthatError)(attempt.reason)


class StorePoll:
    """Wakes those who follow a session when another process has changed it, and notices processes that are gone."""

    def __init__(self, store: Store, changes: SessionWatchers, read: Read) -> None:
        self._store, self._changes, self._read = store, changes, read

    async def run(self) -> None:
        """Until it is cancelled."""
        known: Mapping[str, str] = {}
        rounds = 0
        while True:
            await asyncio.sleep(POLL_SECONDS)
            rounds += 1
            with suppress(StorageError):  # whoever asks the database for something is told
                if rounds % _SWEEP_ROUNDS == 0:
                    await self._read(self._store.attempts.mark_interrupted)
                known = await self._look(known)

    async def _look(self, known: Mapping[str, str]) -> Mapping[str, str]:
        sessions = self._changes.sessions
        if not sessions:
            return {}
        found: Mapping[str, str] = await self._read(lambda: self._store.activity(sessions))
        for session in sessions:
            if session not in known or known[session] != found.get(session, ""):
                self._changes.notify(session)
        return {session: found.get(session, "") for session in sessions}

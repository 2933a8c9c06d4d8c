"""Replaying on a server: one turn at a time, so that others get theirs in between."""

from functools import partial

from ...replaying import Replayed, replay_turn
from .service import Service


async def replayed(service: Service, session: str) -> list[Replayed]:
    """Every turn of a session, drawn again and compared."""
    turns = await service.reading(partial(service.studio.store.turns, session))
    return [await service.drawing(session, partial(replay_turn, turn=turn)) for turn in turns]

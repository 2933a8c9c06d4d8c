"""Replay: every turn's picture again from its stored request alone, held against the one that was kept."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..generation import GenerationRequest, generate
from .conversation import OnStep
from .studio import Studio


@dataclass(frozen=True)
class Replayed:
    """How a turn's picture came out this time: `max_abs_diff` in levels of 255 over all pixels."""

    turn: int
    identical: bool
    max_abs_diff: int


def replay(studio: Studio, session: str, on_step: OnStep | None = None) -> Iterator[Replayed]:
    """Regenerate the turns of a session in order of creation, one at a time."""
    for turn in studio.store.turns(session):
        request = GenerationRequest.checked(**turn.request)
        image = generate(studio.engine(request.model), request, on_step).image
        now = np.asarray(image, np.int16)
        then = np.asarray(studio.store.images.open(turn.sha256).convert("RGB"), np.int16)
        difference = int(abs(now - then).max()) if now.shape == then.shape else 255
        yield Replayed(turn.number, difference == 0, difference)

"""Stored requests with the method's former name, `dynamic`, draw the pixels of `lookahead`, from a checkpoint too."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from notthat.generation import GenerationRequest, LocalEngine
from notthat.generation.families.base import Family

STORED = Path(__file__).parents[1] / "data" / "stored_lookahead_requests.json"
REQUESTS: dict[str, dict[str, Any]] = json.loads(STORED.read_text(encoding="utf-8"))


@pytest.fixture
def engine(mini: tuple[LocalEngine, Family]) -> Iterator[LocalEngine]:
    mini[0].checkpoints.clear()
    yield mini[0]
    mini[0].checkpoints.clear()


def draw(engine: LocalEngine, stored: dict[str, Any]) -> tuple[NDArray[np.uint8], int]:
    """The pixels, and how many steps came from a checkpoint."""
    *_, last = engine.run(GenerationRequest.create(**stored))
    assert last.picture
    return np.asarray(last.picture.image), last.first


@pytest.mark.parametrize("name", REQUESTS)
def test_a_stored_request_draws_the_same_pixels_under_both_names(engine: LocalEngine, name: str) -> None:
    stored = REQUESTS[name]
    assert stored["method"] == "dynamic"
    former, _ = draw(engine, stored)
    engine.checkpoints.clear()
    current, first = draw(engine, {**stored, "method": "lookahead"})
    assert first == 0
    assert np.array_equal(former, current)


@pytest.mark.parametrize("name", [name for name, stored in REQUESTS.items() if stored["joining_step"]])
def test_a_stored_request_continues_from_a_checkpoint_with_the_same_pixels(engine: LocalEngine, name: str) -> None:
    stored = REQUESTS[name]
    fresh, first = draw(engine, stored)
    assert first == 0
    engine.checkpoints.clear()
    parent = {**stored, "method": "lookahead", "negative_prompt": stored["base_negative_prompt"], "shown": []}
    draw(engine, parent)
    continued, first = draw(engine, stored)
    assert first == stored["joining_step"]
    assert np.array_equal(fresh, continued)

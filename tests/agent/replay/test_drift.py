"""What a replay says where a picture comes out otherwise, and where words would be read otherwise."""

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from notthat.agent import Conversation, Studio, replay_session
from notthat.agent.edits import Exclude, State
from notthat.agent.interpreters import Interpretation, OfflineInterpreter
from notthat.agent.replay.reinterpret import reinterpret
from notthat.generation import GenerationRequest, Progress, StubEngine

OpenStudio = Callable[..., Studio]


class Elsewhere(StubEngine):
    """Another machine: other weights, another torch, and every pixel one level off in one half."""

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        for progress in super().run(request):
            picture = progress.picture
            if picture is None:
                yield progress
                continue
            image = picture.image.copy()
            half = image.crop((0, 0, 16, 32)).point(lambda level: level ^ 1)
            image.paste(half, (0, 0))
            yield replace(progress, picture=replace(picture, image=image))

    def provenance(self, cache: Path | None = None) -> dict[str, Any]:
        here = super().provenance()
        return {**here, "weights": "other", "libraries": {**here["libraries"], "torch": "9.9"}}


@pytest.fixture
def session(studio: Studio) -> str:
    conversation = Conversation.start("a harbour at dawn without boats", studio, seed=1)
    conversation.say("no fog")
    conversation.seed(9)
    conversation.say("undo, and no lanterns")
    return conversation.id


def test_a_drift_is_measured_and_its_causes_are_named(open_studio: OpenStudio, session: str) -> None:
    results = list(replay_session(open_studio(Elsewhere()), session))
    assert [result.identical for result in results] == [False] * 4
    drift = results[0].drift
    assert drift is not None
    assert results[0].max_abs_diff == 1
    assert drift.mean_abs_diff == 0.5
    assert drift.psnr == pytest.approx(51.14, abs=0.01)  # 10 log10(255² / 0.5)
    assert set(drift.differs) == {"weights", "torch"}
    assert drift.differs["weights"] == (None, "other")
    assert drift.differs["torch"][1] == "9.9"
    assert "torch: " in drift.summary
    assert list(results[0].as_json()["drift"]) == ["mean_abs_diff", "psnr", "recorded", "differs"]


def test_the_same_picture_has_no_drift(studio: Studio, session: str) -> None:
    results = list(replay_session(studio, session))
    assert [result.drift for result in results] == [None] * 4
    assert results[0].as_json() == {"turn": 0, "identical": True, "max_abs_diff": 0}


def test_words_are_read_the_same_by_the_same_interpreter(studio: Studio, session: str) -> None:
    before = studio.store.turns(session)
    results = list(reinterpret(Conversation.open(session, studio)))
    assert [(result.turn, result.same) for result in results] == [(0, True), (1, True), (3, True)]  # 2 was no words
    assert studio.store.turns(session) == before


def test_where_another_interpreter_would_differ_is_told(open_studio: OpenStudio, session: str) -> None:
    class Other(OfflineInterpreter):
        def interpret(self, feedback: str, state: State, picture: Image.Image | None = None) -> Interpretation:
            said = super().interpret(feedback, state, picture)
            if "fog" not in feedback:
                return said
            return said.model_copy(update={"edits": (Exclude(term="mist"),)})

    results = list(reinterpret(Conversation.open(session, open_studio(interpreter=Other()))))
    assert [(result.turn, result.same) for result in results] == [(0, True), (1, False), (3, True)]
    assert results[1].then == ({"op": "exclude", "term": "fog", "weight": 1.0},)
    assert results[1].now == ({"op": "exclude", "term": "mist", "weight": 1.0},)


def test_a_session_goes_on_from_any_turn_without_moving_its_head_before(studio: Studio, session: str) -> None:
    head = studio.store.session(session).head
    conversation = Conversation.open(session, studio, turn=1)
    assert studio.store.session(session).head == head
    assert conversation.say("love it").number == 1
    assert studio.store.session(session).head == head
    turn = conversation.say("no seagulls")
    assert (turn.number, turn.parent, turn.negative) == (4, 1, "boats, fog, seagulls")
    assert studio.store.session(session).head == 4

"""Sessions that an earlier version drew with `mini`: they can be imported, continued and replayed.

`mini` was trained on since, so a replay draws other pictures, and says that the weights are others.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from notthat.agent import Conversation, Studio, replay_session, turn_json
from notthat.agent.import_validation import check_turn
from notthat.agent.interpreters import OfflineInterpreter
from notthat.agent.turn_png import turn_png_text
from notthat.generation import Engine, LocalEngine, StubEngine
from notthat.storage import Store, import_

ARCHIVES = sorted((Path(__file__).parents[2] / "storage" / "released" / "0003").glob("*.zip"))


@pytest.mark.parametrize("file", ARCHIVES, ids=lambda file: file.stem)
def test_a_replay_names_the_weights_of_then_and_now(home: Path, file: Path) -> None:
    def load(model: str) -> Engine:
        return LocalEngine.load(model, "cpu")

    with Studio(Store.open(home=home), OfflineInterpreter(), load_engine=load) as studio:
        session = import_(studio.store, file, check_turn, turn_png_text)
        results = list(replay_session(studio, session))
        assert [result.turn for result in results] == [turn.number for turn in studio.store.turns(session)]
        now = studio.engine("mini").provenance()["weights"]
        for result in results:
            assert result.drift is not None
            then, drawn_with = result.drift.differs["weights"]
            assert drawn_with == now
            assert then != now
            assert "weights: " in result.drift.summary


@pytest.mark.parametrize("file", ARCHIVES, ids=lambda file: file.stem)
def test_the_json_of_a_turn_is_that_of_then(home: Path, file: Path) -> None:
    with Store.open(home=home) as store:
        session = import_(store, file, check_turn, turn_png_text)
        now = [turn_json(replace(turn, image=Path("turn.png"))) for turn in store.turns(session)]
    then = file.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
    new = {"source": None, "pins": [], "question": None}  # keys since then
    assert json.loads(json.dumps(now)) == [json.loads(line) | new for line in then]


@pytest.mark.parametrize("file", ARCHIVES, ids=lambda file: file.stem)
def test_a_conversation_goes_on(home: Path, file: Path) -> None:
    with Studio(Store.open(home=home), OfflineInterpreter(), load_engine=StubEngine) as studio:
        session = import_(studio.store, file, check_turn, turn_png_text)
        conversation = Conversation.open(session, studio)
        before = conversation.head
        turn = conversation.say("no umbrella")
        assert (turn.parent, turn.negative) == (before.number, f"{before.negative}, umbrella")
        assert turn.exclusions[:-1] == before.exclusions
        assert turn.request["joining_step"] == before.request["joining_step"]
        assert conversation.undo() == before

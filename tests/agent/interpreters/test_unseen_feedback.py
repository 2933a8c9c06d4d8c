"""Quality on labelled feedback that nothing was written for or trained on.

`data/unseen.jsonl` was written by somebody who had seen neither the rules nor the other lines. The bounds are a few
points from what was measured (`python benchmarks/feedback.py tests/agent/interpreters/data/unseen.jsonl`).
"""

import json
from pathlib import Path
from typing import Any

import pytest
from feedback_scoring import ask, ask_gold
from gold_server import answer

from notthat.agent.interpreters import OfflineInterpreter

UNSEEN = Path(__file__).parent / "data" / "unseen.jsonl"
MIN_EXACT = 0.65
MAX_WRONG = 0.13
MAX_ASKED = 0.14


def cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in UNSEEN.read_text(encoding="utf-8").splitlines()]


def test_unseen_feedback_is_understood_and_little_else_is_changed() -> None:
    answers = ask(OfflineInterpreter(), cases())
    assert len(answers) > 400
    assert sum(answer.score for answer in answers) / len(answers) >= MIN_EXACT
    assert sum(bool(answer.wrong_edits) for answer in answers) / len(answers) <= MAX_WRONG
    assert sum(answer.interpretation.question is not None for answer in answers) / len(answers) <= MAX_ASKED


def test_no_two_cases_are_one() -> None:
    everything = cases()
    said = [(case["prompt"], case["negative"], case["feedback"]) for case in everything]
    assert len(said) == len(set(said))
    assert len({case["id"] for case in everything}) == len(everything)


def test_no_unseen_case_is_in_the_training_data() -> None:
    folder = Path(__file__).parents[3] / "scripts" / "feedback"
    lines = [line for path in folder.glob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
    trained = {(case["prompt"], case["feedback"]) for case in map(json.loads, lines)}
    assert len(trained) > 10_000
    assert trained.isdisjoint((case["prompt"], case["feedback"]) for case in cases())


def test_a_language_model_that_understands_loses_nothing_on_the_way() -> None:
    some = [case for case in cases() if case["kind"] in ("direct", "rw", "allow", "multi")][::3]
    assert {edit["op"] for case in some for edit in case["edits"]} >= {"exclude", "prompt", "reweight"}
    lost = [(a.case["feedback"], a.edits) for a in ask_gold(some) if not a.right]
    assert not lost


@pytest.mark.parametrize(
    ("gold", "expected"),
    [
        ({"op": "exclude", "term": ["fog", "mist"]}, '{"op": "exclude", "term": "fog"}'),
        ({"op": "undo"}, '{"op": "undo", "turns": 1}'),
        ({"op": "reweight", "term": ["haze"], "direction": "up"}, '{"op": "reweight", "term": "haze", "weight": 1.5}'),
        (
            {"op": "prompt", "must": ["wom[ae]n|lady", "\\bhigh[- ]?res"], "must_not": ["\\bman\\b"]},
            '{"op": "prompt", "text": "woman high-res"}',
        ),
    ],
)
def test_a_right_answer_is_made_of_a_case(gold: dict[str, Any], expected: str) -> None:
    said = answer({"negative": "(haze:1.3)", "edits": [gold]})
    assert json.loads(said)["edits"] == [json.loads(expected)]

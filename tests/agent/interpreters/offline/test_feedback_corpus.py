"""The labelled feedback in `data`: each case is one, and a right answer to it is scored as right."""

import json
from pathlib import Path
from typing import Any

import pytest
from feedback_scoring import ask_gold
from gold_server import answer

DATA = Path(__file__).parent / "data"


def cases(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def test_no_two_cases_are_one() -> None:
    everything = [case for path in sorted(DATA.glob("*.jsonl")) for case in cases(path.stem)]
    said = [(case["prompt"], case["negative"], case["feedback"]) for case in everything]
    assert len(said) == len(set(said))
    assert len({case["id"] for case in everything}) == len(everything)


def test_a_language_model_that_understands_loses_nothing_on_the_way() -> None:
    some = cases("heard-1")[::6]
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

"""Several kinds of edit in one sentence."""

import pytest
from offline_feedback import brief, read


@pytest.mark.parametrize(
    ("prompt", "negative", "feedback", "expected"),
    [
        (
            "a kettle",
            "",
            "wipe the fingerprints off the lid and set it on a slate counter",
            "exclude fingerprints; prompt",
        ),
        ("a kettle", "", "take the price tag off its handle, then give it a cork lid", "exclude price tag; prompt"),
        ("a kettle", "", "minus the cups, plus a whisk", "exclude cups; prompt"),
        ("a juggler", "", "remove the fire and the top hat", "exclude fire; exclude top hat"),
    ],
)
def test_a_request_and_a_wish_in_one_sentence(prompt: str, negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, prompt=prompt, negative=negative), negative) == expected


def test_both_an_exclusion_and_a_wish() -> None:
    edits = read("lose the tie and add a scarf")
    assert brief(edits) == "exclude tie; prompt"

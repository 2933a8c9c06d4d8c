"""Several kinds of edit in one sentence."""

import pytest
from offline_feedback import brief, read

from notthat.agent.edits import Exclude, SetPrompt


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
        ("a kettle", "", "there's dust on the lid and the spout is too long", "exclude dust; exclude long spout"),
        ("a kettle", "", "no steam, thicker handles", "exclude steam; prompt"),
        ("a kettle", "", "I like the stove, the tiles not so much", "exclude tiles"),
        ("a kettle", "", "it looks lost there so add a toaster, and no crumbs", "exclude crumbs; prompt"),
        ("a juggler", "", "remove the fire and the top hat", "exclude fire; exclude top hat"),
    ],
)
def test_a_request_and_a_wish_in_one_sentence(prompt: str, negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, prompt=prompt, negative=negative), negative) == expected


def test_none_of_one_thing_but_another_instead() -> None:
    edits = (Exclude(term="beard"), SetPrompt(text="portrait of a man, a goatee"))
    assert read("no beard, a goatee") == read("no beard but a goatee") == edits
    assert read("no beard or a goatee") == (Exclude(term="beard"), Exclude(term="goatee"))


def test_both_an_exclusion_and_a_wish() -> None:
    edits = read("lose the tie and add a scarf")
    assert brief(edits) == "exclude tie; prompt"

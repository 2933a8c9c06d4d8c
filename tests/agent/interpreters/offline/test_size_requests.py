"""Requests for a size or format are answered as what they are."""

import pytest

from notthat.agent.edits import Exclude, SetPrompt, State
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters.offline import OfflineInterpreter

STATE = State("a man in a hat", parse_negative(""), seed=0)


@pytest.mark.parametrize(
    "feedback",
    [
        "16:9",
        "make it 16:9",
        "can you make it 16:9 please?",
        "wider",
        "the image should be wider",
        "make it square",
        "4k",
        "in 4K please",
        "portrait orientation",
        "make it landscape",
        "higher resolution",
        "1024x768",
        "make the picture 1024 x 768 pixels",
        "upscale it",
        "change the aspect ratio to 3:2",
    ],
)
def test_a_size_is_not_set_by_words(feedback: str) -> None:
    said = OfflineInterpreter().interpret(feedback, STATE)
    assert said.edits == ()
    assert "--width" in said.reply
    assert "Nothing to change" not in said.reply


@pytest.mark.parametrize("feedback", ["zoom out", "make the hat wider", "add a landscape", "make it 3/4 view"])
def test_framing_and_things_change_the_prompt(feedback: str) -> None:
    said = OfflineInterpreter().interpret(feedback, STATE)
    assert [edit.op for edit in said.edits] == ["prompt"]
    assert "--width" not in said.reply


def test_the_rest_of_the_feedback_is_done() -> None:
    said = OfflineInterpreter().interpret("no hat and make it 16:9", STATE)
    assert said.edits == (Exclude(term="hat"), SetPrompt(text="a man"))
    assert "Excluded “hat”." in said.reply
    assert "--width" in said.reply


def test_a_first_prompt_keeps_its_words_for_quality() -> None:
    said = OfflineInterpreter().interpret("a cat, 4k", State("", parse_negative(""), seed=0))
    assert said.edits == (SetPrompt(text="a cat, 4k"),)

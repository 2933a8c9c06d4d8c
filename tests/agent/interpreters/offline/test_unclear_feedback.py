"""What was asked for and not understood is said."""

import pytest

from notthat.agent.edits import State
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters.offline import OfflineInterpreter

STATE = State("a man in a hat", parse_negative("blurry"), seed=0)


@pytest.mark.parametrize(
    "feedback",
    [
        "the flibberty is grobbed",
        "flurb the gronk",
        "his beard quarrels with the lamp",
    ],
)
def test_feedback_that_is_not_understood_is_quoted_with_an_example(feedback: str) -> None:
    said = OfflineInterpreter().interpret(feedback, STATE)
    assert (said.edits, said.understood) == ((), False)
    assert said.reply == f"I did not understand “{feedback}”. Try “no hat” or “too dark”."


def test_of_feedback_that_is_partly_understood_both_parts_are_said() -> None:
    said = OfflineInterpreter().interpret("no watermark, flurb the gronk", STATE)
    assert not said.understood
    assert "Excluded “watermark”." in said.reply
    assert "I did not understand “flurb the gronk”." in said.reply


@pytest.mark.parametrize(
    "feedback",
    [
        "thanks!",
        "hello",
        "lovely, thanks a lot",
        "perfect",
        "how do I undo?",
        "which seed was that",
        "is the negative prompt case sensitive?",
        "brb lunch",
        "my daughter drew one like it yesterday",
        "keep the hat",
        "no complaints from me",
        "I wouldn't change a thing.",
        "haha",
    ],
)
def test_praise_and_talk_ask_for_nothing(feedback: str) -> None:
    said = OfflineInterpreter().interpret(feedback, STATE)
    assert (said.edits, said.reply, said.understood) == ((), "Nothing to change.", True)


def test_understood_feedback_is_not_called_unclear() -> None:
    said = OfflineInterpreter().interpret("no hat, it ruins my holiday picture", STATE)
    assert said.understood
    assert "understand" not in said.reply


def test_long_unclear_feedback_is_quoted_in_part() -> None:
    said = OfflineInterpreter().interpret("the flibberty is grobbed beyond gleeping " * 50, STATE)
    assert not said.understood
    assert len(said.reply) < 200

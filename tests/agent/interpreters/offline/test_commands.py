"""Undo, reset and reroll, as people phrase them."""

import pytest
from offline_feedback import brief, read

from notthat.agent.edits import Exclude, Reset, Reweight, SetPrompt, State
from notthat.agent.exclusions import Exclusion, NegativePrompt
from notthat.agent.interpreters import OfflineInterpreter


@pytest.mark.parametrize(
    ("negative", "feedback", "expected"),
    [
        ("glow", "start from scratch with nothing excluded", "reset"),
        ("hat", "take me back two versions", "undo 2"),
        ("hat", "I want to start fresh", "reset"),
        ("hat", "deal me another one", "reroll"),
        ("hat", "undo", "undo 1"),
        ("hat", "go back one step", "undo 1"),
        ("hat", "undo the last three", "undo 3"),
        ("hat", "undo two turns plz", "undo 2"),
        ("hat", "go back two steps", "undo 2"),
        ("hat", "revert that", "undo 1"),
        ("hat", "the previous one was better", "undo 1"),
        ("hat", "start over", "reset"),
        ("hat", "clear all exclusions", "reset"),
        ("hat", "forget everything I excluded", "reset"),
        ("hat", "let's start from scratch", "reset"),
        ("hat", "another one", "reroll"),
        ("hat", "give me another version", "reroll"),
        ("hat", "reroll please", "reroll"),
        ("hat", "different seed", "reroll"),
        ("hat", "one more try", "reroll"),
        ("hat", "clear everything, bring the hat back", "reset"),
        ("hat", "no scarf, actually start over", "reset"),
        ("hat", "can you try again?", "reroll"),
        ("hat", "same prompt, new seed", "reroll"),
        ("hat", "the version before was better, take me back to it", "undo 1"),
    ],
)
def test_undo_reset_and_reroll_are_understood(negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, negative=negative), negative) == expected


@pytest.mark.parametrize(
    ("prompt", "negative", "feedback", "expected"),
    [
        ("a bay", "gulls", "reset to no exclusions", "reset"),
        ("a bay", "gulls", "go back to the one before, please", "undo 1"),
        ("a bay", "gulls", "one more take of this", "reroll"),
    ],
)
def test_undo_reset_and_reroll_are_understood_in_a_scene(
    prompt: str, negative: str, feedback: str, expected: str
) -> None:
    assert brief(read(feedback, prompt=prompt, negative=negative), negative) == expected


@pytest.mark.parametrize("feedback", ["start over, no hat", "Start over. No hat!", "start over with no hat"])
def test_what_follows_a_reset_finds_nothing_excluded(feedback: str) -> None:
    assert read(feedback, negative="(hat:1.4), fog") == (Reset(), Exclude(term="hat"))


def test_a_reset_leaves_the_exclusions_of_a_policy() -> None:
    policy = Exclusion(term="logo", source="policy:brand", since=0, words="")
    state = State("a mug", NegativePrompt((policy,)), 1)
    assert OfflineInterpreter().interpret("start over, no logo", state).edits == (
        Reset(),
        Reweight(term="logo", weight=1.2),
    )


def test_starting_over_with_something_else() -> None:
    assert read("start over with a red barn", prompt="a dog", negative="hat") == (Reset(), SetPrompt(text="a red barn"))

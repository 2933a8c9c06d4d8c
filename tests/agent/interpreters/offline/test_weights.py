"""Raising and lowering the weight of an exclusion."""

import pytest
from offline_feedback import brief, read

from notthat.agent.edits import Reweight, State, Undo, apply
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters import OfflineInterpreter


@pytest.mark.parametrize(
    ("negative", "feedback", "expected"),
    [
        ("blurry", "still blurry", "up blurry"),
        ("blurry", "it's still too blurry", "up blurry"),
        ("noise", "still so noisy", "up noise"),
        ("mustache", "moustache is back", "up mustache"),
        ("mustache", "the mustache again!", "up mustache"),
        ("(watermark:1.2)", "I can still see the watermark", "up watermark"),
        ("watermark", "the watermark keeps coming back", "up watermark"),
        ("watermark", "the watermark won't go away", "up watermark"),
        ("watermark", "no watermark", "up watermark"),
        ("watermark, hat", "more weight on watermark", "up watermark"),
        ("watermark, hat", "push the hat harder", "up hat"),
        ("hat, watermark", "it's still there", "up watermark"),
        ("blurry", "not sharp enough", "up blurry"),
        ("glow", "the glow hasn't budged", "up glow"),
        ("glow", "set glow to 1.5", "up glow"),
        ("steam", "I said no steam!", "up steam"),
        ("fog, hat", "fog's here again, be stricter", "up fog"),
        ("fog, hat", "fog. again.", "up fog"),
        ("fog, hat", "how is there still fog", "up fog"),
        ("fog, hat", "foggier than before!", "up fog"),
    ],
)
def test_what_is_still_there_weighs_more(negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, negative=negative), negative) == expected


@pytest.mark.parametrize(
    ("negative", "feedback", "expected"),
    [
        ("(blurry:1.5)", "ease off blurry", "down blurry"),
        ("(blurry:1.5), hat", "less weight on blurry", "down blurry"),
        ("(glow:1.5)", "the exclusion of glow is too strong", "down glow"),
        ("(glow:1.5)", "don't be so strict about the glow", "down glow"),
        ("(glow:1.5)", "you overdid it with the glow", "down glow"),
        ("(glow:1.5)", "go easier on the glow", "down glow"),
        ("(glow:1.5)", "halve your anti-glow thing, it looks dead", "down glow"),
        ("(steam:1.6)", "turn the steam weight down", "down steam"),
        ("(steam:1.6)", "go softer on the steam, the room looks dead now", "down steam"),
        ("(fog:1.5), hat", "a little fog would be fine", "down fog"),
        ("(fog:1.5), hat", "don't push so hard against the fog", "down fog"),
        ("(fog:1.4)", "dial back the fog exclusion, looks abandoned now", "down fog"),
    ],
)
def test_what_is_excluded_too_hard_weighs_less(negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, negative=negative), negative) == expected


@pytest.mark.parametrize(
    ("prompt", "negative", "feedback", "expected"),
    [
        ("a bay", "gulls, dark", "even darker than before", "up dark"),
    ],
)
def test_what_is_still_there_weighs_more_in_a_scene(prompt: str, negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, prompt=prompt, negative=negative), negative) == expected


@pytest.mark.parametrize(
    ("prompt", "negative", "feedback", "expected"),
    [
        ("a bay", "(gulls:1.5), text", "with the gulls exclusion that strong it looks dead, loosen it", "down gulls"),
    ],
)
def test_what_is_excluded_too_hard_weighs_less_in_a_scene(
    prompt: str, negative: str, feedback: str, expected: str
) -> None:
    assert brief(read(feedback, prompt=prompt, negative=negative), negative) == expected


def test_still_there_raises_the_weight_without_a_known_prompt() -> None:
    assert read("still blurry", prompt="picture", negative="blurry") == (Reweight(term="blurry", weight=1.2),)
    assert read("undo", prompt="picture") == (Undo(turns=1),)


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("Fog is drifting about again, and I excluded it!", "up fog"),
        ("now the hills look like cardboard. Relax the fog exclusion", "down fog"),
        ("I excluded the fog by accident", ""),
    ],
)
def test_how_strongly_to_exclude_is_said_of_the_exclusion(feedback: str, expected: str) -> None:
    assert brief(read(feedback, prompt="hills", negative="(fog:1.4)"), "(fog:1.4)") == expected


def test_a_weight_stays_in_range_however_often_it_is_raised() -> None:
    state = State(prompt="a man", negative=parse_negative("blurry"), seed=1)
    for turn in range(1, 12):
        state = apply(state, OfflineInterpreter().interpret("still blurry", state).edits, turn=turn, words="")
    assert state.negative.render() == "(blurry:2)"


def test_a_weight_goes_down_in_steps_and_stays_in_range() -> None:
    state, weights = State(prompt="a man", negative=parse_negative("(blurry:1.4)"), seed=1), []
    for turn in range(1, 16):
        state = apply(state, OfflineInterpreter().interpret("go easier on the blur", state).edits, turn=turn, words="")
        weights += [exclusion.weight for exclusion in state.negative]
    assert weights[:3] == [1.2, 1.0, 0.8]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] == 0.1

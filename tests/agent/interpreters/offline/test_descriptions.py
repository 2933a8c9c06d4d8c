"""Descriptions of another picture."""

import pytest
from offline_feedback import brief, read

from notthat.agent.edits import Exclude, Reweight, SetPrompt


@pytest.mark.parametrize(
    "prompt",
    [
        "a hula dancer in Pago Pago",
        "a tuk tuk in the rain",
        "the letters r and u, ur-script",
        "V2 rocket, U2 plane",
        "A Café ☕ at dusk 👩‍🚀!",
        "a cat :) on a mat",
        "Mr. T at No. 5",
        "a never ending staircase",
        "girl with never-ending braids",
        "a never-before-seen orchid",
        "a comet never seen before",
        "a clown who never laughs",
        "nothing but sand",
        "no man's land",
        "a no-entry sign",
        "a no swimming sign on a pier",
        "Nowhere, Nebraska",
        "an empty plain except for one tree",
        "Imagine Dragons on stage",
        "Paint splatter",
        "forget-me-nots, macro",
        "(a cat:1.3), [blur]",
        "wat pho, teh tarik",
    ],
)
def test_a_description_keeps_its_own_words(prompt: str) -> None:
    assert read(prompt, prompt="") == (SetPrompt(text=prompt),)
    assert read(f"Next: {prompt}", prompt="a dog") == (SetPrompt(text=prompt),)


def test_a_description_has_straight_quotes_and_single_spaces() -> None:
    assert read("it’s\u00a0a “quoted”  \u200bsign\n", prompt="") == (SetPrompt(text='it\'s a "quoted" sign'),)


@pytest.mark.parametrize(
    ("feedback", "prompt", "expected"),
    [
        ("Moving on. A teapot on a lace cloth, no steam", "A teapot on a lace cloth", "exclude steam; prompt"),
        ("ok next subject - foggy harbour, boats not wanted", "foggy harbour", "exclude boats; prompt"),
        ("New brief: perfume bottle on slate, label-free", "perfume bottle on slate", "exclude label; prompt"),
        (
            "Fresh one: a violinist in a tunnel, graffiti not visible",
            "a violinist in a tunnel",
            "exclude graffiti; prompt",
        ),
        (
            "Imagine a library in a whale, candles lit, devoid of people",
            "a library in a whale, candles lit",
            "exclude people; prompt",
        ),
        # their lookalikes are about the picture that is there
        ("Different background please, no trees", "a dog in a park", "exclude trees"),
        ("Let me try something else: less contrast", "a dog in a park", "exclude contrast"),
        ("That's good, now a bit warmer", "a dog in a park, a bit warmer", "prompt"),
    ],
)
def test_small_talk_before_a_description_announces_another_picture(feedback: str, prompt: str, expected: str) -> None:
    edits = read(feedback, prompt="a dog in a park")
    assert sorted(brief(edits).split("; ")) == sorted(expected.split("; "))
    assert [edit.text for edit in edits if isinstance(edit, SetPrompt)] in ([prompt], [])


def test_a_new_scene_does_not_raise_the_weight_of_what_is_already_excluded() -> None:
    edits = (Exclude(term="hat"), SetPrompt(text="a wizard in a tower"))
    assert read("next: a wizard in a tower, no hat", negative="hat") == edits
    assert read("a wizard in a tower, no hat", negative="hat") == edits
    assert read("a man without a hat", negative="hat") == (Reweight(term="hat", weight=1.2),)

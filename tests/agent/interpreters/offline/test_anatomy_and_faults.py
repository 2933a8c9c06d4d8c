"""Drawing defects: hands, limbs, faces and impossible things."""

import pytest
from offline_feedback import brief, read


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("hut three has two chimneys", "exclude extra chimneys"),
        ("the stool only has two legs", "exclude missing legs"),
        ("everyone has the same nose", "exclude same nose"),
        ("Ceiling's crooked", "exclude crooked ceiling"),
        ("where has its tail gone?", "exclude missing tails"),
        ("looks airbrushed", "exclude airbrushed"),
        ("her ears are enormous", "exclude enormous ears"),
        ("the labels are pure gibberish", "exclude gibberish text"),
        ("the lid is warped", "exclude warped lid"),
    ],
)
def test_a_fault_of_the_drawing_excludes_its_kind(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("the dog looks like a wolf", "exclude wolf"),
        ("the window is reflecting way too much", ""),
    ],
)
def test_a_bad_likeness_excludes_what_is_badly_drawn(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("most of the runners have no feet", "exclude missing feet"),
        ("half of them have no ears, it's frightening", "exclude missing ears"),
        ("I love that the same flower appears in every panel", ""),
        # a reason adds nothing
        ("way too fancy, it's for a school fete", "exclude fancy"),
    ],
)
def test_what_no_picture_should_show_is_excluded(feedback: str, expected: str) -> None:
    assert brief(read(feedback, prompt="a street")) == expected

"""Drawing defects: hands, limbs, faces and impossible things."""

import pytest
from offline_feedback import brief, read


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("the sleeves all run into each other", "exclude bad sleeves"),
        ("Her left eye looks somewhere else", "exclude bad eye"),
        ("hut three has two chimneys", "exclude extra chimneys"),
        ("the stool only has two legs", "exclude missing legs"),
        ("seven fingers again, classic", "exclude extra fingers"),
        ("everyone has the same nose", "exclude same nose"),
        ("half those leaves are just green blobs", "exclude green blobs"),
        ("why's the top of her head cut off", "exclude cropped"),
        ("Ceiling's crooked", "exclude crooked ceiling"),
        ("the label is missing an E", "exclude misspelled text"),
        ("I can count the pixels", "exclude pixelated"),
        ("you can't read the sign", "exclude gibberish text"),
        ("somebody signed it down there", "exclude signature"),
        ("the tail grows out of the ear", "exclude bad tail"),
        ("the chair seems to float", "exclude bad chair"),
        ("there is one leg too many", "exclude extra legs|exclude extra limbs"),
        ("where has its tail gone?", "exclude missing tails"),
        ("the pier isn't straight", "exclude crooked"),
        ("looks airbrushed", "exclude airbrushed"),
        ("her ears are enormous", "exclude enormous ears"),
        ("the labels are pure gibberish", "exclude gibberish text"),
        ("cables everywhere!", "exclude cables"),
        ("count the legs", "exclude extra legs"),
        ("the lid is warped", "exclude warped lid"),
        ("the pose is a bit forced", "exclude forced pose"),
        ("why does her neck bend like that", "exclude bad neck"),
        ("that's not how ladders work", "exclude bad ladders"),
        ("hands look like they were drawn by a child", "exclude bad hands"),
    ],
)
def test_a_fault_of_the_drawing_excludes_its_kind(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("her ear looks like a seashell", "exclude bad ear"),
        ("the oar looks like a noodle", "exclude bad oar"),
        ("the dog looks like a wolf", "exclude wolf"),
        ("looks like it was taken with a webcam", "exclude low quality"),
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
        ("the horse has his hooves on backwards", "exclude bad hooves"),
        ("the same woman stands at every table", "exclude duplicate woman"),
        ("the lamp post has split in two", "exclude broken lamp post"),
        ("one of the chairs is hovering a foot off the floor", "exclude floating"),
        ("the balloon is floating over the roofs", ""),
        ("a wheelie bin is standing in front of the gate", "exclude wheelie bin"),
        ("it's the neon sign that ruins it", "exclude neon sign"),
        ("nobody wants to see the rust on the hinges", "exclude rust"),
        ("that arch belongs to nothing", "exclude arch"),
        ("where his right hand should be there's only sleeve", "exclude missing hand"),
        ("I love that the same flower appears in every panel", ""),
        # a reason adds nothing
        ("too gloomy, readers expect summer", "exclude gloomy"),
        ("way too fancy, it's for a school fete", "exclude fancy"),
        ("remove the leash, poor dog", "exclude leash"),
    ],
)
def test_what_no_picture_should_show_is_excluded(feedback: str, expected: str) -> None:
    assert brief(read(feedback, prompt="a street")) == expected

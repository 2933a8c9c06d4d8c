"""Direct requests to remove something."""

import pytest
from offline_feedback import brief, read


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("no hats", "exclude hats"),
        ("No text!", "exclude text"),
        ("please remove the lamp", "exclude lamp"),
        ("can you take the umbrella out?", "exclude umbrella"),
        ("could we lose the scarf", "exclude scarf"),
        ("get rid of those power lines", "exclude power lines"),
        ("without the earrings please", "exclude earrings"),
        ("drop the background crowd", "exclude background crowd"),
        ("I don't want any clouds", "exclude clouds"),
        ("i do not want to see a beard", "exclude beard"),
        ("delete the red car on the right", "exclude red car"),
        ("there should be no birds in the sky", "exclude birds"),
        ("there shouldn't be any buildings", "exclude buildings"),
        ("he shouldn't be wearing a tie", "exclude tie"),
        ("he should not have a beard", "exclude beard"),
        ("it must not contain lettering", "exclude lettering"),
        ("leave out the candles", "exclude candles"),
        ("leave the candles out", "exclude candles"),
        ("keep the logo out of it", "exclude logo"),
        ("don't include people", "exclude people"),
        ("never show the price tag", "exclude price tag"),
        ("make it without the frame", "exclude frame"),
        ("avoid lens flare", "exclude lens flare"),
        ("less contrast", "exclude contrast"),
        ("fewer flowers", "exclude flowers"),
        ("stop adding freckles", "exclude freckles"),
        ("not a single cloud, please", "exclude clouds|exclude cloud"),
        ("shave off the beard", "exclude beard"),
    ],
)
def test_a_direct_request_excludes_what_it_names(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("nobody ordered a windmill back there", "exclude windmill"),
        ("lose the bins out front", "exclude bins"),
        ("get rid of the fountain its overdone", "exclude fountain"),
        ("there's a line of odd lettering at the bottom", "exclude odd lettering"),
    ],
)
def test_the_name_of_a_thing_ends_where_a_reason_begins(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("no cars and no people", "exclude cars; exclude people"),
        ("remove the hat and the scarf", "exclude hat; exclude scarf"),
        ("no frame, watermark or signature", "exclude frame; exclude watermark; exclude signature"),
        ("love the light, but lose the cables", "exclude cables"),
        ("great! and no watermark", "exclude watermark"),
        ("Nice. Too dark though.", "exclude dark"),
        ("keep the bench but remove the bin", "exclude bin"),
        ("too blurry, also get rid of the logo", "exclude blurry; exclude logo"),
        ("the collar and the bell have to go", "exclude bell; exclude collar"),
        ("please, no collar, and no bell either", "exclude collar; exclude bell"),
        ("her bangles, lose them", "exclude bangles"),
        ("there is a cup on the shelf. remove it", "exclude cup"),
        ("wth is that blob, delete", "exclude blob"),
    ],
)
def test_several_things_are_excluded_at_once(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("the bell can't stay", "exclude bell"),
        ("the bell shouldn't be in the picture", "exclude bell"),
        ("can we not have the bell", "exclude bell"),
        ("stop drawing freckles", "exclude freckles"),
        ("no to the bell", "exclude bell"),
        ("the fence is not needed", "exclude fence"),
    ],
)
def test_a_negation_requests_as_a_verb_does(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")

"""Typing errors, abbreviations and slang."""

import pytest
from offline_feedback import brief, read


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("noooo hat plz", "exclude hat"),
        ("rm teh watermark pls", "exclude watermark"),
        ("w/o glasses thx", "exclude glasses"),
        ("2 many ppl", "exclude people"),
        ("its blury af", "exclude blurry"),
        ("wayyy too dark lol", "exclude dark"),
        ("ugh hands look wierd", "exclude bad hands"),
        ("logo gone pls", "exclude logo"),
        ("get rid of the bg ppl 😡", "exclude background people"),
        ("theres a spoon on the table, delete it plz", "exclude spoon"),
        ("dont want the clouds", "exclude clouds"),
        ("NO MORE BALLOONS!!!1", "exclude balloons"),
        ("remvoe the tie", "exclude tie"),
        ("rmove teh colar", "exclude collar"),
        ("loose teh umbrela", "exclude umbrella"),
        ("its to dark", "exclude dark"),
        ("plz take of the hat", "exclude hat"),
        ("hands lookin weird", "exclude bad hands"),
        ("less fog less rain", "exclude fog; exclude rain"),
        ("remvoe the hta on his head", "exclude hat"),
        ("the glov is to big", "exclude big glove"),
    ],
)
def test_what_is_typed_in_haste_is_understood(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")

"""Declined things, and unfavorable comparisons."""

import pytest
from offline_feedback import brief, read


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("glasses? no thanks", "exclude glasses"),
        ("that necklace, no", "exclude necklace"),
        ("his tattoo? nope!", "exclude tattoo"),
        ("what if the cane wasn't there", "exclude cane"),
        ("a little less contrast", "exclude contrast"),
        ("exclude: fog, lamp posts", "exclude fog; exclude lamp posts"),
    ],
)
def test_what_is_declined_or_compared_badly_is_excluded(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")

"""What kind of thing a term names."""

import pytest

from notthat.agent.judges.terms import find_pair, is_object, is_seen


@pytest.mark.parametrize("term", ["mustache", "The Moustaches", "red hat", "watermark", "extra arm", "chandelier"])
def test_objects(term: str) -> None:
    assert is_object(term)
    assert is_seen(term)


@pytest.mark.parametrize("term", ["cartoon", "Blurry", "oil painting", "bad hands", "too dark", "black-and-white"])
def test_styles_and_faults_are_no_objects_and_have_a_pair(term: str) -> None:
    pair = find_pair(term)
    assert pair is not None
    assert pair.there != pair.gone
    assert is_seen(term)
    assert not is_object(term)


@pytest.mark.parametrize("term", ["bad vibes", "negativity", "ugly", "mood", "", "sad energy"])
def test_what_nobody_can_see(term: str) -> None:
    assert not is_seen(term)
    assert not is_object(term)


@pytest.mark.parametrize("term", ["red", "smiling", "winter", "art deco"])
def test_qualities_can_be_seen_but_have_no_place(term: str) -> None:
    assert is_seen(term)
    assert not is_object(term)

"""Exclusions that are taken back."""

import pytest
from offline_feedback import brief, read


@pytest.mark.parametrize(
    ("negative", "feedback", "expected"),
    [
        ("hat, text", "bring the hat back", "allow hat"),
        ("hat, text", "bring it back", "allow text"),
        ("hat, text", "hats are ok again", "allow hat"),
        ("hat, text", "the hat can come back", "allow hat"),
        ("fog, (blurry:1.3)", "allow fog again", "allow fog"),
        ("fog, (blurry:1.3)", "you don't have to avoid fog anymore", "allow fog"),
        ("fog", "don't exclude fog any more", "allow fog"),
        ("fog", "I changed my mind about the fog", "allow fog"),
        ("fog", "actually I miss the fog", "allow fog"),
        ("fog", "I don't mind the fog after all", "allow fog"),
        ("fog", "take fog off the list", "allow fog"),
        ("fog, birds", "lift the ban on birds", "allow birds"),
        ("fog, birds", "remove birds from the negative prompt", "allow birds"),
        ("fog, birds", "I want the birds back", "allow birds"),
        ("fog, birds", "you can show birds again", "allow birds"),
        ("mustache", "the moustache may stay", "allow mustache"),
        ("mustache", "give him his moustache back", "allow mustache"),
        ("beard, hat", "restore the beard and drop the earring", "allow beard; exclude earring"),
        ("glow, hat", "no longer bothered by the glow", "allow glow"),
        ("glow, hat", "what happened to the glow? I'd like it back", "allow glow"),
        ("steam", "steam is no longer banned", "allow steam"),
        ("steam", "let the steam be", "allow steam"),
        ("fog, hat", "both the fog and the hat can come back", "allow hat; allow fog"),
        ("fog, hat", "allow both again", "allow fog; allow hat"),
        ("fog, hat", "the fog? okay, let it back in", "allow fog"),
        ("fog, hat", "fog ok. the hat is okay as well.", "allow fog; allow hat"),
        ("fog, hat", "we're permitting fog again", "allow fog"),
        ("fog, hat", "revoke the fog ban", "allow fog"),
        ("fog, hat", "no longer exclude fog", "allow fog"),
        ("fog, hat", "there is no need to keep the fog out", "allow fog"),
        ("fog, hat", "it feels empty without the hat, bring it back", "allow hat"),
        ("fog, hat", "why no fog? it's called foggy lane", "allow fog"),
        ("fog", "client wants the fog back", "allow fog"),
    ],
)
def test_an_exclusion_is_taken_back(negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, negative=negative), negative) == expected


@pytest.mark.parametrize(
    ("prompt", "negative", "feedback", "expected"),
    [
        ("a bay", "gulls, text", "Gulls looked better. Restore them.", "allow gulls"),
        ("a bay", "gulls, text", "wait, it does have gulls, don't exclude them", "allow gulls"),
        ("a bay", "gulls, text", "gulls are back on the menu", "allow gulls"),
        ("a bay", "gulls, text", "I shouldn't have said no gulls, let them in", "allow gulls"),
        ("a bay", "gulls, text", "scrap the text rule, we need the name", "allow text"),
    ],
)
def test_an_exclusion_is_taken_back_in_a_scene(prompt: str, negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, prompt=prompt, negative=negative), negative) == expected


def test_asking_for_what_is_excluded_allows_it() -> None:
    edits = read("add a hat", negative="hat, text")
    assert [edit.op for edit in edits] == ["allow", "prompt"]

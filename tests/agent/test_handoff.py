"""When a person should take over."""

import pytest

from notthat.agent.handoff import asks_for_person, wants_handoff


@pytest.mark.parametrize(
    "words",
    [
        "can I talk to a human?",
        "Let me speak with a real person please",
        "I want to talk to someone",
        "connect me to an agent",
        "please hand this over to a designer",
        "is there a live person I can ask",
        "get me your manager",
    ],
)
def test_whoever_asks_for_a_person_is_heard_at_once(words: str) -> None:
    assert wants_handoff(words, 0)
    assert asks_for_person(words)


@pytest.mark.parametrize(
    "words",
    [
        "it’s still not right",
        "that's STILL wrong",
        "the hat is still there",
        "this isn't working",
        "I already said no hat",
    ],
)
def test_what_goes_on_being_wrong_counts_after_some_turns(words: str) -> None:
    assert not wants_handoff(words, 2)
    assert wants_handoff(words, 3)
    assert not asks_for_person(words)


@pytest.mark.parametrize(
    "words",
    [
        "no person in the background",
        "make her a real estate agent",
        "too cartoonish",
        "the person looks wrong",
        "a human skull",
        "a still life with flowers",
        "two people who talk to each other",
        "lovely, thank you",
    ],
)
def test_people_in_pictures_ask_for_nobody(words: str) -> None:
    assert not wants_handoff(words, 9)

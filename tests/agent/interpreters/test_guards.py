"""Which terms and prompts are accepted, whatever proposed them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notthat.agent.edits import Exclude, SetPrompt, State
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters.guards import acceptable_edits, acceptable_prompt, acceptable_term
from notthat.agent.interpreters.llm.response_parsing import UnusableResponseError, parse_response

STATE = State("a man in a hat", parse_negative("fog, gone"), seed=0)
BLANK = State("", parse_negative(""), seed=0)


@pytest.mark.parametrize(
    "term",
    [
        "last bit",
        "possible",
        "exclusions",
        "negative prompt",
        "crow exclusion",
        "please",
        "sorry",
        "no",
        "no hat",
        "not any",
        "without hat",
        "isn't there",
        "there is",
        "should be",
        "must not appear",
        "por favor",
        "quita las gafas",
        "sin barba",
        "sem",
        "de la",
        "ohne Hut",
        "pas de chapeau",
        "geen stoelen",
        "\x00\x1b",
        "\u202e\u200b",
        "…",
    ],
)
def test_a_term_that_names_nothing_is_refused(term: str) -> None:
    assert acceptable_term(term, STATE, "") is None


@pytest.mark.parametrize(
    "term",
    [
        "text",
        "words",
        "people",
        "negative space",
        "hat",
        "extra toe",
        "air",
        "Los Angeles skyline",
        "van Gogh",
        "fleur de lis",
        "rascacielos",
        "jalapeño",
        "no-smoking sign",
        "3d render",
        "帽子",
        "alien being",
    ],
)
def test_a_term_that_names_a_thing_is_accepted_as_it_is(term: str) -> None:
    assert acceptable_term(term, STATE, "") == term


@pytest.mark.parametrize(
    ("term", "tidied"),
    [
        ("hat please", "hat"),
        ("sombrero por favor", "sombrero"),
        ("= candles", "candles"),
        ("red\u202e\x00 hat", "red hat"),
    ],
)
def test_a_term_is_tidied(term: str, tidied: str) -> None:
    assert acceptable_term(term, STATE, "") == tidied


def test_quoted_and_listed_terms_and_those_of_the_session_are_accepted() -> None:
    assert acceptable_term("no parking", STATE, 'remove the "no parking" sign') == "no parking"
    assert acceptable_term("no parking", STATE, "remove the no parking sign") is None
    assert acceptable_term("sin city poster", STATE, "blurry, sin city poster, text") == "sin city poster"
    assert acceptable_term("gone", STATE, "") == "gone"


@pytest.mark.parametrize(
    ("prompt", "kept"),
    [
        ("First sorry for my english, i want a dog. thank you", "i want a dog"),
        ("Hello there! a cat on a sofa, thanks in advance", "a cat on a sofa"),
        ("a cat, please", "a cat"),
        ("Excuse my bad english. A house by the lake", "A house by the lake"),
        ('a sign that says "Sorry, closed. Thank you"', 'a sign that says "Sorry, closed. Thank you"'),
        ("a sign saying please", "a sign saying please"),
        ("thank you card with roses", "thank you card with roses"),
        ("A Café ☕ at dusk!", "A Café ☕ at dusk!"),
    ],
)
def test_talk_around_a_first_prompt_is_cut_off(prompt: str, kept: str) -> None:
    assert acceptable_prompt(prompt, BLANK, prompt) == kept


@pytest.mark.parametrize("prompt", ["hi", "please", "sorry", "por favor", '"', "\\", "\0", "\u202e", "no", "there is"])
def test_talk_and_marks_are_no_prompt(prompt: str) -> None:
    assert acceptable_prompt(prompt, BLANK, prompt) is None


@pytest.mark.parametrize(
    ("prompt", "kept"),
    [
        ("a man in a hat, does it", "a man in a hat"),
        ("a man in a hat, In line with EU rules", "a man in a hat"),
        ("a man in a hat, (rust:1.2) in the negatives", "a man in a hat"),
        ("a man in a hat, at night, please", "a man in a hat, at night"),
        ("a man in a hat, I am old-fashioned, snow", "a man in a hat, snow"),
        ('a man in a hat, a sign "we are open"', 'a man in a hat, a sign "we are open"'),
        ("a man in a hat, a dog that is asleep", "a man in a hat, a dog that is asleep"),
        ("A knight is riding a horse.", "A knight is riding a horse."),
    ],
)
def test_additions_that_are_no_description_are_cut_off(prompt: str, kept: str) -> None:
    assert acceptable_prompt(prompt, STATE, "") == kept


def test_a_refused_addition_leaves_no_edit() -> None:
    edits = (Exclude(term="por favor"), SetPrompt(text="a man in a hat, does it"), Exclude(term="hat"))
    assert acceptable_edits(edits, STATE, "") == (Exclude(term="hat"),)


@pytest.mark.parametrize(
    "edit",
    [
        {"op": "exclude", "term": "por favor"},
        {"op": "reweight", "term": "last bit", "weight": 1.2},
        {"op": "prompt", "text": "please"},
    ],
)
def test_a_language_model_is_told_why_its_edit_is_refused(edit: dict[str, object]) -> None:
    with pytest.raises(UnusableResponseError, match=r"is no (term|prompt)"):
        parse_response(json.dumps({"edits": [edit], "reply": "Done."}), STATE)


def test_a_language_model_may_exclude_what_the_user_quotes() -> None:
    answer = json.dumps({"edits": [{"op": "exclude", "term": "no parking"}], "reply": "Done."})
    assert parse_response(answer, STATE, 'without "no parking"').edits == (Exclude(term="no parking"),)


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
    | st.text("\"'\\«»“”\0\ufdd0\ue000 ,.aplese", max_size=60)
)
def test_any_text_gets_an_answer_without_invisible_characters(text: str) -> None:
    for state in (STATE, BLANK):
        for accepted in (acceptable_term(text, state, text), acceptable_prompt(text, state, text)):
            assert accepted is None or (accepted and not set(accepted) & set("\0\x1b\u202e\u200b\ufdd0\ue000"))

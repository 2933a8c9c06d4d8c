"""Negations in a description become exclusions."""

import pytest
from offline_feedback import read

from notthat.agent.edits import Exclude, SetPrompt


@pytest.mark.parametrize(
    ("prompt", "feedback", "text", "terms"),
    [
        ("", "Good evening, I'd like to see a weir, no boats", "a weir", ["boats"]),
        ("", "I'm looking for a sketch of a mole but no glasses", "a sketch of a mole", ["glasses"]),
        ("", "judge on a bus, wig-free", "judge on a bus", ["wig"]),
        ("", "sugar-free cola can", "sugar-free cola can", []),
        ("", "a burger, hold the onions", "a burger", ["onions"]),
        ("", "a cake, but please leave the candles off", "a cake", ["candles"]),
        ("", "a bench, with no one sitting on it", "a bench", ["people"]),
        ("", "an astronaut in zero gravity", "an astronaut in zero gravity", []),
        ("a shoe", "next pic: a choir of newts, none of them with hats", "a choir of newts", ["hats"]),
    ],
)
def test_a_description_opens_and_denies_in_many_ways(prompt: str, feedback: str, text: str, terms: list[str]) -> None:
    edits = read(feedback, prompt=prompt)
    assert [edit.text for edit in edits if isinstance(edit, SetPrompt)] == [text]
    assert [edit.term for edit in edits if isinstance(edit, Exclude)] == terms


@pytest.mark.parametrize(
    ("prompt", "feedback", "text", "terms"),
    [
        ("", "portrait of a man without mustache", "portrait of a man", ["mustache"]),
        ("", "a red barn", "a red barn", []),
        ("", "a beach at sunset, no people", "a beach at sunset", ["people"]),
        ("", "a chair without cushions in a white room", "a chair in a white room", ["cushions"]),
        ("", "city street, no cars or people", "city street", ["cars", "people"]),
        ("", "city street, no cars, no people", "city street", ["cars", "people"]),
        ("", "a wine bottle, no text on the label", "a wine bottle", ["text"]),
        ("", "product shot of a mug with no handle", "product shot of a mug", ["handle"]),
        ("", "a knight, not a cartoon, in the rain", "a knight, in the rain", ["cartoon"]),
        ("", "a sign saying no dogs", "a sign saying no dogs", []),
        ("", "No people. A quiet harbour at dawn.", "A quiet harbour at dawn", ["people"]),
        ("", "draw me a cat without whiskers", "a cat", ["whiskers"]),
        ("", "forest without any fog, but with deer", "forest, but with deer", ["fog"]),
        ("a dog", "next: a teapot with no lid", "a teapot", ["lid"]),
        ("a dog", "new prompt: a teapot", "a teapot", []),
        ("a dog", "something else: a teapot without steam", "a teapot", ["steam"]),
        ("a dog", "now draw a teapot", "a teapot", []),
        ("", "a bay — no boats — at dawn", "a bay — at dawn", ["boats"]),
        ("", "Old pier. Fog. No gulls. 35mm", "Old pier. Fog. 35mm", ["gulls"]),
        ("", "shelf w/ books, w/o dust", "shelf with books", ["dust"]),
        ("", "an alley without cars, bins, or wires, at night", "an alley, at night", ["cars", "bins", "wires"]),
        ("", "a mug, nothing else", "a mug", []),
        ("", "a nun without a veil, a book or a rosary", "a nun", ["veil", "book", "rosary"]),
        ("a dog", "a surfer in Bora Bora 🏄", "a surfer in Bora Bora 🏄", []),
        ("a dog", "next: a tuk tuk 🛺 in Ur, no driver", "a tuk tuk 🛺 in Ur", ["driver"]),
        ("", "a loft; there must be no phones", "a loft", ["phones"]),
        ("", "a loft, exclude people and snow", "a loft", ["people", "snow"]),
        ("", "the man without a hat", "the man", ["hat"]),
        ("", "portrait of a man that is not blurry", "portrait of a man", ["blurry"]),
        ("a dog", "castle without people", "castle", ["people"]),
        # said of a picture that is there already
        ("picture", "portrait of a nun without glasses", "portrait of a nun", ["glasses"]),
        ("picture", "a pirate without a parrot", "a pirate", ["parrot"]),
        ("picture", "make it a pirate without a parrot", "a pirate", ["parrot"]),
        ("a dog", "A castle 🏰 on a cliff, no flags", "A castle 🏰 on a cliff", ["flags"]),
        ("a dog", "photo of a tram w/o passengers", "photo of a tram", ["passengers"]),
        ("a dog on a sofa", "a cat, no dog", "a cat on a sofa", ["dog"]),
        ("a nun with glasses", "a nun without glasses", "a nun", ["glasses"]),
    ],
)
def test_negations_move_out_of_a_description(prompt: str, feedback: str, text: str, terms: list[str]) -> None:
    edits = read(feedback, prompt=prompt)
    assert [edit.text for edit in edits if isinstance(edit, SetPrompt)] == [text]
    assert [edit.term for edit in edits if isinstance(edit, Exclude)] == terms


@pytest.mark.parametrize(
    ("prompt", "feedback", "terms"),
    [
        ("portrait of a man in a garden", "portrait of a man without mustache", ["mustache"]),
        ("portrait of a man in a garden", "a version without the hedge", ["hedge"]),
        ("picture", "a picture with no text", ["text"]),
        ("picture", "no mustache", ["mustache"]),
        ("picture", "too cartoonish", ["cartoon"]),
        ("picture", "remove the hat", ["hat"]),
        ("picture", "still blurry", ["blurry"]),
        ("picture", "no hat or a beard", ["hat", "beard"]),
        ("picture", "a man with six fingers", ["extra fingers"]),
    ],
)
def test_a_negation_about_the_picture_leaves_the_prompt_alone(prompt: str, feedback: str, terms: list[str]) -> None:
    assert read(feedback, prompt=prompt) == tuple(Exclude(term=term) for term in terms)

"""Requests that rewrite the prompt."""

import re

import pytest
from offline_feedback import read

from notthat.agent.edits import SetPrompt


@pytest.mark.parametrize(
    ("prompt", "feedback", "text"),
    [
        ("girl with red hair", "black hair plz", "girl with black hair"),
        ("a dresser with two drawers", "please the dresser with four drawers", "a dresser with four drawers"),
        ("an airship", "draw it in the style of a blueprint", "an airship, in the style of a blueprint"),
        ("an airship", "a bit of moss wouldn't hurt", "an airship, moss"),
        ("an airship", "dramatic side lighting would sell it", "an airship, dramatic side lighting"),
        ("an airship", "put a goose beside it", "an airship, a goose beside it"),
    ],
)
def test_what_is_there_becomes_another_sort(prompt: str, feedback: str, text: str) -> None:
    assert read(feedback, prompt=prompt) == (SetPrompt(text=text),)


@pytest.mark.parametrize(
    ("prompt", "feedback", "rewritten"),
    [
        ("scarf with a tartan pattern", "try houndstooth", "scarf with a houndstooth pattern"),
        ("oak table", "walnut would be better", "walnut table"),
        ("beach at noon", "what about dusk?", "beach at dusk"),
        ("oil painting of a plum", "let's go for gouache", "gouache of a plum"),
        ("one goat on a hill", "two goats would be funnier", "two goats on a hill"),
        ("one goat on a hill", "make it two goats", "two goats on a hill"),
        ("girl with a red balloon", "balloon should be yellow instead", "girl with a yellow balloon"),
        ("red car by a house", "car should be matte black", "matte black car by a house"),
        ("red car by a house", "the car in green would be nicer", "green car by a house"),
    ],
)
def test_a_suggestion_takes_the_place_of_its_kind(prompt: str, feedback: str, rewritten: str) -> None:
    assert read(feedback, prompt=prompt) == (SetPrompt(text=rewritten),)


@pytest.mark.parametrize(
    ("prompt", "feedback", "must", "must_not"),
    [
        ("portrait of a man in a garden", "make her a queen", "queen garden", "man make"),
        ("portrait of a man in a garden", "make it an old woman", "old woman garden", "man"),
        ("photo of a red car", "make it blue", "blue car", "red"),
        ("photo of a car", "make it green please", "green car", "please"),
        ("portrait of a man", "make it a woman with a hat", "woman hat", "man it"),
        ("portrait of a man", "make it a cat on a beach", "cat beach", "man"),
        ("a red car", "make it blue with white stripes", "blue car white stripes", "red"),
        ("a dog on a sofa", "add a red ball", "dog ball", "add"),
        ("a dog on a sofa", "could you add a red ball to it?", "dog ball", "add could it"),
        ("a dog on a sofa", "I meant a cat", "cat sofa", "dog meant"),
        ("a dog on a sofa", "a cat instead of a dog", "cat sofa", "dog instead"),
        ("a dog on a sofa", "swap the dog for a cat", "cat sofa", "dog swap"),
        ("a dog on a sofa", "replace the sofa with a bench", "dog bench", "sofa replace"),
        ("a dog on a sofa", "turn the dog into a fox", "fox sofa", "dog turn"),
        ("a dog in a park", "put it on a beach", "dog beach", "put park"),
        ("a dog", "give him a scarf", "dog scarf", "give"),
        ("a dog", "make the background yellow", "dog yellow background", "make"),
        ("a woman with a blue dress", "make the dress red", "woman red dress", "blue"),
        ("a woman with a blue dress", "the dress should be red", "woman red dress", "blue should"),
        ("village in winter", "switch the season to summer", "village summer", "winter season"),
        ("village in winter", "make it summer", "village summer", "winter"),
        ("a dog on a sofa", "I want a cat instead", "cat sofa", "dog want instead"),
        ("village in winter", "could it be spring?", "village spring", "winter could"),
        ("a dog", "make him smile", "dog smiling", "make"),
        ("a dog", "zoom out", "dog wide", "zoom"),
        ("a house by a lake", "more trees", "house trees", ""),
        ("a dog", "turn the bg black plz", "dog black background", "bg plz turn"),
        ("a dog", "set it in Tokyo", "dog Tokyo", "set"),
        ("a dog", "add a ball and a bone", "dog ball bone", "add"),
        ("a dog on a sofa", "what if you made the sofa green?", "dog green sofa", "what made"),
        ("a dog on a sofa", "background: a snowy mountain", "dog sofa snowy mountain background", ""),
        ("a dog on a sofa", "weather: snow, time: dusk", "dog on a sofa snow dusk", "weather time"),
        ("a dog on a sofa", "style: woodcut", "dog sofa woodcut", "style"),
        ("a white windmill on a hill", "give me a blue windmill", "blue windmill hill", "white give"),
        ("a white windmill on a hill", "a blue windmill", "blue windmill hill", "white"),
        ("a white windmill on a hill", "add a blue windmill", "white blue windmill hill", "add"),
        ("a dog on a sofa", "an owl with a monocle", "owl monocle", "dog sofa"),
        ("a dog on a sofa", "a dog wearing a kimono, please", "dog kimono", "sofa please"),
        ("a dog on a sofa", "portrait of an old sailor", "portrait old sailor", "dog sofa"),
        ("a dog on a sofa", "that's a dog. I said a fox", "fox sofa", "dog said"),
        ("a dog on a sofa", "rather a bench than a sofa", "dog bench", "sofa rather"),
        ("a dog on a sofa", "take it to a wooden table", "dog wooden table", "sofa take"),
        ("a dog on a sofa", "pull back until we can see the garden", "dog sofa wide garden", "we until pull"),
        ("a dog on a sofa", "keep everything but make the sofa green", "dog green sofa", "keep make"),
        ("a dog on a sofa", "do it in charcoal", "dog sofa charcoal", "do"),
        ("a dog on a sofa", "picture it as a comic", "dog sofa comic", "picture"),
        ("a dog on a sofa", "no ball? it needs a ball!", "dog sofa ball", "no needs"),
        ("a dog on a sofa", "you forgot the ball", "dog sofa ball", "forgot"),
        ("a dog on a sofa", "a cushion would suit it", "dog sofa cushion", "suit would"),
        ("a dog on a sofa", "can it be holding a stick", "dog sofa holding stick", "can it"),
        ("a dog on a sofa", "plain background please", "dog sofa plain background", "please"),
        ("a dog on a sofa", "more blur in the background", "dog sofa more blur", "please"),
        ("a dog on a sofa", "dog -> cat", "cat sofa", "dog"),
        ("a dog on a sofa", "the dog is supposed to be asleep", "dog sofa asleep", "supposed"),
        ("a loft, rustic", "what about art nouveau", "loft art nouveau", "what about"),
        ("a loft, rustic", "make it industrial", "loft industrial", "rustic make"),
        ("picture", "make it a lighthouse", "lighthouse", "picture"),
        ("picture", "a lighthouse", "lighthouse", "picture"),
        ("a dog in a park", "New idea: put the dog on a skateboard", "dog skateboard park", "idea put"),
    ],
)
def test_a_wish_rewrites_the_prompt(prompt: str, feedback: str, must: str, must_not: str) -> None:
    edits = read(feedback, prompt=prompt)
    assert [edit.op for edit in edits] == ["prompt"]
    assert isinstance(edits[0], SetPrompt)
    words = re.findall(r"[\w-]+", edits[0].text)
    assert set(must.split()) <= set(words)
    assert not set(must_not.split()) & set(words)

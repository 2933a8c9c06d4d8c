"""Praise, questions and small talk: no edit."""

import pytest
from offline_feedback import brief, read


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("her smile reminds me of the Mona Lisa", ""),
        ("usually I hate neon but here it works", ""),
        ("nobody in town does it better", ""),
    ],
)
def test_praise_that_sounds_like_a_complaint_changes_nothing(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("negative", "feedback", "expected"),
    [
        ("glow", "what does glow weigh?", ""),
        ("fog, hat", "please don't allow the fog again", ""),
        ("fog, hat", "fog must stay away", ""),
        ("hat", "client wants the fog back", ""),
        ("hat", "is that fog I see? adorable", ""),
    ],
)
def test_what_is_asked_or_told_of_an_exclusion_changes_nothing(negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, negative=negative), negative) == expected


@pytest.mark.parametrize(
    "feedback",
    [
        "nah it's good, ship it",
        "why did you leave the fog out?",
        "why are these models so bad at reflections?",
        "looks just like the one my uncle had",
        "the client signed off on it",
        "it doesn't look too dark to me, my boss is wrong",
        "not a bad start!",
        "brb getting tea",
        "go on, I'm listening",
        "do owls swim?",
        "as if by magic!",
        "the printer at work is broken lol",
    ],
)
def test_talk_changes_nothing(feedback: str) -> None:
    assert read(feedback, prompt="harbour at night", negative="fog") == ()


@pytest.mark.parametrize(
    "feedback",
    [
        "nobody said the bell should leave",
        "I'm not asking you to remove the bell",
        "why would I want to remove the chair?",
        "no way I'd give up that bell",
        "it isn't blurry, my screen is dirty",
        "not in a bad way, in the best way",
        "no scarf looks just right",
        "there's no such thing as too many trees",
        "reminds me of my old school",
        "I'd hang this in my kitchen",
        "can't find anything wrong with it",
        "don't worry, the sky is fine",
        "I can't see a single flaw",
        "remind me, what did I exclude?",
        "let me ask my sister and get back to you",
        "remove everything except the bell",
        "nothing but the bell",
        "I love the colours, the light and the mood.",
        "isn't she lovely?",
        "I thought I'd hate the bell but I don't",
        "this needs no explanation",
        "almost too pretty to print",
        "I'd rather keep the bell",
        "is it too dark?",
    ],
)
def test_what_only_sounds_like_a_request_changes_nothing(feedback: str) -> None:
    assert read(feedback) == ()


@pytest.mark.parametrize(
    "feedback",
    [
        "don't remove the hat",
        "please do not take the glasses off",
        "no need to change anything",
        "no problem at all",
        "no complaints here",
        "All I see is a masterpiece",
        "who is the man in the picture?",
        "thumbs up",
        "fingers crossed",
        "her eyes sparkle, love it",
        "My wife says it's lovely",
        "The sign says exactly what I wanted",
        "the fog blends nicely with the hills",
        "that's a lot of fun",
        "It came out just as I wanted",
        "the bot has three modes",
        "i have two questions",
        "The client signed it off, cheers!",
        "no way, this is gorgeous",
        "not bad!",
        "not a single flaw",
        "don't make it any darker",
        "it would be nothing without the hat",
        "not bad at all",
        "it's not too dark",
        "not too blurry at all, nice",
        "I wouldn't remove anything",
        "don't lose the dog",
        "it wouldn't be the same without the moon",
        "not without my hat",
        "keep the umbrella",
        "leave the lamp as it is",
        "the dog stays",
        "no notes, perfect",
        "the watermark is gone, thanks",
        "nothing to complain about",
        "he has his collar up, perfect",
        "a gull is sitting on the rail, lovely",
        "I can't complain",
        "never mind",
        "couldn't be better",
        "no thanks",
        "nice",
        "perfect, thank you!",
        "wow that's stunning",
        "I love the colours",
        "hello",
        "hey there, how are you?",
        "what model is this?",
        "which words are excluded?",
        "what's in the negative prompt?",
        "how many turns did we have?",
        "is that a dog or a wolf?",
        "can you explain how this works?",
        "does the weight matter?",
        "cool cool cool 😎",
        "lol no thats perfect",
        "better? no",
        "the light, no doubt",
        "nice, no?",
        "a dog in the corner",
        "a masterpiece",
        "ty!!",
        "haha",
        "the light is beautiful",
        "this is exactly what I wanted",
        "much better",
        "good job",
        "",
        "   ",
        "???",
        "👍",
    ],
)
def test_praise_questions_and_refusals_change_nothing(feedback: str) -> None:
    assert read(feedback) == ()

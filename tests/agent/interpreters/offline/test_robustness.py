"""Arbitrary text raises no error."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from offline_feedback import read

from notthat.agent.edits import State, apply
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters import OfflineInterpreter

_WORDS = st.lists(
    st.sampled_from(
        [
            "no",
            "not",
            "without",
            "remove",
            "the",
            "hat",
            "too",
            "dark",
            "still",
            "again",
            "undo",
            "add",
            "a",
            "put",
            "it",
            "on",
            "and",
            ",",
            ".",
            "?",
            "!",
            "make",
            "back",
            "bring",
            "don't",
            "blurry",
            ":",
            ";",
            "(",
            ")",
            "[",
            "]",
            "\\",
            '"',
            "'",
            "--",
            "...",
            "1.5",
            "six",
            "fingers",
            "in",
            "of",
            "to",
            "like",
            "looks",
            "is",
            "there",
            "what",
            "why",
            "😀",
            "’",
        ]
    ),
    max_size=14,
).map(" ".join)

_ANY_CHARACTER = st.characters(codec=None, exclude_categories=())
"""Halves of characters, NUL and the like included."""


@settings(max_examples=300, deadline=None)
@given(
    feedback=st.one_of(st.text(max_size=80), _WORDS),
    prompt=st.one_of(st.just(""), st.just("a man in a hat"), st.text(max_size=20)),
)
def test_no_text_makes_it_raise(feedback: str, prompt: str) -> None:
    state = State(prompt=prompt, negative=parse_negative("hat, (blurry:1.9)"), seed=1)
    first = OfflineInterpreter().interpret(feedback, state)
    assert first == OfflineInterpreter().interpret(feedback, state)
    apply(state, first.edits, turn=1, words=feedback)


@settings(max_examples=150, deadline=None)
@example("\0", "\0")
@example("no \ud800", "a \udfff")
@example("\u202e🧑🏽\u200d🚀 no hat", "hat")
@given(
    feedback=st.text(_ANY_CHARACTER, max_size=60)
    | st.lists(_WORDS | st.text(_ANY_CHARACTER), max_size=5).map(" ".join),
    prompt=st.text(_ANY_CHARACTER, max_size=30),
)
def test_no_character_makes_it_raise(feedback: str, prompt: str) -> None:
    state = State(prompt=prompt, negative=parse_negative("hat, (blurry:1.9)"), seed=1)
    said = OfflineInterpreter().interpret(feedback, state)
    after = apply(state, said.edits, turn=1, words=feedback)
    assert len({exclusion.term for exclusion in after.negative}) == len(tuple(after.negative))
    OfflineInterpreter().explain(feedback, state)


@settings(max_examples=25, deadline=None)
@given(
    part=_WORDS.filter(bool) | st.text(_ANY_CHARACTER, min_size=1, max_size=20), prompt=st.sampled_from(["", "a hat"])
)
def test_ten_thousand_characters_do_not_make_it_raise(part: str, prompt: str) -> None:
    state = State(prompt=prompt, negative=parse_negative("hat"), seed=1)
    apply(state, OfflineInterpreter().interpret((part * 10_000)[:10_000], state).edits, turn=1, words="")


def test_a_very_long_text_is_read() -> None:
    assert read(" " * 5000) is not None
    assert read("no hat" + " " * 5000) is not None
    assert read("the hat " * 5000) is not None
    assert read("no " * 5000) is not None
    assert read("a, " * 5000, prompt="") is not None
    assert read("no b, " * 5000, prompt="") is not None
    assert read("no " + "b, c d, " * 5000, prompt="") is not None
    assert read("a b " * 5000, prompt="picture") is not None

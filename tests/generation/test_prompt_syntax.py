"""The weights in prompts mean here what they mean in AUTOMATIC1111's web UI."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notthat.generation.prompt_syntax import BREAK, Fragment, escape, parse


def weighted(prompt: str) -> list[tuple[str | None, float]]:
    return [(fragment.text, round(fragment.weight, 4)) for fragment in parse(prompt)]


@pytest.mark.parametrize(
    ("prompt", "fragments"),
    [
        ("", [("", 1.0)]),
        ("normal text", [("normal text", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("unbalanced)", [("unbalanced)", 1.0)]),
        ("[less]", [("less", 0.9091)]),
        ("((twice))", [("twice", 1.21)]),
        ("(word:1.3)", [("word", 1.3)]),
        ("(word:.5)", [("word", 0.5)]),
        ("(outer (inner:2) end:1.5)", [("outer ", 1.5), ("inner", 3.0), (" end", 1.5)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        (r"(a \(b\):1.2)", [("a (b)", 1.2)]),
        ("(word:abc)", [("word:abc", 1.1)]),
        ("a:1.3)", [("a:1.3)", 1.0)]),
        ("10:30 in BERLIN", [("10:30 in BERLIN", 1.0)]),
        (r"a\b", [("ab", 1.0)]),
        ("one BREAK two", [("one ", 1.0), (None, 1.0), (" two", 1.0)]),
        ("NOBREAKS", [("NOBREAKS", 1.0)]),
    ],
)
def test_a_prompt_is_read_as_weighted_fragments(prompt: str, fragments: list[tuple[str | None, float]]) -> None:
    assert weighted(prompt) == fragments


@given(st.text())
def test_any_text_parses_into_fragments_of_positive_weight(prompt: str) -> None:
    fragments = parse(prompt)
    assert fragments
    assert all(fragment.weight > 0 or ":" in prompt for fragment in fragments)


@given(st.text(alphabet="ab ()[]\\:1."))
def test_an_escaped_text_means_itself(text: str) -> None:
    assert parse(escape(text)) == [Fragment(text)]


def test_an_escaped_break_is_a_word() -> None:
    assert parse(escape("BREAK")) == [Fragment("break")]


def test_a_break_carries_no_weight() -> None:
    assert parse("(a BREAK b)")[1] is BREAK

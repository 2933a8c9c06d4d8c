"""The weights in prompts mean here what they mean in AUTOMATIC1111's web UI."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notthat.generation.prompt_syntax import BREAK, MAX_DEPTH, Fragment, escape_prompt, parse_prompt, split_terms


def weighted(prompt: str) -> list[tuple[str | None, float]]:
    return [(fragment.text, round(fragment.weight, 4)) for fragment in parse_prompt(prompt)]


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


def test_the_web_uis_own_examples_are_read_as_it_reads_them() -> None:
    """Those in the documentation of its `parse_prompt_attention`."""
    assert weighted("(unnecessary)(parens)") == [("unnecessaryparens", 1.1)]
    assert weighted("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).") == [
        ("a ", 1.0),
        ("house", 1.573),
        (" ", 1.1),
        ("on", 1.0),
        (" a ", 1.1),
        ("hill", 0.55),
        (", sun, ", 1.1),
        ("sky", 1.4641),
        (".", 1.1),
    ]


@pytest.mark.parametrize(
    ("prompt", "listed"),
    [
        ("", []),
        ("hat, (blurry:1.3),, watermark ", ["hat", "(blurry:1.3)", "watermark"]),
        ("(hat, cap:1.2), [a, b], c", ["(hat, cap:1.2)", "[a, b]", "c"]),
        (r"\(a, b\), c", [r"\(a", r"b\)", "c"]),
        ("a), b", ["a)", "b"]),
    ],
)
def test_terms_stand_between_commas_outside_of_brackets(prompt: str, listed: list[str]) -> None:
    assert split_terms(prompt) == listed


@given(st.text())
def test_any_text_parses_into_fragments_of_positive_weight(prompt: str) -> None:
    fragments = parse_prompt(prompt)
    assert fragments
    assert all(fragment.weight > 0 or ":" in prompt for fragment in fragments)


@given(st.text(alphabet="ab ()[]\\:1."))
def test_an_escaped_text_means_itself(text: str) -> None:
    assert parse_prompt(escape_prompt(text)) == [Fragment(text)]


def test_an_escaped_break_is_a_word() -> None:
    assert parse_prompt(escape_prompt("BREAK")) == [Fragment("break")]


def test_a_break_carries_no_weight() -> None:
    assert parse_prompt("(a BREAK b)")[1] is BREAK


@pytest.mark.parametrize(
    "part", ["(a", "[a", "(a:9999", "(", "()", "[(", ":1", "1", ": ", "a:", "\\", "BREAK ", "a (b:1.2) ", "[a|b]"]
)
@pytest.mark.parametrize("end", ["", "x", ")" * 60, "\n"])
def test_a_hundred_thousand_characters_parse_to_finite_weights(part: str, end: str) -> None:
    fragments = parse_prompt((part * 100_000)[:100_000] + end)
    assert fragments
    assert all(math.isfinite(fragment.weight) for fragment in fragments)


def test_a_number_followed_by_other_text_is_no_weight() -> None:
    text = "(a:" + "1" * 100_000 + "x)"
    assert "".join(fragment.text or "" for fragment in parse_prompt(text)) == text[1:-1]


def test_brackets_beyond_the_maximum_depth_add_no_weight() -> None:
    for depth in (MAX_DEPTH, MAX_DEPTH + 5):
        [fragment] = parse_prompt("(" * depth + "a" + ")" * depth)
        assert fragment.text == "a"
        assert math.isclose(fragment.weight, 1.1**MAX_DEPTH)

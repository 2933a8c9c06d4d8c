"""Exclusions, and the negative prompt they make up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from notthat.agent.exclusions import MAX_WEIGHT, MIN_WEIGHT, Exclusion, NegativePrompt, parse_negative, read_negative
from notthat.agent.terms import normalize_term, stem_term, to_one_line

weights = st.floats(MIN_WEIGHT, MAX_WEIGHT).map(lambda weight: round(weight, 2))
terms = (
    st.text(st.characters(codec="utf-8", exclude_characters=","), min_size=1, max_size=20)
    .map(lambda text: " ".join(to_one_line(text).split()[:4]))
    .filter(bool)
)
exclusions = st.builds(
    Exclusion,
    term=terms,
    weight=weights,
    source=st.sampled_from(["user", "policy:quality"]),
    since=st.integers(0, 50),
    words=st.just("no"),
)
negatives = st.lists(exclusions, max_size=6, unique_by=lambda e: normalize_term(e.term)).map(
    lambda chosen: NegativePrompt(tuple(chosen))
)


def an_exclusion(term: str, weight: float = 1.0, since: int = 1, source: str = "user") -> Exclusion:
    return Exclusion(term=term, weight=weight, since=since, source=source, words=f"no {term}")


def test_renders_as_the_web_ui_reads_it() -> None:
    negative = NegativePrompt((an_exclusion("watermark"), an_exclusion("blurry", 1.3)))
    assert negative.render() == "watermark, (blurry:1.3)"


def test_brackets_in_a_term_are_escaped() -> None:
    assert NegativePrompt((an_exclusion(r"a (b) [c] \d"),)).render() == r"a \(b\) \[c\] \\d"


@given(negatives)
def test_parsing_what_was_rendered_keeps_terms_and_weights(negative: NegativePrompt) -> None:
    parsed = parse_negative(negative.render())
    assert [(e.term, e.weight) for e in parsed] == [(e.term, e.weight) for e in negative]


@pytest.mark.parametrize(
    "part",
    ["(a", "[a", "[a|", "[a|b]", "[a:b:0.5]", "a :1.2 AND ", "<lora:", "\n", "a\u200d", "[|] ", ":1", "(a:1.2), "],
)
@pytest.mark.parametrize("end", ["", "x", "]" * 60])
def test_a_hundred_thousand_characters_of_anything_are_read(part: str, end: str) -> None:
    negative = parse_negative((part * 100_000)[:100_000] + end)
    assert all(MIN_WEIGHT <= exclusion.weight <= MAX_WEIGHT for exclusion in negative)


def test_merging_replaces_terms_in_place_and_adds_new_ones_at_the_end() -> None:
    negative = parse_negative("fog, hats")
    merged = negative.merge(parse_negative("(Hat:1.5), text"))
    assert merged.render() == "fog, (Hat:1.5), text"
    assert negative.merge([]) == negative


@given(st.text(max_size=60) | st.text("ab(),:1.[]\\ ", max_size=40))
def test_any_text_parses_and_rendering_it_is_stable(text: str) -> None:
    negative = parse_negative(text)
    assert parse_negative(negative.render()) == negative


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a, (b:1.3)", [("a", 1.0), ("b", 1.3)]),
        ("", []),
        (" , ,a,, ", [("a", 1.0)]),
        ("(a)", [("a", 1.1)]),
        ("((a)), [b]", [("a", 1.21), ("b", 0.91)]),
        ("(a, b:1.5)", [("a", 1.5), ("b", 1.5)]),
        ("(a:9)", [("a", MAX_WEIGHT)]),
        ("hat, The Hats, (hat:1.2)", [("hat", 1.2)]),
        ("(a, (b:1.5):1.2)", [("a", 1.2), ("b", 1.8)]),
        ("(a, b", [("a", 1.1), ("b", 1.1)]),
        ("hat BREAK beard", [("hat", 1.0), ("beard", 1.0)]),
        ("hat AND beard", [("hat", 1.0), ("beard", 1.0)]),
        ("hat :1.2 AND beard :0.8", [("hat", 1.2), ("beard", 0.8)]),
        ("sand AND brand", [("sand", 1.0), ("brand", 1.0)]),
        (r"hat \(red\), \[x|y\]", [("hat (red)", 1.0), ("[x|y]", 1.0)]),
        ("hat\0,\x1bbeard,\u200b,sc\u200barf", [("hat", 1.0), ("beard", 1.0), ("scarf", 1.0)]),
    ],
)
def test_parses_what_people_write(text: str, expected: list[tuple[str, float]]) -> None:
    negative, deviations = read_negative(text)
    assert [(e.term, e.weight) for e in negative] == expected
    assert bool(deviations) == (text == "(a:9)")


@pytest.mark.parametrize(
    ("text", "expected", "told"),
    [
        ("(hat:9)", [("hat", 2.0)], "Weights are between 0.1 and 2; the nearest one is used for “hat 9”."),
        ("(hat:0)", [], "Not excluded, since the weight is zero or less: “hat”."),
        ("(hat:-1), fog", [("fog", 1.0)], "Not excluded, since the weight is zero or less: “hat”."),
        (
            "[a:b:0.5]",
            [("a", 1.0), ("b", 1.0)],
            "Prompt editing is not supported: all of “[a:b:0.5]” is excluded from the first step.",
        ),
        (
            "[a::10], [b:.5]",
            [("a", 1.0), ("b", 1.0)],
            "Prompt editing is not supported: all of “[a::10]”, “[b:.5]” is excluded from the first step.",
        ),
        ("([a|b]:1.3)", [("a", 1.3), ("b", 1.3)], "Alternating words are not supported: all of “[a|b]” is excluded."),
        ("[red|blue] hat", [("red hat", 1.0)], "Within a term, only the first choice is excluded: “[red|blue]”."),
        (
            "fog, <lora:style:0.8>",
            [("fog", 1.0)],
            "Left out of the negative prompt, since no LoRA is loaded from there: “<lora:style:0.8>”.",
        ),
        ("(bad:1.3) hands", [("bad hands", 1.3)], "A term has one weight, the highest in it: “bad hands”."),
        (
            "a b c d e f g h i j",
            [("a b c d e f g h", 1.0)],
            "Terms have at most 8 words and 80 characters; shortened: “a b c d e f g h”.",
        ),
    ],
)
def test_what_is_not_done_as_it_was_written_is_told_in_a_line(
    text: str, expected: list[tuple[str, float]], told: str
) -> None:
    negative, deviations = read_negative(text)
    assert [(e.term, e.weight) for e in negative] == expected
    assert deviations == [told]


def test_of_many_only_some_are_named() -> None:
    _, told = read_negative(", ".join(f"(a{k}:5)" for k in range(9)))
    assert told == ["Weights are between 0.1 and 2; the nearest one is used for “a0 5”, “a1 5”, “a2 5” and 6 more."]


def test_a_long_negative_prompt_compares_no_term_with_every_other() -> None:
    before = normalize_term.cache_info()
    assert len(parse_negative(", ".join(f"term{k}q" for k in range(6000)))) == 6000
    after = normalize_term.cache_info()
    assert after.hits + after.misses - before.hits - before.misses <= 4 * 6000


@given(st.text(max_size=60) | st.text("ab(),:1.[]|<>\\ \n\0\x1b\u200bANDBREAK", max_size=40))
def test_no_term_of_a_negative_prompt_has_a_control_character(text: str) -> None:
    assert all(e.term == to_one_line(e.term) for e in parse_negative(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("moustache", "The Mustaches"),
        ("jewellery", "jewelry"),
        ("grey sky", "gray skies"),
        ("extra finger", "extra fingers"),
        ("bad tooth", "bad teeth"),
        ("low-quality", "low  quality"),
        ("COLOUR", "a color"),
    ],
)
def test_two_spellings_are_one_term(one: str, other: str) -> None:
    assert NegativePrompt((an_exclusion(one),)).find(other) is not None


@pytest.mark.parametrize(("one", "other"), [("glass", "glasses"), ("hand", "hat"), ("lens", "len")])
def test_two_terms_are_two(one: str, other: str) -> None:
    assert other not in NegativePrompt((an_exclusion(one),))


@pytest.mark.parametrize(("one", "other"), [("noisy", "noise"), ("foggy", "fog"), ("cartoonish", "cartoons")])
def test_a_stem_finds_the_noun_of_an_adjective(one: str, other: str) -> None:
    assert stem_term(one) == stem_term(other)


def test_a_term_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        NegativePrompt((an_exclusion("hat"), an_exclusion("hats")))


@given(negatives, exclusions)
def test_with_and_without(negative: NegativePrompt, exclusion: Exclusion) -> None:
    more = negative.add(exclusion)
    assert more.find(exclusion.term) == exclusion
    assert len(more) == len(negative) + (exclusion.term not in negative)
    assert exclusion.term not in more.remove(exclusion.term)
    if exclusion.term not in negative:
        assert more.remove(exclusion.term) == negative


def test_replacing_keeps_the_place() -> None:
    negative = NegativePrompt((an_exclusion("hat"), an_exclusion("beard")))
    assert negative.add(an_exclusion("hats", 1.4)).terms == ("hats", "beard")


def test_the_latest_is_the_users_own() -> None:
    negative = NegativePrompt(
        (
            an_exclusion("hat", since=3),
            an_exclusion("fog", since=2),
            an_exclusion("gore", since=9, source="policy:safe"),
        )
    )
    latest = negative.latest
    assert latest is not None
    assert latest.term == "hat"
    assert NegativePrompt().latest is None


def test_a_policys_exclusion_is_found_in_look_alike_letters_and_the_users_own_is_not() -> None:
    alike = "w\u0430termark"  # with a Cyrillic a
    policy = NegativePrompt((an_exclusion("watermark", source="policy:brand"),))
    assert policy.find(alike) == policy.exclusions[0]
    assert len(policy.add(an_exclusion(alike))) == 1
    assert NegativePrompt((an_exclusion("watermark"),)).find(alike) is None


def test_only_a_policy_locks() -> None:
    assert an_exclusion("gore", source="policy:safe").is_locked
    assert not an_exclusion("gore").is_locked


@pytest.mark.parametrize(
    "wrong",
    [{"term": " "}, {"term": "a " * 9}, {"term": "a" * 81}, {"weight": 0.0}, {"weight": float("nan")}, {"weight": 5}],
)
def test_refuses_what_is_no_exclusion(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Exclusion.model_validate({"term": "hat", "since": 1, "words": "no hat"} | wrong)


def test_a_term_stands_on_one_line_without_commas() -> None:
    assert an_exclusion(" bad,\n hands ").term == "bad hands"

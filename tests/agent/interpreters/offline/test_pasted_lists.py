"""Lists in the notation of prompts, pasted as feedback."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notthat.agent.edits import Exclude, SetPrompt, State
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters import OfflineInterpreter


def interpret(feedback: str, prompt: str = "portrait of a diver", negative: str = "") -> "list[tuple[str, float]]":
    """What is excluded, with its weight; the prompt must not change."""
    state = State(prompt=prompt, negative=parse_negative(negative), seed=0)
    edits = OfflineInterpreter().interpret(feedback, state).edits
    assert all(isinstance(edit, Exclude) for edit in edits), edits
    return [(edit.term, edit.weight) for edit in edits if isinstance(edit, Exclude)]


@pytest.mark.parametrize(
    ("feedback", "terms"),
    [
        ("--no kelp, bubbles", ["kelp", "bubbles"]),
        ("negative prompt: kelp, tank valve, rust", ["kelp", "tank valve", "rust"]),
        ("exclude => kelp, loose straps", ["kelp", "loose straps"]),
        ("excl. kelp, excl. bubbles", ["kelp", "bubbles"]),
        ("please keep out the following: kelp (seaweed), bubbles", ["kelp", "bubbles"]),
        ("neg: kelp / bubbles / rust", ["kelp", "bubbles", "rust"]),
        ("bad teeth, asymmetric ears, odd ears", ["bad teeth", "asymmetric ears", "odd ears"]),
        ("- wrong number of hoses\n- glossy", ["wrong number of hoses", "glossy"]),
        ("1. worst quality\n2. kelp\n3. rust", ["worst quality", "kelp", "rust"]),
        ("bad-feet-3, veryfakenegative", ["bad-feet-3", "veryfakenegative"]),
        ("ng_shallownegative_v2", ["ng_shallownegative_v2"]),
    ],
)
def test_each_item_is_left_out(feedback: str, terms: list[str]) -> None:
    assert interpret(feedback) == [(term, 1.0) for term in terms]


@pytest.mark.parametrize(
    ("feedback", "weighted"),
    [
        ("(kelp:1.4), (rust)", [("kelp", 1.4), ("rust", 1.1)]),
        ("no (kelp:1.3)", [("kelp", 1.3)]),
        ("kelp::1.2, rust", [("kelp", 1.2), ("rust", 1.0)]),
        ("(kelp, rust:1.3), bubbles", [("kelp", 1.3), ("rust", 1.3), ("bubbles", 1.0)]),
    ],
)
def test_weights_are_kept(feedback: str, weighted: list[tuple[str, float]]) -> None:
    assert interpret(feedback) == weighted


def test_a_pasted_prompt_replaces_the_prompt() -> None:
    state = State(prompt="a diver", negative=parse_negative(""), seed=0)
    words = "masterpiece, best quality, old diver, brass helmet"
    assert OfflineInterpreter().interpret(words, state).edits == (SetPrompt(text=words),)


@pytest.mark.parametrize(
    "feedback",
    [
        "no kelp, more bubbles, brighter",
        "the helmet is bad, sad, ugly",
        "love the helmet, the kelp, the rust",
        "kelp, rust",
    ],
)
def test_sentences_and_bare_names_are_no_lists(feedback: str) -> None:
    state = State(prompt="a diver", negative=parse_negative(""), seed=0)
    assert all(step.rule != "list" for step in OfflineInterpreter().explain(feedback, state))


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from(list("ab,:()[]|-\n ./1<>é☃\0")), max_size=120))
def test_any_notation_is_read_without_an_error(text: str) -> None:
    OfflineInterpreter().interpret(f"--no {text}", State(prompt="a diver", negative=parse_negative(""), seed=0))

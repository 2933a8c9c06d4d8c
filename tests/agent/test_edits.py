"""The edits, and the laws of applying them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from notthat.agent.edits import (
    Allow,
    Edit,
    Exclude,
    Reroll,
    Reset,
    Reweight,
    SetPrompt,
    State,
    Undo,
    apply,
    edits_adapter,
    next_seed,
)
from notthat.agent.exclusions import MAX_WEIGHT, MIN_WEIGHT, Exclusion, NegativePrompt
from notthat.agent.replies import describe
from notthat.agent.terms import normalize_term

terms = st.sampled_from(["hat", "The Hats", "moustache", "mustache", "blurry", "text", "extra fingers", "fog"])
weights = st.floats(MIN_WEIGHT, MAX_WEIGHT)
term_edits = st.one_of(
    st.builds(Exclude, term=terms, weight=weights),
    st.builds(Allow, term=terms),
    st.builds(Reweight, term=terms, weight=weights),
)
any_edit = term_edits | st.sampled_from(
    [Reset(), Reroll(), Undo(turns=2), SetPrompt(text="a woman"), SetPrompt(text="a man")]
)
edit_lists = st.lists(any_edit, max_size=8)
states = st.lists(
    st.builds(
        Exclusion,
        term=terms,
        weight=weights,
        source=st.sampled_from(["user", "policy:safe"]),
        since=st.integers(0, 5),
        words=st.just("words"),
    ),
    max_size=4,
    unique_by=lambda e: normalize_term(e.term),
).map(lambda chosen: State(prompt="a man", negative=NegativePrompt(tuple(chosen)), seed=7))

EMPTY = State(prompt="a man", negative=NegativePrompt(), seed=7)


def after(*edits: Edit, state: State = EMPTY, turn: int = 3, words: str = "said") -> State:
    return apply(state, edits, turn=turn, words=words)


@given(states)
def test_no_edit_changes_nothing(state: State) -> None:
    assert apply(state, [], turn=1, words="") == state


@given(states, edit_lists)
def test_a_locked_exclusion_is_never_lost_nor_weakened(state: State, edits: list[Edit]) -> None:
    negative = apply(state, edits, turn=9, words="").negative
    for locked in state.negative.only_locked():
        kept = negative.find(locked.term)
        assert kept is not None
        assert kept.is_locked
        assert kept.weight >= locked.weight


@given(states, edit_lists)
def test_no_term_stands_twice(state: State, edits: list[Edit]) -> None:
    keys = [normalize_term(term) for term in apply(state, edits, turn=9, words="").negative.terms]
    assert len(keys) == len(set(keys))


@given(states, edit_lists)
def test_applying_is_one_edit_after_the_other(state: State, edits: list[Edit]) -> None:
    stepwise = state
    for edit in edits:
        stepwise = apply(stepwise, [edit], turn=9, words="w")
    assert apply(state, edits, turn=9, words="w") == stepwise


@given(states, terms)
def test_allowing_what_was_just_excluded_restores_the_terms(state: State, term: str) -> None:
    if term not in state.negative:
        assert after(Exclude(term=term), Allow(term=term), state=state) == state


@given(states, edit_lists)
def test_what_stays_keeps_its_order(state: State, edits: list[Edit]) -> None:
    allowed = {normalize_term(edit.term) for edit in edits if isinstance(edit, Allow)}
    if any(isinstance(edit, Reset) for edit in edits):
        return
    before = [normalize_term(term) for term in state.negative.terms if normalize_term(term) not in allowed]
    now = [normalize_term(term) for term in apply(state, edits, turn=9, words="").negative.terms]
    assert [term for term in now if term in before] == before


@given(states)
def test_reset_drops_the_users_only(state: State) -> None:
    assert after(Reset(), state=state).negative == state.negative.only_locked()


def test_what_a_user_adds_to_a_policys_weight_can_be_taken_back_as_far_as_the_policy_asks() -> None:
    policy = NegativePrompt((Exclusion(term="fog", weight=1.1, source="policy:clear", since=0, words=""),))
    state = State("a pier", policy, 1, policy)
    stronger = after(Reweight(term="fog", weight=1.5), state=state)
    assert stronger.negative.render() == "(fog:1.5)"
    assert after(Reweight(term="fog", weight=0.5), state=stronger).negative == policy
    assert after(Reset(), state=stronger).negative == policy
    assert describe([Reweight(term="fog", weight=0.5)], stronger) == "“fog” now weighs 1.1, as policy clear asks."


def test_a_new_exclusion_keeps_its_turn_and_words() -> None:
    (exclusion,) = after(Exclude(term="hat"), turn=4, words="no hat!").negative
    assert exclusion == Exclusion(term="hat", since=4, words="no hat!")


def test_excluding_again_only_raises_the_weight() -> None:
    once = after(Exclude(term="hat", weight=1.2), turn=1, words="no hat")
    (raised,) = after(Exclude(term="hats", weight=1.5), state=once, turn=2, words="again").negative
    assert (raised.term, raised.weight, raised.since, raised.words) == ("hat", 1.5, 1, "no hat")
    assert after(Exclude(term="hat"), state=once, turn=2) == once


def test_reweighting_goes_both_ways_and_may_be_the_first_word() -> None:
    once = after(Reweight(term="fog", weight=1.4))
    assert once.negative.render() == "(fog:1.4)"
    assert after(Reweight(term="fog", weight=0.8), state=once).negative.render() == "(fog:0.8)"


def test_undo_is_the_conversations() -> None:
    assert after(Undo(turns=3)) == EMPTY


def test_the_prompt_is_replaced() -> None:
    assert after(SetPrompt(text=" a\n woman ")).prompt == "a woman"


def test_a_reroll_is_another_seed_for_every_turn() -> None:
    seeds = {after(Reroll(), turn=turn).seed for turn in range(50)}
    assert len(seeds | {EMPTY.seed}) == 51
    assert after(Reroll(), turn=5).seed == next_seed(EMPTY.seed, 5)
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_the_json_is_the_documented_one() -> None:
    documented = [
        {"op": "exclude", "term": "mustache", "weight": 1.0},
        {"op": "allow", "term": "hat"},
        {"op": "reweight", "term": "blurry", "weight": 1.3},
        {"op": "prompt", "text": "portrait photo of a woman"},
        {"op": "undo", "turns": 1},
        {"op": "reset"},
        {"op": "reroll"},
    ]
    edits = edits_adapter.validate_json(json.dumps(documented))
    assert edits_adapter.dump_python(edits, mode="json") == documented


@given(st.lists(any_edit))
def test_json_round_trip(edits: list[Edit]) -> None:
    assert edits_adapter.validate_json(edits_adapter.dump_json(tuple(edits))) == tuple(edits)


def test_defaults() -> None:
    assert edits_adapter.validate_python([{"op": "exclude", "term": "hat"}, {"op": "undo"}]) == (
        Exclude(term="hat", weight=1.0),
        Undo(turns=1),
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"op": "explode"},
        {"term": "hat"},
        {"op": "exclude"},
        {"op": "exclude", "term": "  "},
        {"op": "exclude", "term": "hat", "weight": 0},
        {"op": "exclude", "term": "hat", "weight": "NaN"},
        {"op": "exclude", "term": "hat", "weight": 99},
        {"op": "exclude", "term": "please take out the hat that he wears today"},
        {"op": "reweight", "term": "hat"},
        {"op": "prompt", "text": " "},
        {"op": "prompt", "text": "a" * 2001},
        {"op": "undo", "turns": 0},
        {"op": "reset", "term": "hat"},
    ],
)
def test_refuses_what_is_no_edit(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        edits_adapter.validate_python([wrong])


@given(states, edit_lists)
def test_a_reply_is_one_line(state: State, edits: list[Edit]) -> None:
    reply = describe(edits, state)
    assert reply
    assert "\n" not in reply


def test_what_is_said_after_a_reset_is_said_of_what_it_leaves() -> None:
    state = after(Exclude(term="hat", weight=1.4))
    assert describe([Reset(), Exclude(term="hat")], state) == "Dropped all of your exclusions. Excluded “hat”."


def test_a_reply_says_why_a_policy_stays() -> None:
    locked = Exclusion(term="gore", source="policy:safe", since=0, words="")
    state = State(prompt="", negative=NegativePrompt((locked,)), seed=1)
    assert describe([Allow(term="gore")], state) == "“gore” stays excluded, as policy safe asks."


def test_thousands_of_exclusions_compare_no_term_with_every_other() -> None:
    edits = [Exclude(term=f"term{k}v") for k in range(6000)]
    before = normalize_term.cache_info()
    after = apply(State("a man", NegativePrompt(), seed=0), edits, turn=1, words="")
    calls = normalize_term.cache_info()
    assert len(after.negative) == 6000
    assert calls.hits + calls.misses - before.hits - before.misses <= 8 * 6000


def test_repeated_exclusions_keep_the_first_spelling_and_the_highest_weight() -> None:
    edits = [Exclude(term="hats"), Exclude(term="Hat", weight=1.5), Exclude(term="hat", weight=1.2)]
    after = apply(State("a man", NegativePrompt(), seed=0), edits, turn=1, words="no hats")
    assert after.negative.render() == "(hats:1.5)"

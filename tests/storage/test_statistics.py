"""Counts of what is stored, on every database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from notthat.storage import (
    AttemptCounts,
    DrawingTimes,
    ExclusionRecord,
    InterpreterCounts,
    NewTurn,
    PolicyEffect,
    SessionCounts,
    SessionStart,
    Store,
    TermCounts,
    TurnRecord,
)

TEXT = ExclusionRecord("text", 1.0, "policy:quality", 0, "")
LOGO = ExclusionRecord("logo", 1.0, "policy:brand-safety", 0, "")
HAT = ExclusionRecord("hat", 1.0, "user", 0, "no hat")
STRONG_HAT = ExclusionRecord("hat", 1.2, "user", 0, "no hat")
FOG = ExclusionRecord("fog", 1.0, "user", 1, "no fog")

Begin = Callable[..., TurnRecord]


def made_with(interpreter: str | None = "offline", effect: float | None = None, **more: Any) -> dict[str, Any]:
    """A provenance, as far as it is counted."""
    measured = {} if effect is None else {"negative_effect": effect}
    return {"interpreter": None if interpreter is None else {"name": interpreter, **more}, **measured}


@pytest.fixture
def sessions(begin: Begin, grow: Begin) -> list[TurnRecord]:
    """A session that excludes, complains again, allows and has a branch; one with two policies; one with nothing."""
    first = begin(exclusions=(TEXT, HAT), provenance=made_with(effect=0.3), seconds=1.0)
    fallback = made_with("llm", 0.2, fallback=True)
    second = grow(first.session, exclusions=(TEXT, STRONG_HAT, FOG), provenance=fallback, seconds=2.0)
    third = grow(first.session, exclusions=(TEXT,), provenance=made_with(None, 0.004), seconds=3.0)
    branch = grow(first.session, parent=0, exclusions=(TEXT, STRONG_HAT), provenance=made_with(), seconds=10.0)
    both = begin(exclusions=(TEXT, LOGO), provenance=made_with("llm", 0.001), seconds=0.5)
    bare = begin(exclusions=(), provenance=None, seconds=4.0)
    return [first, second, third, branch, both, bare]


def test_an_empty_store_counts_nothing(store: Store) -> None:
    statistics = store.statistics
    assert statistics.count_sessions() == SessionCounts(0, 0, 0)
    assert statistics.count_attempts() == AttemptCounts()
    assert statistics.count_terms() == statistics.measure_policies(0.01) == statistics.measure_times() == []
    assert statistics.count_interpreters() == list(statistics.feedback()) == []


def test_what_happened_to_each_term(store: Store, sessions: list[TurnRecord]) -> None:
    assert store.statistics.count_terms() == [
        TermCounts("text", "policy:quality", excluded=2, complained_again=0, allowed_back=0),
        TermCounts("fog", "user", excluded=1, complained_again=0, allowed_back=1),
        TermCounts("hat", "user", excluded=1, complained_again=2, allowed_back=1),
        TermCounts("logo", "policy:brand-safety", excluded=1, complained_again=0, allowed_back=0),
    ]


def test_verdicts_are_counted_by_the_picture_that_was_kept(store: Store, begin: Begin, grow: Begin) -> None:
    def verify(exclusion: ExclusionRecord, verdict: str, weight: float = 1.0) -> ExclusionRecord:
        return replace(exclusion, verdict=verdict, weight=weight)  # type: ignore[arg-type]

    def tried(chosen: int, tries: int) -> dict[str, Any]:
        return {"verification": {"chosen": chosen, "tries": [{}] * tries}}

    session = begin(exclusions=(verify(HAT, "gone"), TEXT), provenance=tried(0, 1)).session
    grow(session, exclusions=(verify(HAT, "gone", 1.5), verify(TEXT, "unknown")), provenance=tried(1, 2))
    complaint = [{"op": "reweight", "term": "hat", "weight": 1.7}]
    again = (verify(HAT, "gone", 1.8), verify(TEXT, "there"))
    grow(session, exclusions=again, provenance=tried(2, 3), edits=complaint)
    grow(session, exclusions=(replace(HAT, weight=1.8),), provenance={})

    text, hat = sorted(store.statistics.count_terms(), key=lambda counts: counts.term, reverse=True)
    verdicts = {"gone_at_once": 1, "gone_at_second": 1, "gone_later": 1}
    assert hat == TermCounts("hat", "user", excluded=1, complained_again=1, allowed_back=0, **verdicts)
    assert text == TermCounts("text", "policy:quality", 1, 0, 1, still_there=1, unjudged=1)
    (times,) = store.statistics.measure_times()
    assert (times.turns, times.verified, times.tries) == (4, 3, 2.0)


def test_the_effect_of_a_policy_is_known_where_nothing_else_is_excluded(
    store: Store, sessions: list[TurnRecord]
) -> None:
    assert store.statistics.measure_policies(0.01) == [
        PolicyEffect("brand-safety", "mini", turns=1, unmeasured=0, measured_alone=0, without_effect=0),
        PolicyEffect("quality", "mini", turns=5, unmeasured=1, measured_alone=1, without_effect=1),
    ]
    assert store.statistics.measure_policies(0.004)[1].without_effect == 0


def test_sessions_interpreters_and_times(store: Store, sessions: list[TurnRecord]) -> None:
    assert store.statistics.count_sessions() == SessionCounts(sessions=3, turns=6, longest=4)
    assert store.statistics.count_interpreters() == [
        InterpreterCounts("llm", turns=2, fallbacks=1),
        InterpreterCounts("offline", turns=2, fallbacks=0),
    ]
    (times,) = store.statistics.measure_times()
    assert times == DrawingTimes("mini", turns=6, mean=pytest.approx(20.5 / 6), p50=2.0, p95=10.0, longest=10.0)
    assert sorted(number for number, _ in store.statistics.feedback()) == [0, 0, 0, 1, 2, 3]


def test_percentiles_are_nearest_ranks(store: Store, begin: Begin, grow: Begin) -> None:
    session = begin(seconds=20.0).session
    for seconds in range(1, 20):
        grow(session, seconds=float(seconds))
    (times,) = store.statistics.measure_times()
    assert (times.p50, times.p95) == (10.0, 19.0)


def test_a_period_begins_at_its_moment(store: Store, begin: Begin, grow: Begin) -> None:
    session = begin(exclusions=(HAT,), provenance=made_with(effect=0.3)).session
    begin(exclusions=(TEXT,), provenance=made_with(effect=0.3))
    now = datetime.now(UTC)
    statistics = store.statistics
    assert statistics.count_sessions(now).turns == 0
    grow(session, exclusions=(STRONG_HAT,), provenance=made_with("llm", 0.3))
    assert statistics.count_sessions(now) == SessionCounts(1, 1, 1)
    assert statistics.count_terms(now) == [TermCounts("hat", "user", excluded=0, complained_again=1, allowed_back=0)]
    assert statistics.measure_policies(0.01, now) == []
    assert statistics.count_interpreters(now) == [InterpreterCounts("llm", 1, 0)]
    assert statistics.measure_times(now)[0].turns == 1
    assert len(list(statistics.feedback(now))) == 1


def test_turns_without_a_picture_are_counted_by_their_end(store: Store, turn: Callable[..., NewTurn]) -> None:
    attempts, start = store.attempts, SessionStart("mini", ())
    began = [attempts.begin_session(start, turn(0, None)) for _ in range(4)]
    attempts.end(began[0], "failed", "no memory")
    attempts.end(began[1], "cancelled", "stopped")
    attempts.refuse(began[2], "the prompt is empty")
    assert store.statistics.count_attempts() == AttemptCounts(pending=1, failed=1, cancelled=1, refused=1)
    assert store.statistics.count_attempts(datetime.now(UTC)) == AttemptCounts()

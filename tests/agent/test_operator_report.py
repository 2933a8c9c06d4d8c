"""What operators are told of the stored sessions."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notthat.agent import Conversation, Studio
from notthat.agent.edits import State
from notthat.agent.interpreters import Interpretation, OfflineInterpreter
from notthat.agent.operator_report import SourceCounts, build_report, parse_since
from notthat.errors import InvalidInputError

OpenStudio = Callable[..., Studio]

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


class Falling(OfflineInterpreter):
    """Falls back to the rules each time."""

    name = "llm"

    def interpret(self, feedback: str, state: State, picture: Any = None) -> Interpretation:
        return super().interpret(feedback, state, picture).model_copy(update={"fallback": True})


def test_a_session_as_an_operator_sees_it(open_studio: OpenStudio) -> None:
    studio = open_studio(interpreter=Falling())
    conversation = Conversation.start("a harbour without boats", studio, policies=["quality"])
    for feedback in ("no fog", "there is still fog", "bring the boats back", "still not right, there is still fog"):
        conversation.say(feedback)
    report = build_report(studio.store)
    assert report.exclusions == (
        SourceCounts("user", terms=2, excluded=2, complained_again=2, allowed_back=1),
        SourceCounts("policy:quality", terms=6, excluded=6, complained_again=0, allowed_back=0),
    )
    assert (report.sessions.sessions, report.sessions.turns, report.handoffs) == (1, 5, 1)
    assert [(each.interpreter, each.turns, each.fallbacks) for each in report.interpreters] == [("llm", 5, 5)]
    assert [(each.policy, each.model, each.turns) for each in report.policies] == [("quality", "stub", 5)]
    assert [(each.model, each.turns) for each in report.models] == [("stub", 5)]
    assert build_report(studio.store, datetime.now(UTC)).sessions.turns == 0


def test_words_are_told_only_where_they_are_asked_for(studio: Studio) -> None:
    conversation = Conversation.start("a secretive harbour", studio)
    conversation.say("no quicksilver and no fog")
    without = build_report(studio.store)
    assert without.terms is None
    assert not {"quicksilver", "secretive", "fog"} & set(json.dumps(without.as_json()).replace('"', " ").split())
    listed = build_report(studio.store, terms=1).as_json()["terms"]
    verdicts = dict.fromkeys(("gone_at_once", "gone_at_second", "gone_later", "still_there", "unjudged"), 0)
    counts = {"excluded": 1, "complained_again": 0, "allowed_back": 0, **verdicts}
    assert listed == [{"term": "fog", "source": "user", **counts}]


def test_an_empty_store_has_a_report(studio: Studio) -> None:
    report = build_report(studio.store, parse_since("7d"), terms=50).as_json()
    assert report["sessions"] == {"sessions": 0, "turns": 0, "longest": 0}
    assert report["handoffs"] == 0
    assert report["exclusions"] == report["policies"] == report["interpreters"] == report["models"] == []
    assert report["terms"] == []


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", NOW - timedelta(days=7)),
        (" 24h ", NOW - timedelta(hours=24)),
        ("2w", NOW - timedelta(weeks=2)),
        ("2026-11-30", datetime(2026, 11, 30, tzinfo=UTC)),
        ("2026-11-30T10:00", datetime(2026, 11, 30, 10, tzinfo=UTC)),
        ("2026-11-30T10:00+02:00", datetime(2026, 11, 30, 8, tzinfo=UTC)),
    ],
)
def test_a_period_is_a_date_or_an_age(text: str, moment: datetime) -> None:
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "7", "d", "-7d", "999999w", "2026-13-01", "0001-01-01T00:00+14:00"])
def test_other_words_are_no_period(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is no date: write 2026-12-01"):
        parse_since(text, NOW)

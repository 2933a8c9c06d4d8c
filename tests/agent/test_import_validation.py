"""Turns from elsewhere: what this notthat could have made is taken, and nothing else."""

from dataclasses import fields, replace
from typing import Any

import pytest

from notthat.agent import Conversation, Studio
from notthat.agent.import_validation import check_turn
from notthat.errors import InvalidInputError
from notthat.storage import ExclusionRecord, NewTurn

FOG = ExclusionRecord("fog", 1.0, "user", 1, "no fog")


@pytest.fixture
def turn(studio: Studio) -> NewTurn:
    """The second turn of a session with a policy."""
    conversation = Conversation.start("a harbour without boats", studio, seed=4, policies=["quality"])
    record = conversation.say("no fog")
    return NewTurn(**{field.name: getattr(record, field.name) for field in fields(NewTurn)})


def test_a_turn_as_it_is_made_here_is_taken(turn: NewTurn) -> None:
    check_turn(turn)
    check_turn(replace(turn, provenance=None))  # as the first release left it


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exclusions": (replace(FOG, weight=-5.0),)}, "greater than or equal to 0.1"),
        ({"exclusions": (replace(FOG, term=" "),)}, "can't be empty"),
        ({"exclusions": (FOG, replace(FOG, term="the Fog"))}, "twice"),
        ({"exclusions": (replace(FOG, words="no \x1b[2J fog"),)}, "control characters"),
        ({"feedback": "\x1b]0;mine\x07no fog"}, "control characters"),
        ({"reply": "\x9b2J"}, "control characters"),
        ({"reply": "No \u202egof."}, "can't be printed"),
        ({"edits": ({"op": "exclude", "term": "fog\x1b[2J", "weight": 1.0},)}, "control characters"),
        ({"edits": ({"op": "rm"},)}, "rm"),
        ({"request": {"steps": 3}}, "field required"),
        ({"prompt": "a harbour at night"}, "something else than it tells"),
        ({"negative": ""}, "something else than it tells"),
        ({"seed": 5}, "something else than it tells"),
        ({"provenance": {"libraries": ["torch"]}}, "what it was made with"),
        ({"provenance": {"libraries": {"torch": 2}}}, "what it was made with"),
        ({"provenance": {"policies": 3}}, "what it was made with"),
        ({"provenance": {"interpreter": "offline"}}, "what it was made with"),
    ],
)
def test_a_turn_that_none_would_have_made_is_refused_in_one_line(
    turn: NewTurn, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidInputError, match=rf"^turn 1 can't be: .*{reason}.*$"):
        check_turn(replace(turn, **changes))

"""The grammar's rules and templates, and the explanation of an interpretation."""

import pytest

from notthat.agent.edits import Allow, Exclude, State
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters import OfflineInterpreter
from notthat.agent.interpreters.offline.actions import ACTIONS
from notthat.agent.interpreters.offline.grammar.rules import load_grammar
from notthat.agent.interpreters.offline.grammar.templates import Classes, Template, Words


def test_the_reply_says_what_changed() -> None:
    state = State(prompt="a man", negative=parse_negative("hat, blurry"), seed=1)
    said = {
        feedback: OfflineInterpreter().interpret(feedback, state).reply
        for feedback in ("no mustache", "still blurry", "bring the hat back", "thanks!")
    }
    assert said == {
        "no mustache": "Excluded “mustache”.",
        "still blurry": "“blurry” now weighs 1.2.",
        "bring the hat back": "“hat” is allowed again.",
        "thanks!": "Nothing to change.",
    }


def test_an_explanation_names_the_rule_and_its_clause() -> None:
    state = State(prompt="a man", negative=parse_negative("hat"), seed=1)
    reasons = OfflineInterpreter().explain("nice, but lose the tie and bring the hat back", state)
    assert [(reason.clause, reason.rule) for reason in reasons] == [
        ("lose the tie", "remove"),
        ("bring the hat back", "restore"),
    ]
    assert [edit for reason in reasons for edit in reason.edits] == [Exclude(term="tie"), Allow(term="hat")]


def test_every_rule_names_acts_that_exist() -> None:
    assert {act for rule in load_grammar().rules for act in (rule.action, rule.negated_action)} <= set(ACTIONS)


@pytest.mark.parametrize(
    ("template", "clause", "named"),
    [
        ("lose THING", "lose the Hat", {"THING": "the Hat"}),
        ("THING must not? go", "the hat must go", {"THING": "the hat"}),
        ("THING must not? go", "the hat must not go", {"THING": "the hat", "NOT": "not"}),
        ("(no|without) the? THING (at all)? ...", "no hat at all please", {"THING": "hat"}),
        ("put THING WHERE", "put a cup on the shelf", {"THING": "a cup", "WHERE": "on the shelf"}),
        ("lose THING", "lose", None),
        ("lose _", "lose the hat", None),
    ],
)
def test_a_template_reads_a_clause(template: str, clause: str, named: dict[str, str] | None) -> None:
    found = Template(template).match(Words(clause, Classes({"not": ["not"], "preposition": ["on"]})))
    assert (dict(found.captures) if found else None) == named

"""The cascade: the rules where they are sure, else a language model, whose edits are reviewed."""

from dataclasses import dataclass, field

import pytest

from notthat.agent.edits import Edit, Exclude, State
from notthat.agent.exclusions import NegativePrompt
from notthat.agent.interpreters import CascadeInterpreter, Interpretation, Usage
from notthat.agent.interpreters.base import Question

MAN = State("portrait of a man", NegativePrompt(), seed=1)
FOG, HAT, RAIN = Exclude(term="fog"), Exclude(term="hat"), Exclude(term="rain")


@dataclass
class Scripted:
    """An interpreter that gives one answer, and counts how often it is asked."""

    answer: Interpretation
    name: str = "scripted"
    asked: list[str] = field(default_factory=list)

    def interpret(self, feedback: str, state: State, picture: object = None) -> Interpretation:
        self.asked.append(feedback)
        return self.answer


@dataclass
class ScriptedReviewer:
    """A reviewer that gives one answer, or agrees."""

    answer: Interpretation | None = None
    reviewed: list[tuple[Edit, ...]] = field(default_factory=list)

    def review(self, feedback: str, state: State, edits: tuple[Edit, ...]) -> Interpretation:
        self.reviewed.append(edits)
        return self.answer or Interpretation(edits=edits, reply="The reviewer's reply.")


SURE = Interpretation(edits=(HAT,), reply="Excluded “hat”.")
SURE_OF_NOTHING = Interpretation(reply="Nothing to change.")
UNSURE = Interpretation(reply="Nothing to change.", understood=False)
HALF_SURE = Interpretation(edits=(HAT,), reply="Excluded “hat”.", understood=False)
ASKS = Interpretation(reply="", question=Question(text="Leave out “hat”?", edits=(HAT,)))
PROPOSED = Interpretation(edits=(FOG,), reply="No more fog.", raw="{}", usage=Usage(prompt_tokens=1))


@pytest.mark.parametrize("certain", [SURE, SURE_OF_NOTHING])
def test_what_the_rules_are_sure_of_is_done_without_the_model(certain: Interpretation) -> None:
    model, reviewer = Scripted(PROPOSED), ScriptedReviewer()
    cascade = CascadeInterpreter(Scripted(certain), model, reviewer)
    assert cascade.interpret("no hat", MAN) == certain
    assert (model.asked, reviewer.reviewed) == ([], [])


@pytest.mark.parametrize("doubtful", [UNSURE, HALF_SURE, ASKS])
@pytest.mark.parametrize("reviewer", [None, ScriptedReviewer()])
def test_the_rest_is_for_the_model(doubtful: Interpretation, reviewer: ScriptedReviewer | None) -> None:
    model = Scripted(PROPOSED)
    said = CascadeInterpreter(Scripted(doubtful), model, reviewer).interpret("not a fog fan", MAN)
    assert said == PROPOSED
    assert model.asked == ["not a fog fan"]


def test_what_the_reviewer_doubts_is_asked() -> None:
    question = Question(text="Leave out “fog”?", edits=(FOG,))
    reviewer = ScriptedReviewer(Interpretation(reply="Leave out “fog”?", question=question))
    said = CascadeInterpreter(Scripted(UNSURE), Scripted(PROPOSED), reviewer).interpret("fog", MAN)
    assert (said.edits, said.question, said.reply) == ((), question, "Leave out “fog”?")
    assert (said.raw, said.usage) == (PROPOSED.raw, PROPOSED.usage)
    assert reviewer.reviewed == [(FOG,)]


def test_what_the_reviewer_changes_has_the_reviewers_reply() -> None:
    reviewer = ScriptedReviewer(Interpretation(edits=(RAIN,), reply="Excluded “rain”."))
    said = CascadeInterpreter(Scripted(UNSURE), Scripted(PROPOSED), reviewer).interpret("rain", MAN)
    assert (said.edits, said.reply, said.raw) == ((RAIN,), "Excluded “rain”.", PROPOSED.raw)


@pytest.mark.parametrize(
    "answer", [PROPOSED.model_copy(update={"edits": ()}), ASKS.model_copy(update={"fallback": True})]
)
def test_no_edits_and_the_answers_of_a_fallback_are_not_reviewed(answer: Interpretation) -> None:
    reviewer = ScriptedReviewer()
    assert CascadeInterpreter(Scripted(UNSURE), Scripted(answer), reviewer).interpret("hm", MAN) == answer
    assert reviewer.reviewed == []


def test_both_are_warmed_up() -> None:
    warmed: list[str] = []

    class Warm(Scripted):
        def warm_up(self) -> None:
            warmed.append(self.name)

    CascadeInterpreter(Warm(SURE, "rules"), Warm(PROPOSED, "model")).warm_up()
    CascadeInterpreter(Scripted(SURE), Warm(PROPOSED, "model")).warm_up()
    assert warmed == ["rules", "model", "model"]

"""Scores the edits of an interpreter against labelled cases.

A case is a line of JSON:

    {"id": "a1", "kind": "multi", "prompt": "a fox", "negative": "(fog:1.2)", "feedback": "still foggy. no text",
     "edits": [{"op": "reweight", "term": ["fog"], "direction": "up"}, {"op": "exclude", "term": ["text", "letters"]}],
     "alternatives": [[...]]}

A case is right if the edits match `edits` or one of the `alternatives`, in any order. `term` lists accepted terms,
compared without case, articles and a plural s. `direction` is the direction of the weight change. A new prompt must
match all of `must` and none of `must_not`, which are regular expressions.
"""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from gold_server import GoldServer

from notthat.agent.edits import Edit, Exclude, Reweight, SetPrompt, State
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters import Interpretation, Interpreter
from notthat.agent.interpreters.llm import LLMInterpreter
from notthat.agent.interpreters.llm.client import LLMClient

Case = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """An interpreter's answer to a case, and the time it took."""

    case: Case
    interpretation: Interpretation
    seconds: float
    processor: float
    """Seconds of CPU time in this process."""

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits that are made without a question."""
        return self.interpretation.edits

    @property
    def right(self) -> bool:
        """Whether the edits are those of the case, and nothing is asked."""
        return self.interpretation.question is None and is_right(self.case, self.edits)

    @property
    def score(self) -> float:
        """1 if the edits are those of the case, 0.5 if a question offers them."""
        question = self.interpretation.question
        return float(self.right) if question is None else is_right(self.case, question.edits) / 2

    @property
    def wrong_edits(self) -> tuple[Edit, ...]:
        """The edits that nobody asked for: they match no edit of any of the case's labels."""
        state = state_of(self.case)
        labels = [gold for edits in _labels(self.case) for gold in edits]
        return tuple(edit for edit in self.edits if not any(matches(gold, edit, state) for gold in labels))


def is_right(case: Case, edits: tuple[Edit, ...]) -> bool:
    """Whether the edits are those of the case, in any order."""
    state = state_of(case)
    return any(
        len(gold) == len(edits)
        and any(all(map(lambda label, edit: matches(label, edit, state), gold, order)) for order in permutations(edits))
        for gold in _labels(case)
    )


def _labels(case: Case) -> list[Any]:
    return [case["edits"], *case.get("alternatives", [])]


def state_of(case: Case) -> State:
    """The session state that the feedback is about."""
    return State(prompt=case["prompt"], negative=parse_negative(case["negative"]), seed=0)


def matches(gold: Mapping[str, Any], edit: Edit, state: State) -> bool:
    """Whether an edit matches an expected one."""
    if isinstance(edit, Exclude) and (known := state.negative.find(edit.term)) and edit.weight > known.weight:
        edit = Reweight(term=edit.term, weight=edit.weight)
    if gold["op"] != edit.op:
        return False
    if isinstance(edit, SetPrompt):
        return all(re.search(part, edit.text, re.I) for part in gold["must"]) and not any(
            re.search(part, edit.text, re.I) for part in gold["must_not"]
        )
    if "term" in gold and folded(getattr(edit, "term", "")) not in set(map(folded, gold["term"])):
        return False
    if "direction" in gold and isinstance(edit, Reweight):
        known = state.negative.find(edit.term)
        current_weight = known.weight if known else 1.0
        return edit.weight != current_weight and (edit.weight > current_weight) == (gold["direction"] == "up")
    return True


def folded(term: str) -> str:
    """Lower case, without articles and a plural s."""
    return " ".join(word for word in term.lower().split() if word not in {"a", "an", "the"}).removesuffix("s")


def ask(interpreter: Interpreter, cases: Iterable[Case]) -> list[Answer]:
    """Run the interpreter on each case."""
    answers = []
    for case in cases:
        started, processor_start = time.perf_counter(), time.process_time()
        interpretation = interpreter.interpret(case["feedback"], state_of(case))
        answers.append(
            Answer(case, interpretation, time.perf_counter() - started, time.process_time() - processor_start)
        )
    return answers


class Mute:
    """A fallback that returns no edits, so that it does not hide failures of the language model."""

    name = "mute"

    def interpret(self, feedback: str, state: State, picture: object = None) -> Interpretation:
        return Interpretation(reply="")


def ask_gold(cases: list[Case]) -> list[Answer]:
    """Run the LLM interpreter on each case, with a server that responds with the case's own edits."""
    with GoldServer(cases) as server:
        return ask(LLMInterpreter(LLMClient("gold", base_url=server.url, api_key="none", timeout=10), Mute()), cases)

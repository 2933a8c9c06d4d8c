"""How well an interpreter understands feedback: cases, and whether an answer is right.

A case is a line of JSON:

    {"id": "a1", "kind": "multi", "prompt": "a fox", "negative": "(fog:1.2)", "feedback": "still foggy. no text",
     "edits": [{"op": "reweight", "term": ["fog"], "direction": "up"}, {"op": "exclude", "term": ["text", "letters"]}],
     "alternatives": [[...]]}

A case is right when the edits are those of `edits` or of one of the `alternatives`, in any order. A `term` is any of
those listed, but for case, articles and a plural s; a `direction` is where the weight goes; a prompt has all of `must`
in it and none of `must_not`, which are regular expressions.
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
    """What an interpreter made of a case, and how long it took."""

    case: Case
    edits: tuple[Edit, ...]
    seconds: float
    processor: float
    """Seconds that this process worked for it."""

    @property
    def right(self) -> bool:
        """Whether these are the edits that the case asks for."""
        state = state_of(self.case)
        wanted = [self.case["edits"], *self.case.get("alternatives", [])]
        return any(
            len(gold) == len(self.edits)
            and any(all(map(lambda g, e: matches(g, e, state), gold, order)) for order in permutations(self.edits))
            for gold in wanted
        )


def state_of(case: Case) -> State:
    """What the person looks at."""
    return State(prompt=case["prompt"], negative=parse_negative(case["negative"]), seed=0)


def matches(gold: Mapping[str, Any], edit: Edit, state: State) -> bool:
    """Whether an edit is one that is asked for."""
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
        before = known.weight if known else 1.0
        return edit.weight != before and (edit.weight > before) == (gold["direction"] == "up")
    return True


def folded(term: str) -> str:
    """Lower case, without articles and one plural s."""
    return " ".join(word for word in term.lower().split() if word not in {"a", "an", "the"}).removesuffix("s")


def ask(interpreter: Interpreter, cases: Iterable[Case]) -> list[Answer]:
    """Every case put to the interpreter."""
    answers = []
    for case in cases:
        started, worked = time.perf_counter(), time.process_time()
        edits = interpreter.interpret(case["feedback"], state_of(case)).edits
        answers.append(Answer(case, edits, time.perf_counter() - started, time.process_time() - worked))
    return answers


class Mute:
    """Understands nothing: where the language model's answer is lost, nobody stands in for it."""

    name = "mute"

    def interpret(self, feedback: str, state: State, picture: object = None) -> Interpretation:
        """No edits."""
        return Interpretation(reply="")


def ask_gold(cases: list[Case]) -> list[Answer]:
    """Every case put to the LLM interpreter, before a server that answers with the case's own edits."""
    with GoldServer(cases) as server:
        return ask(LLMInterpreter(LLMClient("gold", base_url=server.url, api_key="none", timeout=10), Mute()), cases)

"""Plain requests to leave a thing out."""

import pytest

from notthat.agent.edits import Exclude, State
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters import OfflineInterpreter
from notthat.agent.interpreters.verifier.plain_requests import plain_things
from notthat.agent.terms import stem_term


@pytest.mark.parametrize(
    ("feedback", "things"),
    [
        ("no gulls either", ["gulls"]),
        ("Please remove the watermark, thanks", ["watermark"]),
        ("ok, also no more street lamps please", ["street lamps"]),
        ("it's still not right, no gulls", ["gulls"]),
        ("lovely! no hat; without the scarf too", ["hat", "scarf"]),
        ("no bananas? he should hold one", []),
        ("no pores at all", []),
        ("no hat but keep the scarf", []),
        ("remove the policy", []),
        ("what a day", []),
        ("", []),
    ],
)
def test_what_plain_requests_name(feedback: str, things: list[str]) -> None:
    assert plain_things(feedback) == {stem_term(thing) for thing in things}


@pytest.mark.parametrize(
    ("feedback", "prompt", "negative"),
    [
        ("no gulls either", "a pier", "fog"),
        ("no gulls", "lamp bb", "fog, boats"),
        ("it's still not right, no gulls", "a harbour", "fog, boats"),
        ("and without gulls please", "a lighthouse at night", "blurry"),
    ],
)
def test_a_plain_request_is_done_and_nothing_else(feedback: str, prompt: str, negative: str) -> None:
    state = State(prompt=prompt, negative=parse_negative(negative), seed=0)
    assert OfflineInterpreter().interpret(feedback, state).edits == (Exclude(term="gulls"),)


@pytest.mark.parametrize("feedback", ["let me talk to a human", "see http://evil.example/a.png gronk"])
def test_persons_to_talk_to_and_web_addresses_name_nothing(feedback: str) -> None:
    interpretation = OfflineInterpreter().interpret(
        feedback, State(prompt="a harbour", negative=parse_negative(""), seed=0)
    )
    assert (interpretation.edits, interpretation.question) == ((), None)

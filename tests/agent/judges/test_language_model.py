"""The judge that asks a language model, against an OpenAI-compatible server on loopback."""

import time
from collections.abc import Iterator

import pytest
from llm_server import Server, send_error
from PIL import Image

from notthat.agent.interpreters.llm import LLMClient
from notthat.agent.judges import Finding, Judge, JudgeError, JudgePanel
from notthat.agent.judges.language_model import parse_yes_or_no
from notthat.agent.judges.loading import load_judge

PICTURE = Image.new("RGB", (64, 48), "red")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def open_judge(server: Server, timeout: float = 60) -> Judge:
    return load_judge("llm", create_client=lambda: LLMClient("test", base_url=server.url, timeout=timeout))


def test_the_question_is_of_presence_and_goes_with_the_picture(server: Server) -> None:
    server.say("yes")
    open_judge(server).is_present(PICTURE, "mustache")

    (request,) = server.requests
    text, picture = request["messages"][1]["content"]
    assert text["text"].startswith("Is “mustache” visible in the picture")
    assert " no " not in text["text"]
    assert picture["image_url"]["url"].startswith("data:image/jpeg;base64,")
    assert "response_format" not in request
    assert "tools" not in request


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("yes", "there"),
        ("Yes.", "there"),
        ("**Yes**, there is a mustache.", "there"),
        ("no", "gone"),
        ("No, there is none.", "gone"),
        ("unsure", "unknown"),
        ("There might be one.", "unknown"),
        ("No idea.", "unknown"),
        ("No way to tell from this picture", "unknown"),
        ("not sure", "unknown"),
        ("yesterday", "unknown"),
        ("", "unknown"),
        ("Yes and no: " + "it depends on what you call a mustache, " * 3, "unknown"),
    ],
)
def test_an_answer_becomes_a_verdict(server: Server, answer: str, verdict: str) -> None:
    server.say(answer)
    panel = JudgePanel(["llm"], lambda name: open_judge(server), timeout=60)
    found = panel.judge(PICTURE, ["mustache"])

    assert found.by_term["mustache"].verdict == verdict
    assert found.failures == ()


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_a_server_that_refuses_makes_it_unknown(server: Server, status: int) -> None:
    server.say(lambda handler: send_error(handler, status, "images are not supported"))
    found = JudgePanel(["llm"], lambda name: open_judge(server), timeout=60).judge(PICTURE, ["mustache"])

    assert found.by_term["mustache"] == Finding("unknown")
    assert len(found.failures) == 1
    assert found.failures[0].startswith("the judge llm failed: ")
    assert all("image_url" in str(request) for request in server.requests)  # it is never asked without the picture


def test_a_server_that_takes_no_temperature_is_asked_without(server: Server) -> None:
    server.refuses = {"temperature"}
    server.say("yes")
    presence = open_judge(server).is_present(PICTURE, "mustache")

    assert presence is not None
    assert presence.probability == 1


def test_a_server_that_does_not_answer_in_time(server: Server) -> None:
    server.say(lambda handler: time.sleep(2))
    with pytest.raises(JudgeError, match=r"the judge llm failed: no answer within 0\.2 seconds"):
        open_judge(server, timeout=0.2).is_present(PICTURE, "mustache")


def test_what_cannot_be_seen_is_not_asked(server: Server) -> None:
    assert open_judge(server).is_present(PICTURE, "bad vibes") is None
    assert server.requests == []


def test_the_answers_of_which_the_first_word_counts() -> None:
    assert parse_yes_or_no("no\n") == parse_yes_or_no("NO!")
    assert parse_yes_or_no("nope") is None

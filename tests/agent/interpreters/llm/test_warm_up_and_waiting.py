"""What happens before and during the wait for a language model."""

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from llm_server import Server, send_answer
from rich.console import Console

from notthat.agent import Settings, Studio
from notthat.agent.edits import Exclude, State
from notthat.agent.exclusions import NegativePrompt
from notthat.agent.interfaces.cli import console
from notthat.agent.interpreters import LLMInterpreter
from notthat.agent.interpreters.llm import LLMClient
from notthat.agent.interpreters.llm.own_server import is_own_server
from notthat.agent.studio import create_interpreter
from notthat.agent.waiting import listen
from notthat.errors import InvalidInputError
from notthat.generation import StubEngine

PATIENCE = 60.0
"""Timeout in seconds. Only reached if a test fails."""

NO_FOG = '{"edits":[{"op":"exclude","term":"fog","weight":1.0}],"reply":"As you say."}'
MAN = State("portrait of a man", NegativePrompt(), seed=1)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def llm(server: Server) -> LLMInterpreter:
    return LLMInterpreter(LLMClient("test", base_url=server.url, timeout=PATIENCE))


def test_the_fixed_part_of_the_prompt_is_sent_for_one_token_before_the_first_feedback(
    server: Server, llm: LLMInterpreter
) -> None:
    server.say(NO_FOG)
    llm.warm_up()
    llm.warm_up()
    llm.interpret("no fog", MAN)
    warm_up, asked = server.requests
    assert warm_up["messages"][0] == asked["messages"][0]
    assert (warm_up["max_completion_tokens"], warm_up["max_tokens"]) == (1, 1)
    assert "max_tokens" not in asked


def test_all_that_differs_between_two_requests_is_in_the_last_message(server: Server, llm: LLMInterpreter) -> None:
    server.say(NO_FOG)
    llm.interpret("no fog", MAN)
    llm.interpret("no rain", State("a pier", NegativePrompt(), seed=2, recent=(("no fog", "As you say."),)))
    first, second = server.requests
    assert [message["role"] for message in first["messages"]] == ["system", "user"]
    assert first.pop("messages")[:-1] == second.pop("messages")[:-1]
    assert first == second


def test_feedback_waits_for_the_warm_up_instead_of_asking_beside_it(server: Server, llm: LLMInterpreter) -> None:
    began, second = threading.Event(), threading.Event()
    overlapped: list[bool] = []

    def warm_up(handler: BaseHTTPRequestHandler) -> None:
        began.set()
        overlapped.append(second.wait(0.3))
        send_answer(handler, "{")

    def answer(handler: BaseHTTPRequestHandler) -> None:
        second.set()
        send_answer(handler, NO_FOG)

    server.say(warm_up, answer)
    llm.warm_up()
    assert began.wait(PATIENCE)
    assert llm.interpret("no fog", MAN).reply == "As you say."
    assert overlapped == [False]


def test_a_warm_up_that_fails_is_not_seen(server: Server, llm: LLMInterpreter) -> None:
    server.say(lambda handler: handler.send_error(500), NO_FOG)
    llm.warm_up()
    assert llm.interpret("no fog", MAN).reply == "As you say."
    nowhere = LLMInterpreter(LLMClient("test", base_url="http://127.0.0.1:9/v1", timeout=PATIENCE))
    nowhere.warm_up()
    assert nowhere.interpret("no fog", MAN).fallback


def test_starting_a_studio_warms_the_model_up(server: Server, monkeypatch: pytest.MonkeyPatch, studio: Studio) -> None:
    asked = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        send_answer(handler, NO_FOG)

    server.say(answer)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    for name in ("llm", "auto"):
        asked.clear()
        interpreter = create_interpreter(Settings.load(interpreter=name))
        Studio(studio.store, interpreter, load_engine=lambda model: StubEngine()).warm_up()
        assert asked.wait(PATIENCE), name


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://localhost:11434/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://192.168.1.20/v1", True),
        ("http://10.0.0.7:8000", True),
        ("http://93.184.215.14/v1", False),
        ("https://8.8.8.8", False),
        ("http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/v1", False),
        ("nonsense", False),
        ("http://[", False),
        (None, False),
    ],
)
def test_only_a_server_at_a_private_address_is_ones_own(url: str | None, own: bool) -> None:
    assert is_own_server(url) is own


def test_a_server_at_another_address_is_sent_nothing_before_the_first_feedback(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *args: [(0, 0, 0, "", ("93.184.215.14", 0))])
    client = LLMClient("test", base_url=server.url, timeout=PATIENCE)
    LLMInterpreter(client).warm_up()
    monkeypatch.undo()
    server.say(NO_FOG)
    LLMInterpreter(client).interpret("no fog", MAN)
    assert ["max_tokens" in request for request in server.requests] == [False]


def test_whoever_listens_is_told_what_is_waited_for(server: Server, llm: LLMInterpreter) -> None:
    waits: list[str | None] = []
    server.say("no", NO_FOG)
    with listen(waits.append):
        llm.interpret("no fog", MAN)
    assert waits == ["asking test", None]
    llm.interpret("no fog", MAN)
    assert len(waits) == 2


def test_the_progress_bar_says_that_it_waits_for_the_model(
    server: Server, llm: LLMInterpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=screen, force_terminal=True, width=80))
    drawn = threading.Event()
    monkeypatch.setattr(screen, "write", _watch(screen, "asking test", drawn), raising=False)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        assert drawn.wait(PATIENCE)
        send_answer(handler, NO_FOG)

    server.say(answer)
    with console.progress("drawing"):
        assert llm.interpret("no fog", MAN).edits == (Exclude(term="fog"),)
    assert drawn.is_set()
    assert "drawing" in screen.getvalue()


def _watch(screen: io.StringIO, text: str, event: threading.Event) -> "object":
    write = screen.write

    def watched(chunk: str) -> int:
        if text in chunk:
            event.set()
        return write(chunk)

    return watched


def test_the_time_to_wait_is_a_setting(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    assert Settings.load().llm_timeout >= 120
    monkeypatch.setenv("NOTTHAT_LLM_TIMEOUT", "0.5")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    over = threading.Event()
    server.say(lambda handler: over.wait(PATIENCE) and None)
    try:
        said = create_interpreter(Settings.load(interpreter="llm")).interpret("no fog", MAN)
        assert "no answer within 0.5 seconds: set NOTTHAT_LLM_TIMEOUT to wait longer" in said.reply
    finally:
        over.set()
    for bad in ("0", "-1", "soon", "nan", "inf"):
        monkeypatch.setenv("NOTTHAT_LLM_TIMEOUT", bad)
        with pytest.raises(InvalidInputError, match=r"^NOTTHAT_LLM_TIMEOUT: [^\n]+$"):
            Settings.load()

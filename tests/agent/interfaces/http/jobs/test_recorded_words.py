"""What was accepted with 202 is recorded: no crash, stop or cancellation loses the words or the promised address."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from postgres import PostgresServer

from notthat.storage import LeaseTimes

from ...conftest import PATIENCE, GatedEngine, Running, Serve, events

SUPPORT = Path(__file__).parents[4] / "support"
LATER = {"Prefer": "respond-async"}

StartServer = Callable[..., "StubServer"]


class StubServer:
    """A server process under a host name of its own."""

    def __init__(self, host: str, lease: float) -> None:
        program = [sys.executable, str(SUPPORT / "stub_server.py"), host, str(lease)]
        self.process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        self.client = httpx.Client(base_url=self.process.stdout.readline().strip(), timeout=PATIENCE)

    def end(self, how: signal.Signals) -> None:
        """Send it a signal, and wait for its end."""
        self.client.close()
        self.process.send_signal(how)
        self.process.communicate(timeout=PATIENCE)


@pytest.fixture
def start_server(home: Path) -> Iterator[StartServer]:
    """Starts servers on the test's home: `start_server(host, lease=seconds)`."""
    started: list[StubServer] = []

    def start(host: str = "here", lease: float = 20.0) -> StubServer:
        started.append(StubServer(host, lease))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.end(signal.SIGKILL)


def ask_later(client: httpx.Client, session: str, feedback: str) -> httpx.Response:
    answer = client.post(f"/api/sessions/{session}/turns", json={"feedback": feedback}, headers=LATER)
    assert answer.status_code == 202, answer.text
    return answer


def wait_for(client: httpx.Client, address: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Look at an address until its answer is so; bounded by the client's patience with the whole test."""
    with closing(events(client, f"{address}/events")) as followed:
        for _, _, data in followed:
            if is_so(data):
                return data
    raise AssertionError("the stream ended before")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_words_that_waited_are_there_after_the_server_has_ended(start_server: StartServer, how: signal.Signals) -> None:
    first = start_server()
    session = first.client.post("/api/sessions", json={"prompt": "a boat", "seed": 1}).json()["session"]
    feedback = ["no fog", "no birds", "too dark", "no people"]
    promised = [ask_later(first.client, session, words).headers["Location"] for words in feedback]
    assert [address.rpartition("/")[2] for address in promised] == ["1", "2", "3", "4"]
    first.end(how)

    client = start_server().client
    status = client.get(f"/api/sessions/{session}").json()
    assert [(each["turn"], each["feedback"]) for each in status["unfinished"]] == list(enumerate(feedback, 1))
    assert status["retry"]["feedback"] == "no people"
    for number, words in list(enumerate(feedback, 1))[1:]:
        answer = client.get(f"/api/sessions/{session}/turns/{number}")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:notthat:problem:no-picture")
        turn = client.post(f"/api/sessions/{session}/retry", json={"turn": number}).json()
        assert turn["feedback"] == words
        assert client.get(f"/api/sessions/{session}/turns/{number}").json()["feedback"] == words
    assert client.get(f"/api/sessions/{session}").json()["prompt"] == "a boat"


def test_a_first_prompt_that_waited_is_there_too(start_server: StartServer) -> None:
    first = start_server()
    session = first.client.post("/api/sessions", json={"prompt": "a boat", "seed": 1}).json()["session"]
    ask_later(first.client, session, "no fog")
    asked = {"prompt": "a harbour without birds", "seed": 3, "steps": 4, "policies": ["quality"]}
    waiting = first.client.post("/api/sessions", json=asked, headers=LATER).json()
    first.end(signal.SIGKILL)

    client = start_server().client
    status = client.get(f"/api/sessions/{waiting['session']}").json()
    assert status["retry"]["feedback"] == "a harbour without birds"
    turn = client.post(f"/api/sessions/{waiting['session']}/retry", json={}).json()
    assert (turn["turn"], turn["prompt"], turn["seed"], turn["steps"]) == (0, "a harbour", 3, 4)
    assert turn["negative"].endswith("birds")
    assert client.get(f"/api/sessions/{waiting['session']}").json()["policies"] == ["quality"]


def test_a_waiting_turn_that_is_cancelled_can_be_retried_and_moves_no_promised_address(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine)
    engine.gate.set()
    session = server.begin()["session"]
    engine.gate.clear()
    one, two, three = (ask_later(server.client, session, words) for words in ("no fog", "no birds", "no people"))
    assert server.client.delete(two.json()["events"]).status_code == 204
    engine.gate.set()
    drawn = [list(events(server.client, each.json()["events"]))[-1] for each in (one, three)]
    assert [name for _, name, _ in drawn] == ["done", "done"]
    assert server.client.get(three.headers["Location"]).json()["feedback"] == "no people"
    assert server.client.get(two.headers["Location"]).status_code == 409

    turn = server.turn(server.client.post(f"/api/sessions/{session}/retry", json={"turn": 2}))
    assert (turn["turn"], turn["feedback"]) == (4, "no birds")
    for address in (two.headers["Location"], f"/api/sessions/{session}/turns/4"):
        assert server.client.get(address).json() == turn


def test_a_promised_address_of_words_that_changed_nothing_answers_after_a_restart(serve: Serve) -> None:
    first = serve()
    session = first.begin()["session"]
    promised = ask_later(first.client, session, "thank you, this is lovely")
    assert list(events(first.client, promised.json()["events"]))[-1][1] == "done"
    first.stop()
    address = httpx.URL(promised.headers["Location"]).path
    answer = serve().client.get(address)
    assert (answer.status_code, answer.json()["turn"]) == (200, 0)


def test_what_is_refused_later_says_why_at_its_address(serve: Serve) -> None:
    server = serve()
    answer = server.client.post("/api/sessions", json={"prompt": "no hat"}, headers=LATER)
    assert answer.status_code == 202
    _, name, problem = list(events(server.client, answer.json()["events"]))[-1]
    assert (name, problem["status"]) == ("failed", 400)
    assert server.client.post("/api/sessions", json={"prompt": "no hat"}).status_code == 400
    assert server.studio.store.attempts.all() == []  # there is nothing to retry
    assert list(events(serve().client, httpx.URL(answer.json()["events"]).path))[-1][1:] == (name, problem)


def test_a_crash_under_another_host_name_is_noticed(start_server: StartServer) -> None:
    pod = start_server("pod-1", lease=1.0)
    session = pod.client.post("/api/sessions", json={"prompt": "a boat", "seed": 1}).json()["session"]
    ask_later(pod.client, session, "no fog")
    ask_later(pod.client, session, "no birds")
    pod.end(signal.SIGKILL)

    client = start_server("pod-2", lease=1.0).client
    status = wait_for(client, f"/api/sessions/{session}", lambda status: len(status["unfinished"]) == 2)
    assert status["retry"]["feedback"] == "no birds"
    turn = client.post(f"/api/sessions/{session}/retry", json={}).json()
    assert (turn["feedback"], turn["negative"]) == ("no birds", "birds")


def test_a_live_turn_under_another_host_name_is_left_alone(start_server: StartServer) -> None:
    pod = start_server("pod-1", lease=1.0)
    session = pod.client.post("/api/sessions", json={"prompt": "a boat", "seed": 1}).json()["session"]
    ask_later(pod.client, session, "no fog")
    with closing(events(pod.client, f"/api/sessions/{session}/turns/1/events")) as followed:
        assert len(list(islice(followed, 150))) == 150  # a step takes 0.01 s at least: longer than the lease
    other = start_server("pod-2", lease=1.0).client
    answer = other.post(f"/api/sessions/{session}/retry", json={})
    assert (answer.status_code, "right now" in answer.json()["detail"]) == (400, True)


def test_a_turn_that_met_a_locked_database_can_be_retried_in_the_same_process(serve: Serve, home: Path) -> None:
    engine = GatedEngine()
    server = serve(engine, wait=0.1, lease=LeaseTimes(0.4, 0.1))
    engine.gate.set()
    session = server.begin()["session"]
    engine.gate.clear()
    pending = ask_later(server.client, session, "no fog")
    engine.begun.acquire(timeout=PATIENCE)
    engine.begun.acquire(timeout=PATIENCE)
    with closing(sqlite3.connect(home / "notthat.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        engine.gate.set()
        assert list(events(server.client, pending.json()["events"]))[-1][1] == "failed"
    status = wait_for(server.client, f"/api/sessions/{session}", lambda status: bool(status["unfinished"]))
    assert status["retry"]["feedback"] == "no fog"
    assert server.turn(server.client.post(f"/api/sessions/{session}/retry", json={}))["negative"] == "fog"


def test_a_turn_that_lost_postgresql_can_be_retried_when_that_is_back(serve: Serve) -> None:
    with PostgresServer() as postgres:
        engine = GatedEngine()
        server = serve(engine, database=postgres.new_database("outage"), lease=LeaseTimes(2.0, 0.2))
        engine.gate.set()
        session = server.begin()["session"]
        engine.gate.clear()
        ask_later(server.client, session, "no fog")
        engine.begun.acquire(timeout=PATIENCE)
        engine.begun.acquire(timeout=PATIENCE)
        postgres.stop()
        engine.gate.set()
        run = server.service.jobs.find(session, 1)
        assert run is not None
        server.wait_until(lambda: run.events.ended)
        assert run.outcome == "failed"
        postgres.start()
        status = wait_for(server.client, f"/api/sessions/{session}", lambda status: bool(status["unfinished"]))
        assert status["retry"]["feedback"] == "no fog"
        assert server.turn(server.client.post(f"/api/sessions/{session}/retry", json={}))["negative"] == "fog"
        server.studio.store.close()


def test_a_refused_request_leaves_nothing(server: Running) -> None:
    session = server.begin()["session"]
    answer = server.client.post(f"/api/sessions/{session}/turns", json={"feedback": "x" * 2000})
    assert answer.status_code in (200, 400, 422)
    assert server.client.post("/api/sessions", json={"prompt": "no hat"}).status_code == 400
    assert server.studio.store.attempts.all() == []

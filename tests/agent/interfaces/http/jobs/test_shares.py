"""One key can't lock out all others: of the queue, of event streams, of MCP sessions, of the interpreter."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notthat.agent.edits import State
from notthat.agent.interfaces.http.jobs.key_shares import Places
from notthat.agent.interpreters import Interpretation, OfflineInterpreter

from ...conftest import GatedEngine, Running, Serve, events

LATER = {"Prefer": "respond-async"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}},
}

Client = Callable[[Running, str], httpx.Client]


@pytest.fixture
def holder() -> Iterator[Client]:
    """Makes a key, and a client that sends it."""
    with ExitStack() as opened:

        def make(server: Running, name: str) -> httpx.Client:
            _, token = server.studio.store.keys.add(name)
            headers = {"X-API-Key": token}
            return opened.enter_context(httpx.Client(base_url=server.url, headers=headers, timeout=60))

        yield make


@given(st.lists(st.sampled_from("abc"), max_size=60), st.integers(4, 30))
def test_a_key_that_holds_nothing_finds_a_place_beside_two_that_take_all_they_get(asking: list[str], most: int) -> None:
    places = Places(most, 0.5)
    for key in asking:
        if key != "c" and places.has_place(key):
            places.take(key)
    assert places.has_place("c")


def test_a_server_without_keys_gives_all_its_places_to_anybody() -> None:
    places = Places(3, 0.5)
    for _ in range(3):
        assert places.has_place(None)
        places.take(None)
    assert not places.has_place(None)


def test_one_key_may_not_fill_the_queue(serve: Serve, holder: Client) -> None:
    engine = GatedEngine()
    server = serve(engine, queue=8)
    greedy, other = holder(server, "greedy"), holder(server, "other")
    greedy.post("/api/sessions", json={"prompt": "drawn"}, headers=LATER)
    engine.begun.acquire()
    answers = [greedy.post("/api/sessions", json={"prompt": "a boat"}, headers=LATER) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 4 + [429] * 2
    assert answers[-1].json()["detail"].startswith("4 turns of this key are waiting")
    # the next of its own is drawn after the one at hand, not after all that wait
    assert int(answers[-1].headers["retry-after"]) <= 5
    mine = other.post("/api/sessions", json={"prompt": "a house"}, headers=LATER)
    assert mine.status_code == 202
    engine.gate.set()
    assert list(events(other, mine.json()["events"]))[-1][1] == "done"
    assert "a house" in engine.order[:3]  # it is the other key's turn


def test_one_key_may_not_hold_all_event_streams(serve: Serve, holder: Client) -> None:
    server = serve(GatedEngine(), watchers=4, heartbeat=0.05)
    greedy, other = holder(server, "greedy"), holder(server, "other")
    begun = {
        client: client.post("/api/sessions", json={"prompt": "a boat"}, headers=LATER).json()
        for client in (greedy, other)
    }
    session, turn = f"/api/sessions/{begun[greedy]['session']}/events", begun[greedy]["events"]
    with ExitStack() as streams:
        for address in (session, turn):  # streams of both kinds count
            lines = streams.enter_context(greedy.stream("GET", address)).iter_lines()
            streams.callback(lines.close)
            next(lines)
        for address in (session, turn):
            refused = greedy.get(address)
            assert (refused.status_code, refused.json()["type"]) == (429, "urn:notthat:problem:too-many-watchers")
        answer = streams.enter_context(other.stream("GET", begun[other]["events"]))
        assert answer.status_code == 200
    server.wait_until(lambda: len(server.service.streams) == 0)


def open_session(client: httpx.Client) -> httpx.Response:
    return client.post("/mcp", json=INITIALIZE, headers={"Accept": "application/json, text/event-stream"})


def test_one_key_may_not_open_all_mcp_sessions(serve: Serve, holder: Client) -> None:
    server = serve(mcp_sessions=4)
    greedy, other = holder(server, "greedy"), holder(server, "other")
    opened = [open_session(greedy) for _ in range(4)]
    assert [answer.status_code for answer in opened] == [200, 200, 429, 429]
    assert "retry-after" in opened[2].headers
    assert "MCP sessions" in opened[2].json()["error"]["message"]
    name = {"Mcp-Session-Id": opened[0].headers["mcp-session-id"]}
    assert other.delete("/mcp", headers=name).status_code == 404  # it is none of theirs
    assert open_session(greedy).status_code == 429
    assert greedy.delete("/mcp", headers=name).status_code == 200
    assert open_session(greedy).status_code == 200
    assert open_session(greedy).status_code == 429
    assert open_session(other).status_code == 200


def test_what_opens_no_mcp_session_holds_none(serve: Serve, holder: Client) -> None:
    server = serve(mcp_sessions=2)
    client = holder(server, "client")
    for _ in range(3):
        assert client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "nonsense"}).status_code >= 400
    assert open_session(client).status_code == 200


def test_an_mcp_session_is_used_by_its_own_key_alone(serve: Serve, holder: Client) -> None:
    server = serve()
    mine, yours = holder(server, "mine"), holder(server, "yours")
    name = {
        "Mcp-Session-Id": open_session(mine).headers["mcp-session-id"],
        "Accept": "application/json, text/event-stream",
    }
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    assert yours.post("/mcp", json=ping, headers=name).status_code == 404
    assert mine.post("/mcp", json=ping, headers=name).status_code == 200


def test_an_mcp_session_that_is_not_used_ends(serve: Serve, holder: Client) -> None:
    server = serve(mcp_sessions=2, mcp_idle=0.05)
    client = holder(server, "client")
    assert open_session(client).status_code == 200
    while (answer := open_session(client)).status_code == 429:
        pass
    assert answer.status_code == 200


def test_one_keys_slow_words_hold_up_no_other_key(serve: Serve, holder: Client) -> None:
    class Slow(OfflineInterpreter):
        gate = threading.Event()

        def interpret(self, feedback: str, state: State, picture: Any = None) -> Interpretation:
            if "slowly" in feedback:
                self.gate.wait()
            return super().interpret(feedback, state, picture)

    server = serve(interpreter=Slow())
    greedy, other = holder(server, "greedy"), holder(server, "other")
    try:
        for _ in range(24):
            answer = greedy.post("/api/sessions", json={"prompt": "a boat, slowly"}, headers=LATER)
            assert answer.status_code == 202
        begun = other.post("/api/sessions", json={"prompt": "a house"})
        assert begun.status_code == 200
        assert other.get(f"/api/sessions/{begun.json()['session']}").status_code == 200
    finally:
        Slow.gate.set()

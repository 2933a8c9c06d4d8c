"""Two servers on one database: each hears what the other does, and a request sent to both makes one turn."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx
import pytest
from postgres import PostgresServer

from notthat.storage import LeaseTimes

from ...conftest import PATIENCE, GatedEngine, Running, Serve, events

KEY = {"Idempotency-Key": "7f2c"}
NEVER = 3600.0
"""Seconds between heartbeats: what is heard before then, is heard because something has happened."""

Pair = Callable[..., tuple[Running, Running]]


@pytest.fixture(scope="module")
def new_database() -> Iterator[Callable[[str], str]]:
    """Makes a database of a name on a PostgreSQL server of this module's own."""
    with PostgresServer() as server:
        yield server.new_database


@pytest.fixture(params=["sqlite", "postgres"])
def pair(request: pytest.FixtureRequest, serve: Serve) -> Pair:
    """Starts two servers on one database, each with an engine of its own."""

    def start(one: GatedEngine | None = None, other: GatedEngine | None = None) -> tuple[Running, Running]:
        database = None
        if request.param == "postgres":
            database = request.getfixturevalue("new_database")(f"db_{abs(hash(request.node.name))}")
        settings: dict[str, Any] = {"database": database, "heartbeat": NEVER, "lease": LeaseTimes(2.0, 0.2)}
        servers = serve(one, **settings), serve(other, **settings)
        for server in servers:  # FastAPI makes a route when it is first asked for, which two threads can't do at once
            for path in ("/api/sessions", "/api/sessions/0123456789abcdef/turns"):
                assert server.client.post(path, json={}).status_code == 422
        return servers

    return start


def test_a_follower_at_the_other_server_hears_of_a_turn(pair: Pair) -> None:
    engine = GatedEngine()
    one, other = pair(engine)
    engine.gate.set()
    session = one.begin()["session"]
    engine.gate.clear()
    with closing(events(other.client, f"/api/sessions/{session}/events")) as status:
        assert next(status)[2]["head"] == 0
        promised = httpx.URL(one.say_later(session, "no fog")).path
        while not (told := next(status)[2])["pending"]:
            pass
        assert [(each["turn"], each["feedback"]) for each in told["pending"]] == [(1, "no fog")]
        assert other.client.get(promised.removesuffix("/events")).status_code == 202
        with closing(events(other.client, promised)) as turn:
            while next(turn)[1] != "interpreted":
                pass
            engine.gate.set()
            while (told_last := next(turn))[1] in ("queued", "step", "preview"):
                pass
            _, name, done = told_last
        assert (name, done["turn"], done["negative"]) == ("done", 1, "fog")
        while (told := next(status)[2])["head"] != 1:
            pass
        assert told["pending"] == []


def test_a_turn_is_cancelled_at_the_other_server(pair: Pair) -> None:
    engine = GatedEngine()
    one, other = pair(engine)
    engine.gate.set()
    session = one.begin()["session"]
    engine.gate.clear()
    promised = httpx.URL(one.say_later(session, "no fog")).path
    assert engine.begun.acquire(timeout=PATIENCE)
    assert engine.begun.acquire(timeout=PATIENCE)
    assert other.client.delete(promised).status_code == 204
    run = one.service.jobs.find(session, 1)
    assert run is not None
    one.wait_until(lambda: run.cancel_reason is not None)
    engine.gate.set()
    assert list(events(one.client, promised))[-1][1] == "cancelled"
    assert one.client.get(f"/api/sessions/{session}").json()["head"] == 0
    turn = other.turn(other.client.post(f"/api/sessions/{session}/retry", json={}))
    assert (turn["turn"], turn["negative"]) == (1, "fog")


@pytest.mark.parametrize("later", [False, True])
def test_one_request_at_two_servers_makes_one_turn(pair: Pair, later: bool) -> None:
    engines = GatedEngine(), GatedEngine()
    servers = pair(*engines)

    def ask(server: Running) -> httpx.Response:
        headers = {**KEY, **({"Prefer": "respond-async"} if later else {})}
        body = {"prompt": "a boat without fog", "seed": 5}
        return httpx.post(f"{server.url}/api/sessions", json=body, headers=headers, timeout=PATIENCE)

    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(ask, server) for server in servers]
        if not later:
            servers[0].wait_until(lambda: bool(engines[0].order or engines[1].order))
        for engine in engines:
            engine.gate.set()
        answers = [each.result() for each in asked]
    assert [answer.status_code for answer in answers] == [202 if later else 200] * 2
    assert len({answer.json()["session"] for answer in answers}) == 1
    session = answers[0].json()["session"]
    for server, answer in zip(servers, answers, strict=True):
        if later:
            assert list(events(server.client, answer.json()["events"]))[-1][1] == "done"
        assert server.client.get(f"/api/sessions/{session}").json()["turns"] == 1
    assert engines[0].order + engines[1].order == ["a boat"]
    assert servers[0].studio.store.attempts.all() == []


def test_another_request_of_the_same_key_is_refused_at_the_other_server(pair: Pair) -> None:
    one, other = pair()
    assert one.client.post("/api/sessions", json={"prompt": "a boat"}, headers=KEY).status_code == 200
    answer = other.client.post("/api/sessions", json={"prompt": "a house"}, headers=KEY)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:notthat:problem:idempotency-key-reused")


def test_both_draw_for_one_session_and_no_turn_is_lost(pair: Pair) -> None:
    one, other = pair()
    session = one.begin()["session"]
    words = [f"no {thing}" for thing in ("fog", "birds", "people", "boats", "rain", "text")]
    with ThreadPoolExecutor(6) as threads:
        servers = [one, other] * 3
        turns = list(threads.map(lambda each: each[0].say(session, each[1]), zip(servers, words, strict=True)))
    assert len({turn["turn"] for turn in turns}) == 6
    assert sorted(turn.feedback for turn in one.studio.store.turns(session)[1:]) == sorted(words)

"""A request that is sent twice makes one turn."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from ..conftest import GatedEngine, Running, Serve

KEY = {"Idempotency-Key": "7f2c"}


def numbers(server: Running, session: str) -> list[int]:
    return [turn.number for turn in server.studio.store.turns(session)]


def test_a_retried_post_makes_one_turn(server: Running) -> None:
    first = server.client.post("/api/sessions", json={"prompt": "a boat"}, headers=KEY)
    again = server.client.post("/api/sessions", json={"prompt": "a boat"}, headers=KEY)
    assert first.json() == again.json()
    session = first.json()["session"]
    assert len(server.studio.store.sessions()) == 1
    said = [server.say(session, "no fog", **{"Idempotency-Key": "b"}) for _ in range(2)]
    assert said[0] == said[1]
    assert server.say(session, "another one", **{"Idempotency-Key": "c"})["turn"] == 2
    assert numbers(server, session) == [0, 1, 2]


def test_an_undo_is_done_once(server: Running) -> None:
    session = server.begin()["session"]
    for words in ("no fog", "no boats"):
        server.say(session, words)
    for _ in range(2):
        answer = server.client.post(f"/api/sessions/{session}/undo", json={}, headers=KEY)
        assert server.turn(answer)["turn"] == 1


def test_concurrent_requests_with_one_idempotency_key_share_one_turn(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine)

    def ask() -> httpx.Response:
        return httpx.post(f"{server.url}/api/sessions", json={"prompt": "a boat"}, headers=KEY, timeout=60)

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.submit(ask), threads.submit(ask)
        engine.begun.acquire()
        run = server.service.jobs.list_drawing()[0]
        server.wait_until(lambda: run.subscribers == 2)
        engine.gate.set()
        assert one.result().json() == other.result().json()
    assert engine.order == ["a boat"]


def test_an_idempotency_key_holds_after_a_restart(serve: Serve) -> None:
    first = serve()
    session = first.begin()["session"]
    turn = first.say(session, "no fog", **KEY)
    undone = first.client.post(f"/api/sessions/{session}/undo", json={}, headers={"Idempotency-Key": "u"}).json()
    first.stop()
    second = serve()
    body = {"feedback": "no fog"}
    again = second.client.post(f"/api/sessions/{session}/turns", json=body, headers=KEY).json()
    assert {**again, "image": "", "links": ""} == {**turn, "image": "", "links": ""}
    assert numbers(second, session) == [0, 1]
    again = second.client.post(f"/api/sessions/{session}/undo", json={}, headers={"Idempotency-Key": "u"}).json()
    assert again["turn"] == undone["turn"] == 0


@pytest.mark.parametrize("restarted", [False, True])
def test_an_idempotency_key_is_refused_for_another_request(serve: Serve, restarted: bool) -> None:
    server = serve()
    assert server.client.post("/api/sessions", json={"prompt": "a boat"}, headers=KEY).status_code == 200
    if restarted:
        server.stop()
        server = serve()
    other = server.client.post("/api/sessions", json={"prompt": "a house"}, headers=KEY)
    assert (other.status_code, other.json()["type"]) == (409, "urn:notthat:problem:idempotency-key-reused")


def test_a_request_without_a_turn_may_be_repeated(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine)
    later = {**KEY, "Prefer": "respond-async"}
    pending = server.client.post("/api/sessions", json={"prompt": "a boat"}, headers=later).json()
    engine.begun.acquire()
    assert server.client.delete(pending["events"]).status_code == 204
    engine.gate.set()
    run = server.service.jobs.find(pending["session"], 0)
    assert run is not None
    server.wait_until(lambda: run.events.ended)
    turn = server.turn(server.client.post("/api/sessions", json={"prompt": "a boat"}, headers=KEY))
    assert turn["session"] != pending["session"]


def test_a_draft_that_was_interrupted_keeps_its_receipt(serve: Serve) -> None:
    """The words are drawn later, by a retry: who then sends the request again gets that turn."""
    engine = GatedEngine()
    server = serve(engine)
    later = {**KEY, "Prefer": "respond-async"}
    pending = server.client.post("/api/sessions", json={"prompt": "a boat"}, headers=later).json()
    engine.begun.acquire()
    server.client.delete(pending["events"])
    engine.gate.set()
    run = server.service.jobs.find(pending["session"], 0)
    assert run is not None
    server.wait_until(lambda: run.events.ended)
    retried = server.turn(server.client.post(f"/api/sessions/{pending['session']}/retry", json={}))
    again = server.client.post("/api/sessions", json={"prompt": "a boat"}, headers=KEY).json()
    assert json.dumps(again) == json.dumps(retried)

"""A session drawn again on a server: told as it happens, in the same line as turns, and given up like them."""

from contextlib import closing
from typing import Any

import httpx
import pytest

from ...conftest import GatedEngine, Running, Serve, events
from ..jobs.test_queue import send_and_vanish

LATER = {"Prefer": "respond-async"}


@pytest.fixture
def engine() -> GatedEngine:
    return GatedEngine()


@pytest.fixture
def server(serve: Serve, engine: GatedEngine) -> Running:
    """A server whose engine waits at every step."""
    return serve(engine)


def three_turns(server: Running, engine: GatedEngine) -> str:
    """A session of three turns; from then on the engine draws only what it is let."""
    engine.let_go(12)
    session = str(server.begin()["session"])
    for words in ("no fog", "no boats"):
        server.say(session, words)
    for _ in range(3):
        engine.begun.acquire()
    return session


def replay(server: Running, session: str) -> httpx.Response:
    return server.client.post(f"/api/sessions/{session}/replay", headers=LATER)


def test_a_replay_tells_all_that_happens_to_it(server: Running, engine: GatedEngine) -> None:
    session = three_turns(server, engine)
    answer = replay(server, session)
    pending = answer.json()
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
    assert answer.headers["location"] == pending["events"]
    assert (pending["session"], pending["turns"]) == (session, 3)
    assert server.client.get(f"/api/sessions/{session}").json()["pending"] == []  # no turn is on its way
    told: list[tuple[str, str, dict[str, Any]]] = []
    with closing(events(server.client, pending["events"])) as stream:
        for event in stream:
            told.append(event)
            if event[1] != "replayed":
                engine.let_go()
    assert [name for _, name, _ in told] == ["queued", *(["step"] * 4 + ["replayed"]) * 3, "done"]
    assert told[0][2] == {"place": 1}
    step = next(data for _, name, data in told if name == "step")
    assert (step["turn"], step["count"], step["turns"], step["step"], step["steps"]) == (0, 1, 3, 1, 4)
    assert [data for _, name, data in told if name == "replayed"] == [
        {"turn": k, "count": k + 1, "turns": 3, "identical": True, "max_abs_diff": 0, "drift": None} for k in range(3)
    ]
    engine.gate.set()
    assert told[-1][2] == server.client.post(f"/api/sessions/{session}/replay").json()
    late = list(events(server.client, pending["events"]))
    assert [name for _, name, _ in late] == ["replayed"] * 3 + ["done"]
    with closing(events(server.client, pending["events"], late[1][0])) as rest:
        assert next(rest)[2]["turn"] == 2
    known = server.client.get(pending["events"], headers={"Last-Event-ID": late[-1][0]})
    assert known.status_code == 204
    assert 'notthat_replays_total{outcome="done"} 2.0' in server.client.get("/metrics").text
    lines = [line for line in server.logged() if line["event"] == "replay"]
    assert [(line["outcome"], line["turns"], line["identical"]) for line in lines] == [("done", 3, 3)] * 2


def test_others_draw_in_between_and_what_is_drawn_can_be_cancelled(server: Running, engine: GatedEngine) -> None:
    session = three_turns(server, engine)
    address = replay(server, session).json()["events"]
    engine.begun.acquire()
    other = server.client.post("/api/sessions", json={"prompt": "a pier"}, headers=LATER).json()
    server.wait_until(lambda: len(server.service.devices.queue) == 1)
    engine.order.clear()
    engine.let_go(4)
    engine.begun.acquire()
    assert engine.order == ["a pier"]
    engine.let_go(4)
    assert list(events(server.client, other["events"]))[-1][1] == "done"
    engine.begun.acquire()  # the replay's second turn
    with closing(events(server.client, address)) as told:
        assert server.client.delete(address).status_code == 204
        engine.let_go()
        _, name, problem = list(told)[-1]
    assert (name, problem["type"]) == ("cancelled", "urn:notthat:problem:cancelled")
    assert server.client.delete(address).status_code == 409
    assert server.studio.store.attempts.all() == []  # a replay is no turn, whatever becomes of it


def test_a_full_queue_takes_no_replay_and_a_client_that_vanishes_gives_its_own_up(
    serve: Serve, engine: GatedEngine
) -> None:
    server = serve(engine, queue=1)
    session = three_turns(server, engine)
    vanishing = send_and_vanish(server, f"/api/sessions/{session}/replay", {})
    engine.begun.acquire()
    waits = replay(server, session)
    full = replay(server, session)
    assert (waits.status_code, full.status_code) == (202, 429)
    assert int(full.headers["retry-after"]) >= 1
    vanishing.close()
    server.wait_until(lambda: sum(run.cancel_reason is not None for run in server.service.jobs.list_replays()) == 1)
    engine.gate.set()
    assert list(events(server.client, waits.json()["events"]))[-1][1] == "done"


def test_a_replay_is_its_askers_alone(serve: Serve) -> None:
    server = serve()
    _, mine = server.studio.store.keys.add("mine")
    _, yours = server.studio.store.keys.add("yours")
    server.client.headers["Authorization"] = f"Bearer {mine}"
    session = server.begin()["session"]
    address = replay(server, session).json()["events"]
    assert list(events(server.client, address))[-1][1] == "done"
    server.client.headers["Authorization"] = f"Bearer {yours}"
    for answer in (replay(server, session), server.client.get(address), server.client.delete(address)):
        assert answer.status_code == 404
    unknown = server.client.get(f"/api/sessions/{session}/replays/{'0' * 16}/events")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:notthat:problem:unknown-replay")


def test_a_stop_waits_for_no_replay(server: Running, engine: GatedEngine) -> None:
    session = three_turns(server, engine)
    address = replay(server, session).json()["events"]
    engine.begun.acquire()
    with closing(events(server.client, address)) as told:
        next(told)
        server.stop()
        server.wait_until(lambda: server.service.is_stopping)
        engine.let_go()
        _, name, problem = list(told)[-1]
    assert (name, problem["detail"]) == ("cancelled", "the server was stopped before all turns were drawn: ask again")


def test_a_picture_that_is_gone_fails_the_replay_and_says_so(serve: Serve) -> None:
    server = serve()
    turn = server.begin()
    server.studio.store.turn(turn["session"]).image.unlink()
    _, name, problem = list(events(server.client, replay(server, turn["session"]).json()["events"]))[-1]
    assert (name, problem["type"]) == ("failed", "urn:notthat:problem:missing-picture")

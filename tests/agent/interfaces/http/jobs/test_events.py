"""What happens to a turn, told as it happens."""

import re
from contextlib import closing
from typing import Any

import httpx
import pytest

from notthat.generation import StubEngine

from ...conftest import GatedEngine, Running, Serve, events


def names(told: list[tuple[str, str, dict[str, Any]]]) -> list[str]:
    return [name for _, name, _ in told]


def test_a_turn_tells_all_that_happens_to_it(server: Running) -> None:
    session = server.begin()["session"]
    told = list(events(server.client, server.say_later(session, "no fog")))
    steps = [name for name in names(told) if name in ("step", "preview")]
    assert names(told)[0] == "queued"
    assert told[0][2] == {"place": 1}
    assert steps == ["step", "preview"] * 3 + ["step"]
    assert names(told)[-1] == "done"
    interpreted = next(data for _, name, data in told if name == "interpreted")
    assert interpreted["edits"] == [{"op": "exclude", "term": "fog", "weight": 1.0}]
    assert (interpreted["reply"], interpreted["negative"], interpreted["turn"]) == ("Excluded “fog”.", "fog", 1)
    first = next(data for _, name, data in told if name == "step")
    assert (first["step"], first["steps"]) == (1, 4)
    assert told[-1][2] == server.client.get(f"/api/sessions/{session}/turns/1").json()


def test_words_are_understood_before_anything_is_drawn(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine)
    address = server.client.post("/api/sessions", json={"prompt": "a man, no hat"}, headers={"Prefer": "respond-async"})
    assert (address.status_code, address.headers["preference-applied"]) == (202, "respond-async")
    pending = address.json()
    assert (pending["turn"], pending["feedback"]) == (0, "a man, no hat")
    with closing(events(server.client, pending["events"])) as told:
        assert [next(told)[1], next(told)[1]] == ["queued", "interpreted"]
        session = server.client.get(f"/api/sessions/{pending['session']}").json()
        assert (session["head"], session["pending"][0]["events"]) == (None, pending["events"])
        on_its_way = server.client.get(address.headers["location"])
        assert (on_its_way.status_code, on_its_way.json()["turn"]) == (202, 0)
        engine.gate.set()
        assert list(told)[-1][1] == "done"
    assert server.client.get(f"/api/sessions/{pending['session']}").json()["pending"] == []


def test_a_client_goes_on_where_it_was_cut_off(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine)
    engine.let_go(4)
    session = server.begin()["session"]
    address = server.say_later(session, "no fog")
    engine.let_go(2)
    with closing(events(server.client, address)) as told:
        before = [next(told) for _ in range(4)]
    engine.gate.set()
    after = list(events(server.client, address, before[-1][0]))
    assert names(after)[-1] == "done"
    assert not {identity for identity, _, _ in before} & {identity for identity, _, _ in after}
    steps = [data["step"] for _, name, data in before + after if name == "step"]
    assert steps == [1, 2, 3, 4]
    last = server.client.get(address, headers={"Last-Event-ID": after[-1][0]})
    assert (last.status_code, last.content) == (204, b"")
    strange = list(events(server.client, address, "never-1"))  # an id of another log: all is told
    assert names(strange)[0] == "queued"


def test_how_a_turn_ended_is_told_after_a_restart(serve: Serve) -> None:
    first = serve()
    session = first.begin()["session"]
    first.stop()
    second = serve()
    told = list(events(second.client, f"{second.url}/api/sessions/{session}/turns/0/events"))
    assert (names(told), told[0][2]["session"]) == (["done"], session)
    assert second.client.get(f"/api/sessions/{session}/turns/7/events").status_code == 404


def test_the_events_of_old_turns_are_forgotten_and_their_end_is_not(serve: Serve) -> None:
    server = serve(kept_runs=2)
    session = server.begin()["session"]
    for words in ("no fog", "no boats", "no gulls"):
        server.say(session, words)
    old, new = (list(events(server.client, f"/api/sessions/{session}/turns/{n}/events")) for n in (1, 3))
    assert names(old) == ["done"]
    assert names(new)[0] == "queued"


def test_a_turn_is_cancelled_while_it_is_drawn(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine)
    engine.let_go(4)
    session = server.begin()["session"]
    address = server.say_later(session, "no fog")
    with closing(events(server.client, address)) as told:
        while next(told)[1] != "interpreted":
            pass
        assert server.client.delete(address).status_code == 204
        engine.gate.set()
        _, name, problem = list(told)[-1]
    assert (name, problem["type"]) == ("cancelled", "urn:notthat:problem:cancelled")
    (attempt,) = server.studio.store.attempts.all()
    assert (attempt.status, attempt.reason) == ("cancelled", "cancelled")
    assert server.client.get(f"/api/sessions/{session}").json()["head"] == 0
    assert server.client.delete(address).status_code == 409
    assert server.turn(server.client.post(f"/api/sessions/{session}/retry", json={}))["negative"] == "fog"


def test_a_turn_is_cancelled_while_it_waits(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine)
    drawn = server.client.post("/api/sessions", json={"prompt": "one"}, headers={"Prefer": "respond-async"}).json()
    engine.begun.acquire()
    waits = server.client.post("/api/sessions", json={"prompt": "two"}, headers={"Prefer": "respond-async"}).json()
    with closing(events(server.client, waits["events"])) as told:
        while next(told)[1] != "interpreted":
            pass
        assert server.client.delete(waits["events"]).status_code == 204
        assert list(told)[-1][1] == "cancelled"
    assert [attempt.status for attempt in server.studio.store.attempts.all(waits["session"])] == ["cancelled"]
    ended = list(events(server.client, waits["events"]))
    assert names(ended)[-1] == "cancelled"
    engine.gate.set()
    assert list(events(server.client, drawn["events"]))[-1][1] == "done"
    assert engine.order == ["one"]


def test_a_failure_is_told_with_its_reason(serve: Serve) -> None:
    from notthat.generation import GenerationError, GenerationRequest

    class Broken(StubEngine):
        def run(self, request: GenerationRequest) -> Any:
            yield from super().run(request) if "harbour" in request.prompt else ()
            raise GenerationError("the numbers ran out of range")

    server = serve(Broken())
    pending = server.client.post("/api/sessions", json={"prompt": "a boat"}, headers={"Prefer": "respond-async"}).json()
    _, name, problem = list(events(server.client, pending["events"]))[-1]
    assert (name, problem["status"], problem["detail"]) == ("failed", 500, "the numbers ran out of range")


def test_a_stream_says_that_it_lives(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine, heartbeat=0.01)
    pending = server.client.post("/api/sessions", json={"prompt": "a boat"}, headers={"Prefer": "respond-async"}).json()
    with server.client.stream("GET", pending["events"]) as answer:
        lines = answer.iter_lines()
        assert next(line for line in lines if line.startswith(":"))
        engine.gate.set()
        assert "event: done" in list(lines)


def test_what_nobody_follows_any_more_gives_up_its_place_after_a_while(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine, linger=0.05)
    later = {"Prefer": "respond-async"}
    server.client.post("/api/sessions", json={"prompt": "one"}, headers=later)
    engine.begun.acquire()
    left, unfollowed = (
        server.client.post("/api/sessions", json={"prompt": prompt}, headers=later).json()
        for prompt in ("two", "three")
    )
    with closing(events(server.client, left["events"])) as told:
        next(told)
    run = server.service.jobs.find(left["session"], 0)
    assert run is not None
    server.wait_until(lambda: run.events.ended)
    assert run.outcome == "cancelled"
    engine.gate.set()
    assert list(events(server.client, unfollowed["events"]))[-1][1] == "done"


@pytest.mark.parametrize("prefer", ["respond-async", "wait=5, respond-async", "Respond-Async; x=1"])
def test_prefer_is_read_as_it_is_written(server: Running, prefer: str) -> None:
    answer = server.client.post("/api/sessions", json={"prompt": "a boat"}, headers={"Prefer": prefer})
    assert answer.status_code == 202
    assert httpx.URL(answer.json()["events"]).path == f"/api/sessions/{answer.json()['session']}/turns/0/events"


def test_all_streams_are_framed_alike(serve: Serve) -> None:
    server = serve(watch=0.2, heartbeat=0.05)
    session = server.begin()["session"]
    frame = r"id: [\w.-]+\nevent: \w+\ndata: \{.*\}\n\n"
    for address in (f"/api/sessions/{session}/turns/0/events", f"/api/sessions/{session}/events"):
        answer = server.client.get(address)
        assert re.fullmatch(rf"retry: 1000\n\n(?:{frame}|: \n\n)+", answer.text)
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
    chat = {"messages": [{"role": "user", "content": "a pier without fog"}], "stream": True}
    answer = server.client.post("/v1/chat/completions", json=chat)
    assert re.fullmatch(r"(?:data: \{.*\}\n\n|: \n\n)+data: \[DONE\]\n\n", answer.text)
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")

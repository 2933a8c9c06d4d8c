"""Who draws next: fair between sessions, in order within one, bounded, and not for those who have gone."""

import asyncio
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st

from notthat.agent.interfaces.http.jobs.fair_queue import FairQueue, KeyedLock

from ...conftest import PATIENCE, GatedEngine, Running, Serve, events

LATER = {"Prefer": "respond-async"}


@given(st.lists(st.sampled_from("abcd"), max_size=20), st.integers(1, 3))
def test_parties_take_turns(parties: list[str], devices: int) -> None:
    async def served() -> list[tuple[str, int]]:
        line = FairQueue(range(devices))
        gate, order, places = asyncio.Event(), list[tuple[str, int]](), dict[int, list[int]]()

        async def hold() -> None:
            async with line.acquire("key", "holder"):
                await gate.wait()

        async def draw(party: str, k: int) -> None:
            async with line.acquire(party[0], party, places.setdefault(k, []).append):
                order.append((party, k))
                await asyncio.sleep(0)

        holders = [asyncio.create_task(hold()) for _ in range(devices)]
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(draw(party, k)) for k, party in enumerate(parties)]
        await asyncio.sleep(0)
        assert len(line) == len(parties)
        told = sorted(places, key=lambda k: places[k][-1])
        assert [places[k][-1] for k in told] == list(range(1, len(parties) + 1))
        gate.set()
        await asyncio.gather(*holders, *waiting)
        assert [k for _, k in order] == told  # the place that was told is the place that it was
        assert len(line) == 0
        return order

    order = asyncio.run(served())
    rounds: dict[str, int] = {}
    of_round = []
    for party, _ in order:
        rounds[party] = rounds.get(party, 0) + 1
        of_round.append(rounds[party])
    assert of_round == sorted(of_round)
    for party in "abcd":
        own = [k for each, k in order if each == party]
        assert own == sorted(own)


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("abc")), max_size=20))
def test_keys_take_turns_before_their_sessions_do(parties: list[tuple[str, str]]) -> None:
    async def served() -> list[tuple[str, str]]:
        line, order = FairQueue(["gpu"]), list[tuple[str, str]]()

        async def draw(key: str, session: str) -> None:
            async with line.acquire(key, session):
                order.append((key, session))

        async with line.acquire("other", "holder"):
            waiting = [asyncio.create_task(draw(*party)) for party in parties]
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        return order

    def rounds(names: list[str]) -> list[int]:
        """Which time it is that each is served."""
        return [names[: k + 1].count(name) for k, name in enumerate(names)]

    order = asyncio.run(served())
    assert sorted(order) == sorted(parties)
    assert rounds([key for key, _ in order]) == sorted(rounds([key for key, _ in order]))
    for key in "xyz":
        sessions = [session for each, session in order if each == key]
        assert rounds(sessions) == sorted(rounds(sessions))


def test_one_who_leaves_the_line_leaves_no_gap() -> None:
    async def left() -> None:
        line = FairQueue(["gpu"])
        async with line.acquire("key", "a"):
            places: list[int] = []

            async def wait(moved: Any) -> None:
                async with line.acquire("key", "b", moved):
                    pass

            gone, stays = asyncio.create_task(wait(lambda place: None)), asyncio.create_task(wait(places.append))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.wait([gone])
            assert (places, len(line)) == ([2, 1], 1)
        await stays
        async with asyncio.timeout(PATIENCE), line.acquire("key", "c") as device:
            assert device == "gpu"

    asyncio.run(left())


def test_a_device_that_is_given_to_somebody_who_leaves_in_that_moment_is_not_lost() -> None:
    async def left() -> None:
        line = FairQueue(["gpu"])

        async def wait() -> None:
            async with line.acquire("key", "b"):
                raise AssertionError("it was cancelled before")

        async with line.acquire("key", "a"):
            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
        task.cancel()  # it was granted, and has not been told yet
        await asyncio.wait([task])
        assert task.cancelled()
        async with asyncio.timeout(PATIENCE), line.acquire("key", "c"):
            pass

    asyncio.run(left())


def test_order_lets_one_in_at_a_time_for_each_name() -> None:
    async def entered() -> list[str]:
        order, seen = KeyedLock(), list[str]()

        async def enter(name: str, k: int) -> None:
            async with order.lock(name):
                seen.append(f"{name}{k}")
                await asyncio.sleep(0)
                seen.append(f"{name}{k}")

        await asyncio.gather(*(enter(name, k) for k in range(3) for name in "ab"))
        assert len(order) == 0
        return seen

    seen = asyncio.run(entered())
    for name in "ab":
        assert [each for each in seen if each[0] == name] == [f"{name}{k}" for k in range(3) for _ in range(2)]


def test_sessions_take_turns_and_one_session_goes_in_order(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine)
    engine.let_go(8)
    busy, quiet = server.begin("busy")["session"], server.begin("quiet")["session"]
    engine.order.clear()
    held = server.client.post("/api/sessions", json={"prompt": "held"}, headers=LATER).json()
    while engine.order != ["held"]:
        engine.begun.acquire()
    addresses = [server.say_later(busy, f"make it a {thing}") for thing in ("boat", "house", "cat")]
    addresses.append(server.say_later(quiet, "make it a tower"))
    with closing(events(server.client, addresses[3])) as told:
        while next(told)[1] != "interpreted":
            pass
    engine.gate.set()
    ends = [list(events(server.client, address))[-1] for address in [held["events"], *addresses]]
    assert [name for _, name, _ in ends] == ["done"] * 5
    assert [data["turn"] for _, _, data in ends[1:]] == [1, 2, 3, 1]
    assert [data["parent"] for _, _, data in ends[1:]] == [0, 1, 2, 0]  # each grew from the one before
    tower, house = (next(k for k, p in enumerate(engine.order) if thing in p) for thing in ("tower", "house"))
    assert tower < house


def test_a_full_queue_refuses_and_says_when_to_come_again(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine, queue=3)
    server.client.post("/api/sessions", json={"prompt": "drawn"}, headers=LATER)
    engine.begun.acquire()
    answers = [server.client.post("/api/sessions", json={"prompt": "a boat"}, headers=LATER) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 3 + [429] * 3
    assert int(answers[3].headers["retry-after"]) >= 1
    assert answers[3].json()["type"] == "urn:notthat:problem:queue-full"
    assert "notthat_queue_waiting 3.0" in server.client.get("/metrics").text
    engine.gate.set()
    for answer in answers[:3]:
        assert list(events(server.client, answer.json()["events"]))[-1][1] == "done"
    assert server.begin()["turn"] == 0


def test_one_session_may_not_fill_the_queue(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine, session_queue=2)
    engine.let_go(4)
    session = server.begin()["session"]
    server.say_later(session, "no fog")
    engine.begun.acquire()
    engine.begun.acquire()
    body = {"feedback": "another one"}
    answers = [server.client.post(f"/api/sessions/{session}/turns", json=body, headers=LATER) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert server.client.post("/api/sessions", json={"prompt": "a boat"}, headers=LATER).status_code == 202


def send_and_vanish(server: Running, path: str, body: dict[str, Any]) -> socket.socket:
    """Send a request, and give the connection, to be closed without reading."""
    url = httpx.URL(server.url)
    connection = socket.create_connection((url.host, url.port or 80))
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
    connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
    return connection


def test_a_client_that_vanishes_frees_its_place(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine, queue=1)
    drawn = send_and_vanish(server, "/api/sessions", {"prompt": "drawn"})
    engine.begun.acquire()
    waits = send_and_vanish(server, "/api/sessions", {"prompt": "waits"})
    server.wait_until(lambda: len(server.service.devices.queue) == 1)
    assert server.client.post("/api/sessions", json={"prompt": "a boat"}).status_code == 429
    waits.close()
    server.wait_until(lambda: len(server.service.devices.queue) == 0)
    drawn.close()
    server.wait_until(lambda: all(run.cancel_reason for run in server.service.jobs.list_unfinished()))
    engine.gate.set()
    assert server.begin("a boat")["turn"] == 0
    assert engine.order == ["drawn", "a boat"]
    ended = server.studio.store.attempts.all()
    assert [(each.status, each.reason) for each in ended] == [("cancelled", "the client went away")] * 2


def test_many_at_once_lose_and_mix_up_nothing(serve: Serve) -> None:
    server = serve(queue=100)
    things = [f"lamp {chr(97 + k // 26)}{chr(97 + k % 26)}" for k in range(40)]

    def talk(thing: str) -> None:
        first = server.begin(thing)
        for k, word in enumerate(("fog", "boats", "gulls"), 1):
            turn = server.say(first["session"], f"no {word}")
            assert (turn["session"], turn["turn"], turn["prompt"]) == (first["session"], k, first["prompt"])
        assert turn["negative"] == "fog, boats, gulls"

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(talk, things))
    assert sorted(each.turns for each in server.studio.store.sessions()) == [4] * 40
    assert {each.prompt for each in server.studio.store.sessions()} == set(things)
    assert server.studio.store.attempts.all() == []


def test_slow_words_hold_up_nobody_else(serve: Serve) -> None:
    from notthat.agent.edits import State
    from notthat.agent.interpreters import Interpretation, OfflineInterpreter

    class Slow(OfflineInterpreter):
        gate = threading.Event()

        def interpret(self, feedback: str, state: State, picture: Any = None) -> Interpretation:
            if "slowly" in feedback:
                self.gate.wait()
            return super().interpret(feedback, state, picture)

    server = serve(interpreter=Slow())
    session = server.begin()["session"]
    address = server.say_later(session, "slowly, no fog")
    assert server.begin("a boat")["turn"] == 0
    Slow.gate.set()
    assert list(events(server.client, address))[-1][1] == "done"

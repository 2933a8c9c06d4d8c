"""Servers that share a PostgreSQL database: events from any of them, shared limits, and turns that are taken over."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from postgres import PostgresServer

from notthat.storage import KeyLimits, LeaseTimes

from ...conftest import PATIENCE, GatedEngine, Running, Serve, events

STUB_SERVER = Path(__file__).parents[4] / "support" / "stub_server.py"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer, request: pytest.FixtureRequest) -> str:
    return postgres.new_database(f"db_{abs(hash(request.node.name))}")


def start(serve: Serve, database: str, engine: GatedEngine | None = None, **settings: object) -> Running:
    return serve(engine, database=database, lease=LeaseTimes(2.0, 0.2), **settings)


def test_steps_reach_any_server_and_clients_go_on_where_they_were(serve: Serve, database: str) -> None:
    engine = GatedEngine()
    one, other = start(serve, database, engine), start(serve, database)
    url = httpx.URL(
        one.client.post("/api/sessions", json={"prompt": "a boat", "steps": 9}, headers={"Prefer": "respond-async"})
        .raise_for_status()
        .json()["events"]
    ).path
    engine.let_go(2)
    seen: list[tuple[str, str, dict[str, object]]] = []
    with closing(events(other.client, url)) as turn:
        while not (seen and seen[-1][1] == "preview"):
            seen.append(next(turn))
    assert {name for _, name, _ in seen} >= {"queued", "interpreted", "step", "preview"}
    assert str(seen[-1][2]["image"]).startswith("data:image/png;base64,")

    engine.let_go(2)
    last = seen[-1][0]
    with closing(events(one.client, url, last)) as turn:  # where it is drawn
        identity, name, _ = next(turn)
        assert name in ("step", "preview")
        assert int(identity.rpartition("-")[2]) > int(last.rpartition("-")[2])
        assert identity.rpartition("-")[0] == last.rpartition("-")[0]
    engine.gate.set()
    rest = list(events(other.client, url, identity))
    assert rest[-1][1] == "done"
    assert "interpreted" not in [name for _, name, _ in rest]
    assert one.client.get(url, headers={"Last-Event-ID": rest[-1][0]}).status_code == 204


@pytest.mark.parametrize("again", ["events", "idempotency key"])
def test_the_turn_of_a_killed_server_is_drawn_once_by_another(
    serve: Serve, database: str, home: Path, again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = start(serve, database)
    session = other.begin()["session"]
    monkeypatch.setenv("NOTTHAT_DATABASE_URL", database)
    killed = subprocess.Popen(
        [sys.executable, str(STUB_SERVER), "another-host", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ},
    )
    assert killed.stdout is not None
    url = killed.stdout.readline().strip()
    request = {"json": {"feedback": "no fog"}, "timeout": PATIENCE}
    headers = {"Idempotency-Key": "k1"}
    answer = httpx.post(
        f"{url}/api/sessions/{session}/turns", headers={**headers, "Prefer": "respond-async"}, **request
    )
    promised = httpx.URL(answer.json()["events"]).path
    with httpx.Client(base_url=url, timeout=PATIENCE) as client, closing(events(client, promised)) as turn:
        while (told := next(turn))[1] != "step":
            pass
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    if again == "events":
        rest = list(events(other.client, promised, told[0]))
        assert (rest[-1][1], rest[-1][2]["turn"], rest[-1][2]["negative"]) == ("done", 1, "fog")
        assert int(rest[0][0].rpartition("-")[2]) > int(told[0].rpartition("-")[2])
    else:
        repeated = other.client.post(f"/api/sessions/{session}/turns", headers=headers, **request)
        assert (repeated.status_code, repeated.json()["turn"]) == (200, 1)
    assert [turn.number for turn in other.studio.store.turns(session)] == [0, 1]
    assert other.studio.store.attempts.all() == []


def test_the_queue_is_bounded_over_all_servers(serve: Serve, database: str) -> None:
    engines = GatedEngine(), GatedEngine()
    servers = [start(serve, database, engine, queue=1) for engine in engines]

    def ask(server: Running) -> httpx.Response:
        return server.client.post("/api/sessions", json={"prompt": "a boat"}, headers={"Prefer": "respond-async"})

    for server, engine in zip(servers, engines, strict=True):
        while ask(server).status_code != 202:  # the other server's picture counts until it is known to be drawn
            time.sleep(0.05)
        assert engine.begun.acquire(timeout=PATIENCE)
    while ask(servers[0]).status_code != 202:
        time.sleep(0.05)
    refused = ask(servers[1])
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:notthat:problem:queue-full")
    assert int(refused.headers["Retry-After"]) > 0
    for engine in engines:
        engine.gate.set()


def test_the_rate_of_a_key_holds_over_all_servers(serve: Serve, database: str) -> None:
    one, other = start(serve, database), start(serve, database)
    _, token = one.studio.store.keys.add("bot", limits=KeyLimits(requests_per_minute=3))
    headers = {"X-API-Key": token}
    statuses = [server.client.get("/api/sessions", headers=headers).status_code for server in (one, other) * 2]
    assert statuses == [200, 200, 200, 429]


def test_a_database_that_restarts_is_unavailable_and_then_works(
    serve: Serve, database: str, postgres: PostgresServer
) -> None:
    one, other = start(serve, database), start(serve, database)
    session = one.begin()["session"]
    postgres.stop()
    try:
        answers = one.client.get(f"/api/sessions/{session}"), other.client.post("/api/sessions", json={"prompt": "x"})
    finally:
        postgres.start()
    for answer in answers:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert other.say(session, "no fog")["turn"] == 1
    with closing(events(one.client, f"/api/sessions/{session}/events")) as status:
        assert next(status)[2]["head"] == 1
        other.say(session, "no birds")
        while next(status)[2]["head"] != 2:
            pass

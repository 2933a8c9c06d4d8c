"""How a session stands, told to whoever watches it."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx

from notthat.agent import Conversation

from ...conftest import GatedEngine, Running, Serve, events


def watch(server: Running, session: str, after: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The session's id and data of each event."""
    for identity, name, data in events(server.client, f"/api/sessions/{session}/events", after):
        assert name == "session"
        yield identity, data


def test_another_clients_turn_is_told_when_it_begins_and_when_it_ends(serve: Serve) -> None:
    engine = GatedEngine()
    engine.let_go(4)
    server = serve(engine)
    session = server.begin()["session"]
    with closing(watch(server, session)) as told:
        assert next(told)[1] == server.client.get(f"/api/sessions/{session}").json()
        pending = server.client.post(
            f"/api/sessions/{session}/turns", json={"feedback": "no fog"}, headers={"Prefer": "respond-async"}
        ).json()
        began = next(told)[1]
        assert [each["events"] for each in began["pending"]] == [pending["events"]]
        engine.gate.set()
        ended = next(each for _, each in told if not each["pending"])
        assert (ended["head"], ended["turns"], ended["retry"]) == (1, 2, None)
        server.client.post(f"/api/sessions/{session}/undo", json={})
        assert next(told)[1]["head"] == 0


def test_who_was_away_hears_of_what_is_otherwise_and_of_nothing_else(serve: Serve) -> None:
    server = serve(watch=0.2)
    session = server.begin()["session"]
    ((known, standing),) = watch(server, session)
    assert standing["head"] == 0
    assert list(watch(server, session, known)) == []
    server.say(session, "no fog")
    ((_, standing),) = watch(server, session, known)
    assert (standing["head"], standing["turns"]) == (1, 2)


def test_what_another_process_did_is_seen_at_the_next_heartbeat(serve: Serve) -> None:
    server = serve(heartbeat=0.05)
    session = server.begin()["session"]
    with closing(watch(server, session)) as told:
        next(told)
        Conversation.open(session, server.studio).say("no fog")
        assert next(each for _, each in told if each["head"] == 1)["turns"] == 2


def test_only_so_many_watch_and_who_goes_makes_room(serve: Serve) -> None:
    server = serve(watchers=1, heartbeat=0.05)
    session = server.begin()["session"]
    address = f"/api/sessions/{session}/events"
    with closing(watch(server, session)) as told:
        next(told)
        refused = server.client.get(address)
        assert (refused.status_code, refused.json()["type"]) == (429, "urn:notthat:problem:too-many-watchers")
        assert "retry-after" in refused.headers
    server.wait_until(lambda: len(server.service.streams) == 0)
    with closing(watch(server, session)) as told:
        assert next(told)[1]["head"] == 0


def test_a_stop_ends_the_streams_at_once(serve: Serve) -> None:
    server = serve()
    session = server.begin()["session"]
    with closing(watch(server, session)) as told:
        next(told)
        server.stop()
        assert list(told) == []  # and not an error, after a while


def test_a_revoked_key_hears_no_more_after_a_while(serve: Serve) -> None:
    server = serve(watch=0.2)
    key, token = server.studio.store.keys.add("bot")
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as bot:
        session = bot.post("/api/sessions", json={"prompt": "a boat"}).json()["session"]
        with bot.stream("GET", f"/api/sessions/{session}/events") as stream:
            server.studio.store.keys.revoke(key.name)
            assert "event: session" in stream.read().decode()
        assert bot.get(f"/api/sessions/{session}/events").status_code == 401

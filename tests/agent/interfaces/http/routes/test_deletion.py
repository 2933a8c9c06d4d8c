"""A session is deleted over HTTP: by its owner, with what runs of it, and for good."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from notthat.agent.session_start import SessionOptions, begin_session
from notthat.storage import check

from ...conftest import GatedEngine, Running, Serve, events

LATER = {"Prefer": "respond-async"}


@pytest.fixture
def key(server: Running) -> Callable[..., httpx.Client]:
    """Makes a key, and a client that shows it."""

    def make(name: str, **more: Any) -> httpx.Client:
        _, token = server.studio.store.keys.add(name, **more)
        return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    return make


def delete(server: Running, session: str) -> int:
    return server.client.delete(f"/api/sessions/{session}").status_code


def delete_while_drawn(server: Running, engine: GatedEngine, session: str) -> int:
    """Delete a session of which something is drawn, and let the engine come to its next step."""

    def is_cancelled() -> bool:
        jobs = [job for job in server.service.jobs.list_unfinished() if job.session == session]
        return all(job.cancel_reason is not None for job in jobs)

    with ThreadPoolExecutor(1) as thread, httpx.Client(base_url=server.url, timeout=60) as another:
        deleting = thread.submit(another.delete, f"/api/sessions/{session}")
        server.wait_until(is_cancelled)
        engine.let_go()
        return deleting.result().status_code


def test_a_session_is_deleted_and_not_there_any_more(server: Running) -> None:
    turn, other = server.begin("a harbour"), server.begin("a lighthouse")
    session = turn["session"]
    server.say(session, "no fog", **{"Idempotency-Key": "1"})
    answer = server.client.delete(f"/api/sessions/{session}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert delete(server, session) == 404
    for path in ("", "/turns", "/turns/0", "/turns/1/events", "/events", "/why?term=fog", "/replay.html", "/archive"):
        answer = server.client.get(f"/api/sessions/{session}{path}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:notthat:problem:unknown-session"), path
    for path, body in {"turns": {"feedback": "no fog"}, "undo": {}, "retry": {}, "replay": None}.items():
        assert server.client.post(f"/api/sessions/{session}/{path}", json=body).status_code == 404, path
    again = server.client.post(
        f"/api/sessions/{session}/turns", json={"feedback": "no fog"}, headers={"Idempotency-Key": "1"}
    )
    assert again.status_code == 404
    assert server.client.get(turn["image"]).status_code == 404
    assert server.client.get(other["image"]).status_code == 200
    assert [each["session"] for each in server.client.get("/api/sessions").json()["sessions"]] == [other["session"]]
    assert check(server.studio.store) == []


def test_only_its_owner_and_an_admin_can_delete_a_session(server: Running, key: Callable[..., httpx.Client]) -> None:
    with key("one") as one, key("two") as two, key("boss", admin=True) as boss:
        sessions = [one.post("/api/sessions", json={"prompt": "a boat"}).json()["session"] for _ in range(2)]
        refused = two.delete(f"/api/sessions/{sessions[0]}")
        unknown = two.delete("/api/sessions/0123456789abcdef")
        assert (refused.status_code, refused.json()["title"]) == (404, unknown.json()["title"])
        assert server.client.delete(f"/api/sessions/{sessions[0]}").status_code == 401
        assert len(one.get("/api/sessions").json()["sessions"]) == 2
        assert one.delete(f"/api/sessions/{sessions[0]}").status_code == 204
        assert boss.delete(f"/api/sessions/{sessions[1]}").status_code == 204
        ours = next(each.id for each in server.studio.store.keys.all() if each.name == "one")
        attempt = begin_session(SessionOptions("a boat", owner=ours), server.studio)
        server.studio.store.attempts.end(attempt, "failed", "no power")
        assert two.delete(f"/api/sessions/{attempt.session}").status_code == 404
        assert one.delete(f"/api/sessions/{attempt.session}").status_code == 204
        assert server.studio.store.attempts.all() == []


def test_what_runs_of_a_session_is_cancelled_and_its_streams_end(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine, heartbeat=60.0)
    engine.gate.set()
    session, other = server.begin("a harbour")["session"], server.begin("a lighthouse")["session"]
    server.say(session, "no boats")
    engine.gate.clear()
    while engine.begun.acquire(blocking=False):
        pass
    drawn, waits = server.say_later(session, "no fog"), server.say_later(session, "no gulls")
    others = server.say_later(other, "no clouds")
    assert engine.begun.acquire(timeout=60)
    with server.client.stream("GET", f"/api/sessions/{session}/events") as standing:
        lines = standing.iter_lines()
        while not next(lines).startswith("data: "):
            pass
        following = [events(server.client, each) for each in (drawn, waits)]
        assert [next(each)[1] for each in following] == ["queued", "queued"]
        assert delete_while_drawn(server, engine, session) == 204
        assert [list(each)[-1][1] for each in following] == ["cancelled", "cancelled"]
        assert list(lines)  # the stream has ended, after what was told of the turns
    assert server.client.get(drawn).status_code == 404
    assert server.studio.store.attempts.all(session) == []
    assert not [run for run in server.service.jobs.list_unfinished() if run.session == session]
    engine.gate.set()
    assert list(events(server.client, others))[-1][1] == "done"
    assert check(server.studio.store) == []


def test_a_session_is_deleted_before_its_first_picture(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine)
    drawn = server.client.post("/api/sessions", json={"prompt": "a harbour"}, headers=LATER).json()
    assert engine.begun.acquire(timeout=60)
    waits = server.client.post("/api/sessions", json={"prompt": "a boat"}, headers=LATER).json()
    assert delete(server, waits["session"]) == 204
    assert delete_while_drawn(server, engine, drawn["session"]) == 204
    assert server.studio.store.attempts.all() == []
    assert server.client.get("/api/sessions").json()["sessions"] == []
    for begun in (drawn, waits):
        assert server.client.get(begun["events"]).status_code == 404
        assert delete(server, begun["session"]) == 404


def test_a_replay_of_a_deleted_session_ends(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine)
    engine.gate.set()
    session = server.begin()["session"]
    engine.gate.clear()
    pending = server.client.post(f"/api/sessions/{session}/replay", headers=LATER).json()
    told = events(server.client, pending["events"])
    assert next(told)[1] == "queued"
    assert delete_while_drawn(server, engine, session) == 204
    assert list(told)[-1][1] == "cancelled"
    assert server.client.get(pending["events"]).status_code == 404


def test_nothing_can_be_asked_of_a_session_while_it_is_deleted(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = server.begin()["session"]
    delete_session = server.studio.store.delete_session
    answers: list[int] = []

    def slowly(name: str) -> Any:
        with httpx.Client(base_url=server.url, timeout=60) as another:
            for path, body in {"turns": {"feedback": "no fog"}, "replay": None}.items():
                answers.append(another.post(f"/api/sessions/{session}/{path}", json=body).status_code)
        return delete_session(name)

    monkeypatch.setattr(server.studio.store, "delete_session", slowly)
    assert delete(server, session) == 204
    assert answers == [404, 404]


def test_a_deletion_that_fails_can_be_asked_for_again(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    session = server.begin()["session"]

    def refuse(name: str) -> Any:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(server.studio.store, "delete_session", refuse)
        assert delete(server, session) == 500
    assert server.say(session, "no fog")["turn"] == 1
    assert delete(server, session) == 204


def test_engines_forget_how_the_pictures_began(server: Running) -> None:
    class Checkpoints(list[str]):
        """What an engine that draws steps keeps."""

    session = server.begin()["session"]
    engine: Any = server.studio.engine("stub")
    engine.checkpoints = Checkpoints(["a harbour at dawn"])
    assert delete(server, session) == 204
    server.begin()  # after what the drawing thread was asked to do
    assert engine.checkpoints == []


def test_the_list_of_sessions_goes_on_after_a_page(server: Running) -> None:
    sessions = [server.begin(f"boat {k}")["session"] for k in range(5)][::-1]
    first = server.client.get("/api/sessions", params={"limit": 2}).json()
    server.begin("another boat")
    assert delete(server, sessions[1]) == 204
    second = server.client.get("/api/sessions", params={"limit": 2, "cursor": first["next"]}).json()
    third = server.client.get("/api/sessions", params={"limit": 2, "cursor": second["next"]}).json()
    pages = [[each["session"] for each in page["sessions"]] for page in (first, second, third)]
    assert pages == [sessions[:2], sessions[2:4], sessions[4:]]
    assert third["next"] is None
    refused = server.client.get("/api/sessions", params={"cursor": "none"})
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:notthat:problem:refused")


def test_a_model_that_is_not_served_draws_nothing(serve: Serve) -> None:
    session = serve(models=("other",)).begin()["session"]
    server = serve(models=("stub",))
    asked: dict[str, Any] = {
        "turns": {"feedback": "no fog"},
        "seed": {"seed": 3},
        "edits": {"edits": [{"op": "reroll"}]},
    }
    for path, body in {**asked, "replay": None}.items():
        answer = server.client.post(f"/api/sessions/{session}/{path}", json=body)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:notthat:problem:unknown-model"), path
        assert answer.json()["detail"] == "the model “other” is not served here: there is stub"
    assert server.studio.store.attempts.all() == []
    assert server.client.get(f"/api/sessions/{session}/replay.html").status_code == 200

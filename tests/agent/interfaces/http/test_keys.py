"""Who may do what."""

import base64
import json
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest
from typer.testing import CliRunner

from notthat.agent.commands import SayCommand
from notthat.agent.conversation import Conversation
from notthat.agent.feedback import Feedback
from notthat.agent.interfaces.cli.main import app
from notthat.agent.session_start import SessionOptions, begin_session
from notthat.storage import Attempt, KeyLimits

from ..conftest import Running, events


@pytest.fixture
def key(server: Running) -> Callable[..., httpx.Client]:
    """Makes a key, and a client that shows it: `key("bot", policies=("quality",))`."""

    def make(name: str, **more: Any) -> httpx.Client:
        _, token = server.studio.store.keys.add(name, **more)
        return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    return make


def begin(client: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = client.post("/api/sessions", json={"prompt": "a harbour", **body})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_every_request_needs_a_key_once_one_exists(server: Running, key: Callable[..., httpx.Client]) -> None:
    assert server.client.get("/api/sessions").status_code == 200
    with key("bot") as bot:
        assert bot.get("/api/sessions").status_code == 200
        for headers in ({}, {"Authorization": "Bearer nt_0123456789abcdef_" + "x" * 43}, {"Authorization": "Nothing"}):
            answer = server.client.get("/api/sessions", headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        server.studio.store.keys.revoke("bot")
        assert bot.get("/api/sessions").status_code == 401  # at once
        assert server.client.get("/api/sessions").status_code == 401
    assert server.client.get("/healthz").status_code == 200


def test_a_session_of_another_key_is_404(server: Running, key: Callable[..., httpx.Client]) -> None:
    nobodys = server.begin()["session"]
    with key("one") as one, key("two") as two, key("boss", admin=True) as boss:
        session = begin(one)["session"]
        for path in ("", "/turns", "/turns/0", "/turns/0/events", "/why?term=fog", "/replay.html"):
            theirs = two.get(f"/api/sessions/{session}{path}")
            unknown = two.get(f"/api/sessions/0123456789abcdef{path}")
            assert theirs.status_code == 404
            assert theirs.json()["detail"].replace(session, "") == unknown.json()["detail"].replace(
                "0123456789abcdef", ""
            )
        posts: dict[str, Any] = {"turns": {"feedback": "no fog"}, "edits": {"edits": [{"op": "reset"}]}}
        posts |= {"seed": {}, "undo": {}, "branch": {"turn": 0}, "retry": {}, "replay": None}
        for path, body in posts.items():
            assert two.post(f"/api/sessions/{session}/{path}", json=body).status_code == 404, path
        assert two.delete(f"/api/sessions/{session}/turns/0/events").status_code == 404
        assert two.get("/api/sessions").json() == {"sessions": [], "next": None}
        assert [each["session"] for each in one.get("/api/sessions").json()["sessions"]] == [session]
        assert {each["session"] for each in boss.get("/api/sessions").json()["sessions"]} == {session, nobodys}
        assert boss.get(f"/api/sessions/{session}").status_code == 200


def test_a_pending_turn_is_hidden_from_other_keys(server: Running, key: Callable[..., httpx.Client]) -> None:
    with key("one") as one, key("two") as two:
        pending = one.post("/api/sessions", json={"prompt": "a boat"}, headers={"Prefer": "respond-async"}).json()
        for path in ("", "/turns/0", "/turns/0/events"):
            assert two.get(f"/api/sessions/{pending['session']}{path}").status_code == 404
        assert two.delete(pending["events"]).status_code == 404
        assert list(events(one, pending["events"]))[-1][1] == "done"


def test_a_failed_attempt_is_hidden_from_other_keys(server: Running, key: Callable[..., httpx.Client]) -> None:
    with key("one") as one, key("two") as two:
        pending = one.post("/api/sessions", json={"prompt": "a boat"}, headers={"Prefer": "respond-async"}).json()
        list(events(one, pending["events"]))
        assert two.post(f"/api/sessions/{pending['session']}/retry", json={}).status_code == 404
        assert one.post(f"/api/sessions/{pending['session']}/retry", json={}).status_code == 400
        ours = next(each.id for each in server.studio.store.keys.all() if each.name == "one")
        attempt = begin_session(SessionOptions("a boat", owner=ours), server.studio)
        server.studio.store.attempts.end(attempt, "failed", "the lights went out")
        address = f"/api/sessions/{attempt.session}"
        for path in ("", "/turns/0/events"):
            assert (one.get(address + path).status_code, two.get(address + path).status_code) == (200, 404)
        assert one.get(address).json()["retry"]["feedback"] == "a boat"
        assert two.post(f"{address}/retry", json={}).status_code == 404


def test_a_keys_policies_always_apply(key: Callable[..., httpx.Client]) -> None:
    with key("shop", policies=("brand-safety",)) as shop:
        turn = begin(shop, policies=["quality"])
        assert {e["source"] for e in turn["exclusions"]} == {"policy:brand-safety", "policy:quality"}
        body = {"edits": [{"op": "allow", "term": "watermark"}, {"op": "reset"}, {"op": "exclude", "term": "fog"}]}
        edited = shop.post(f"/api/sessions/{turn['session']}/edits", json=body).json()
        assert {e["term"] for e in edited["exclusions"]} == {e["term"] for e in turn["exclusions"]} | {"fog"}
        refused = shop.post("/api/sessions", json={"prompt": "a nude man"})
        assert (refused.status_code, "forbids it" in refused.json()["detail"]) == (400, True)
        body = {"edits": [{"op": "prompt", "text": "a nude man"}]}
        assert shop.post(f"/api/sessions/{turn['session']}/edits", json=body).status_code == 400
        assert shop.get("/api/policies").json()["always"] == ["brand-safety"]


def test_a_keys_limits_hold(key: Callable[..., httpx.Client]) -> None:
    with key("small", limits=KeyLimits(steps=3, size=24)) as small:
        turn = begin(small)
        assert turn["steps"] == 3  # the model's four are cut
        assert small.get(turn["image"]).content[16:24] == (24).to_bytes(4, "big") * 2  # and its 32 pixels
        for body in ({"steps": 4}, {"width": 32}, {"height": 32}):
            assert small.post("/api/sessions", json={"prompt": "a boat", **body}).status_code == 403


@pytest.mark.parametrize("limits", [KeyLimits(steps=3), KeyLimits(size=24)])
def test_a_keys_limits_hold_for_every_turn(
    server: Running, key: Callable[..., httpx.Client], limits: KeyLimits
) -> None:
    """Of a session that was begun when they were others, or elsewhere."""
    with key("bot") as bot:
        session = begin(bot)["session"]
        bot.post(f"/api/sessions/{session}/turns", json={"feedback": "no fog"})
        server.studio.store.attempts.end(
            cast(
                Attempt, Conversation.open(session, server.studio).prepare(SayCommand(feedback=Feedback(("no boats",))))
            ),
            "failed",
            "the lights went out",
        )
    server.studio.store.keys.revoke("bot")
    with key("bot", limits=limits) as bot:
        posts: dict[str, Any] = {
            "turns": {"feedback": "no gulls"},
            "edits": {"edits": [{"op": "exclude", "term": "gulls"}]},
            "seed": {"seed": 8},
            "retry": {},
            "replay": None,
        }
        for path, body in posts.items():
            refused = bot.post(f"/api/sessions/{session}/{path}", json=body)
            assert (path, refused.status_code) == (path, 403)
            assert refused.json()["type"] == "urn:notthat:problem:beyond-limit"
            assert "start a new session" in refused.json()["detail"]
        named = {"session": session, "prompt": "no gulls"}
        assert bot.post("/v1/images/generations", json=named).status_code == 403
        assert bot.get(f"/api/sessions/{session}").json()["turns"] == 2  # it can be looked at, and gone back in
        assert bot.post(f"/api/sessions/{session}/turns", json={"feedback": "lovely"}).status_code == 200
        assert bot.post(f"/api/sessions/{session}/undo", json={}).status_code == 200
        assert begin(bot)["turn"] == 0


def test_a_key_has_a_request_rate(key: Callable[..., httpx.Client]) -> None:
    with key("often", limits=KeyLimits(requests_per_minute=3)) as often, key("other") as other:
        statuses = [often.get("/api/models").status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        answer = often.get("/api/models")
        assert 1 <= int(answer.headers["retry-after"]) <= 20
        assert answer.json()["type"] == "urn:notthat:problem:too-many-requests"
        assert other.get("/api/models").status_code == 200


def test_a_key_works_as_a_basic_auth_password(server: Running) -> None:
    _, token = server.studio.store.keys.add("person")
    shown = base64.b64encode(f"anybody:{token}".encode()).decode()
    assert server.client.get("/api/sessions", headers={"Authorization": f"Basic {shown}"}).status_code == 200
    asked = server.client.get("/api/sessions", headers={"Accept": "text/html,*/*"})
    assert asked.headers["www-authenticate"].startswith("Basic realm=")
    assert server.client.get("/api/sessions", headers={"Authorization": "Basic ????"}).status_code == 401


def test_metrics_need_an_admin_key(server: Running, key: Callable[..., httpx.Client]) -> None:
    assert server.client.get("/metrics").status_code == 200
    with key("bot") as bot, key("boss", admin=True) as boss:
        assert [client.get("/metrics").status_code for client in (server.client, bot, boss)] == [401, 403, 200]


def test_idempotency_keys_are_separate_for_each_caller(key: Callable[..., httpx.Client]) -> None:
    with key("one") as one, key("two") as two:
        sessions = {
            client.post("/api/sessions", json={"prompt": "a boat"}, headers={"Idempotency-Key": "a"}).json()["session"]
            for client in (one, two)
        }
        assert len(sessions) == 2


def test_keys_are_made_listed_and_revoked_on_the_command_line(home: Any) -> None:
    run = CliRunner().invoke

    def lines(*arguments: str) -> list[dict[str, Any]]:
        result = run(app, ["keys", *arguments, "--json"])
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    (made,) = lines("add", "bot", "--policy", "quality", "--rate", "60", "--steps", "30", "--size", "512", "--admin")
    assert made["limits"] == {"requests_per_minute": 60, "steps": 30, "size": 512}
    (listed,) = lines("list")
    assert {**listed, "key": made["key"]} == made
    assert made["key"].encode() not in (home / "notthat.db").read_bytes()
    (revoked,) = lines("revoke", "bot")
    assert revoked["revoked_at"] is not None
    (again,) = lines("add", "bot")
    assert (again["id"], again["key"] != made["key"], again["admin"]) == (made["id"], True, False)
    said = run(app, ["keys", "add", "shop"])
    assert said.stdout.startswith("nt_")
    assert "can't be shown again" in said.stderr
    assert run(app, ["keys", "list"]).stdout.count("\n") == 2
    for wrong in (["add", "bot"], ["add", "a b"], ["add", "x", "--policy", "none"], ["revoke", "nobody"]):
        assert run(app, ["keys", *wrong]).exit_code != 0

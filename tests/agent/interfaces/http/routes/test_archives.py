"""A session as a file over HTTP: it comes back as it was, to whoever may have it, or not at all."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import httpx
import pytest

from notthat.agent.interfaces.http.app import LARGER_BODIES
from notthat.storage import KeyLimits, Store, check

from ...conftest import Running, Serve

ZIP = {"Content-Type": "application/zip"}
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def key(server: Running) -> Callable[..., httpx.Client]:
    """Makes a key, and a client that shows it."""

    def make(name: str, **more: Any) -> httpx.Client:
        _, token = server.studio.store.keys.add(name, **more)
        return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    return make


def begin(client: httpx.Client, **body: Any) -> str:
    answer = client.post("/api/sessions", json={"prompt": "a harbour without boats", "seed": 1, **body})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["session"])


def archive_of(client: httpx.Client, session: str) -> bytes:
    answer = client.get(f"/api/sessions/{session}/archive")
    assert answer.status_code == 200, answer.text
    return answer.content


def send(client: httpx.Client, content: bytes, **headers: str) -> httpx.Response:
    return client.post("/api/archives", content=content, headers={**ZIP, **headers})


def moved(client: httpx.Client, **body: Any) -> bytes:
    """The archive of a session that is not here any more."""
    session = begin(client, **body)
    assert client.post(f"/api/sessions/{session}/turns", json={"feedback": "no fog"}).status_code == 200
    content = archive_of(client, session)
    assert client.delete(f"/api/sessions/{session}").status_code == 204
    return content


def changed(content: bytes, edit: Edit) -> bytes:
    """The archive with a session that is edited, and a manifest that agrees."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        files = {name: old.read(name) for name in old.namelist()}
    document = json.loads(files["session.json"])
    edit(document)
    files["session.json"] = json.dumps(document).encode()
    manifest = json.loads(files.pop("manifest.json"))
    manifest["files"] = {name: {"sha256": sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()}
    files["manifest.json"] = json.dumps(manifest).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as new:
        for name, data in files.items():
            new.writestr(name, data)
    return buffer.getvalue()


def in_requests(**values: Any) -> Edit:
    """Give every turn's request these values."""

    def edit(document: dict[str, Any]) -> None:
        for turn in document["turns"]:
            turn["request"].update(values)

    return edit


def refused(server: Running, answer: httpx.Response, status: int, name: str) -> str:
    """Refused so, in one line, with nothing kept; the line."""
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:notthat:problem:{name}"), answer.text
    detail = str(answer.json()["detail"])
    assert len(detail.splitlines()) == 1
    assert "Traceback" not in server.log.getvalue()
    return detail


def keeps_nothing(store: Store) -> bool:
    return store.sessions() == [] and not list(store.images.pictures()) and not list(store.images.temporary())


def test_a_session_comes_back_as_it_was(server: Running) -> None:
    session = server.begin("a harbour without boats")["session"]
    server.say(session, "no fog")
    store = server.studio.store
    before = [asdict(turn) for turn in store.turns(session)]
    answer = server.client.get(f"/api/sessions/{session}/archive")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="notthat-{session}.zip"'
    assert (answer.headers["cache-control"], int(answer.headers["content-length"])) == (
        "no-store",
        len(answer.content),
    )
    assert server.client.delete(f"/api/sessions/{session}").status_code == 204
    back = send(server.client, answer.content)
    assert (back.status_code, back.headers["location"]) == (201, f"{server.url}/api/sessions/{session}")
    assert (back.json()["session"], back.json()["turns"], back.json()["head"]) == (session, 2, 1)
    assert [asdict(turn) for turn in store.turns(session)] == before
    assert check(store) == []
    assert server.say(session, "no gulls")["negative"] == "boats, fog, gulls"


def test_a_session_that_is_here_is_not_imported_again(server: Running, key: Callable[..., httpx.Client]) -> None:
    session = server.begin()["session"]
    content = archive_of(server.client, session)
    with key("one") as one:
        for client in (one, one):
            assert "exists already" in refused(server, send(client, content), 409, "session-exists")
    assert server.studio.store.session(session).owner is None


def test_an_archive_is_its_owners(server: Running, key: Callable[..., httpx.Client]) -> None:
    with key("one") as one, key("two") as two, key("boss", admin=True) as boss:
        session = begin(one)
        assert two.get(f"/api/sessions/{session}/archive").status_code == 404
        assert server.client.get(f"/api/sessions/{session}/archive").status_code == 401
        content = archive_of(boss, session)
        assert server.client.post("/api/archives", content=content, headers=ZIP).status_code == 401
        one.delete(f"/api/sessions/{session}")
        assert send(two, content).status_code == 201
        assert [each["session"] for each in two.get("/api/sessions").json()["sessions"]] == [session]
        assert one.get(f"/api/sessions/{session}").status_code == 404
        two_id = next(each.id for each in server.studio.store.keys.all() if each.name == "two")
        assert server.studio.store.session(session).owner == two_id


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip", b"\0" * 100_000, b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_archive_is_refused(server: Running, content: bytes) -> None:
    refused(server, send(server.client, content), 400, "refused")
    assert keeps_nothing(server.studio.store)


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
def test_half_an_archive_is_refused(server: Running, cut: float) -> None:
    content = moved(server.client)
    detail = refused(server, send(server.client, content[: int(len(content) * cut)]), 400, "refused")
    assert detail.startswith("the archive ")
    assert keeps_nothing(server.studio.store)


def test_an_archive_that_was_changed_is_refused(server: Running) -> None:
    content = moved(server.client)
    middle = content.index(b"IDAT") + 20
    damaged = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
    refused(server, send(server.client, damaged), 400, "refused")
    assert keeps_nothing(server.studio.store)


def test_a_session_that_is_begun_meanwhile_keeps_its_pictures(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    session = server.begin()["session"]
    content = archive_of(server.client, session)
    server.client.post(f"/api/sessions/{session}/turns", json={"feedback": "no fog"})
    monkeypatch.setattr(server.studio.store, "has_session", lambda session: False)  # it comes just afterwards
    refused(server, send(server.client, content), 409, "session-exists")
    assert check(server.studio.store) == []


def test_the_body_has_to_be_a_zip(server: Running) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = send(server.client, b"{}", **{"Content-Type": kind})
        assert "application/zip" in refused(server, answer, 415, "unsupported-media-type")


def test_an_archive_may_be_larger_than_other_requests_and_has_an_end(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(body=1000)
    content = moved(server.client)
    assert len(content) > 1000
    assert send(server.client, content).status_code == 201
    monkeypatch.setitem(LARGER_BODIES, "/api/archives", len(content) - 1)
    assert "the body is larger than" in refused(server, send(server.client, content), 413, "too-large")
    chunks = (content[k : k + 500] for k in range(0, len(content), 500))  # without a length
    answer = server.client.post("/api/archives", content=chunks, headers=ZIP)
    refused(server, answer, 413, "too-large")


# What a key may bring


def test_a_key_is_held_to_its_policies(server: Running, key: Callable[..., httpx.Client]) -> None:
    with key("free") as free, key("bound", policies=("quality",)) as bound:
        detail = refused(server, send(bound, moved(free)), 403, "policy-needed")
        assert detail == "the session was started without the policy “quality”, which this key requires"
        kept = moved(bound)

        def forged(document: dict[str, Any]) -> None:
            document["policies"] = ["quality"]

        assert "turn 0 does not exclude" in refused(
            server, send(bound, changed(moved(free), forged)), 403, "policy-needed"
        )

        def weakened(document: dict[str, Any]) -> None:
            document["turns"][1]["exclusions"][0]["weight"] = 0.1

        assert "turn 1 does not exclude" in refused(server, send(bound, changed(kept, weakened)), 403, "policy-needed")

        def undrawn(document: dict[str, Any]) -> None:
            document["turns"][0]["request"]["base_negative_prompt"] = ""

        refused(server, send(bound, changed(kept, undrawn)), 403, "policy-needed")
        assert keeps_nothing(server.studio.store)
        assert send(bound, kept).status_code == 201


def test_a_key_brings_nothing_that_its_policies_forbid(server: Running, key: Callable[..., httpx.Client]) -> None:
    policies = server.studio.store.images.folder.parent / "policies"
    policies.mkdir()
    (policies / "calm.toml").write_text('title = "Calm"\nexclude = [{ term = "storm" }]\n')
    with key("bound", policies=("calm",)) as bound:
        content = moved(bound, prompt="a boat and a knife")
        (policies / "calm.toml").write_text('title = "Calm"\nexclude = [{ term = "storm" }]\nforbid = ["knife"]\n')
        assert "“knife” can't be asked for" in refused(server, send(bound, content), 400, "refused")
    assert keeps_nothing(server.studio.store)


def test_a_key_is_held_to_its_limits(server: Running, key: Callable[..., httpx.Client]) -> None:
    with key("free") as free, key("small", limits=KeyLimits(steps=4, size=64)) as small:
        content = moved(free, steps=4, width=64, height=64)
        for values in ({"num_inference_steps": 5}, {"width": 72}, {"height": 72}):
            detail = refused(server, send(small, changed(content, in_requests(**values))), 403, "beyond-limit")
            assert detail.startswith("turn 0, ")
        assert "limit of 150" in refused(
            server, send(free, changed(content, in_requests(num_inference_steps=151))), 403, "beyond-limit"
        )
        assert keeps_nothing(server.studio.store)
        assert send(small, content).status_code == 201


@pytest.mark.parametrize("values", [{"loras": [["/etc/passwd", 1.0]]}, {"embeddings": ["/etc/passwd"]}])
def test_files_of_another_machine_are_refused(server: Running, values: dict[str, Any]) -> None:
    answer = send(server.client, changed(moved(server.client), in_requests(**values)))
    assert "refers to LoRA or embedding files" in refused(server, answer, 400, "refused")
    assert keeps_nothing(server.studio.store)


def test_a_model_that_is_not_served_can_be_looked_at_and_draws_nothing(server: Running) -> None:
    def elsewhere(document: dict[str, Any]) -> None:
        document["model"] = "/secret/model"
        in_requests(model="/secret/model")(document)

    session = send(server.client, changed(moved(server.client), elsewhere)).json()["session"]
    assert server.client.get(f"/api/sessions/{session}/replay.html").status_code == 200
    said = server.client.post(f"/api/sessions/{session}/turns", json={"feedback": "no gulls"})
    assert "is not served here" in refused(server, said, 400, "unknown-model")
    replayed = server.client.post(f"/api/sessions/{session}/replay")
    refused(server, replayed, 400, "unknown-model")
    assert server.studio.find_loaded("/secret/model") is None
    assert server.client.get(f"/api/sessions/{session}").json()["turns"] == 2

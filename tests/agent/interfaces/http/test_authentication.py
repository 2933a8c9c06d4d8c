"""Who calls is decided before anything of a body is read, and refused as the clients of each path expect."""

import json
from typing import Any

import pytest

from notthat.storage import KeyLimits

from ..conftest import Running, Serve, events
from .connections import all_of, connected, head_of

PATHS = ["/api/sessions", "/v1/chat/completions", "/sdapi/v1/txt2img", "/mcp"]


def shape_of(path: str, body: dict[str, Any]) -> bool:
    """Whether an error has the shape that the clients of its path read."""
    match path.split("/")[1]:
        case "v1":
            return set(body) == {"error"} and set(body["error"]) == {"message", "type", "param", "code"}
        case "sdapi":
            return isinstance(body["detail"], str) and isinstance(body["error"]["message"], str)
        case "mcp":
            return (body["jsonrpc"], body["id"]) == ("2.0", None) and isinstance(body["error"]["message"], str)
        case _:
            return str(body["type"]).startswith("urn:notthat:problem:")


@pytest.mark.parametrize("path", PATHS)
def test_a_request_without_a_key_is_refused_without_its_body(server: Running, path: str) -> None:
    server.studio.store.keys.add("bot")
    with connected(server) as connection:
        connection.sendall(head_of(path, 900_000) + b'{"prompt": "')  # and no more of it
        head, _, body = all_of(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 ")
    assert b"www-authenticate: Bearer" in head
    assert b"connection: close" in head.lower()
    assert shape_of(path, json.loads(body))


@pytest.mark.parametrize("path", PATHS)
def test_a_key_that_asks_too_often_is_refused_without_its_body(server: Running, path: str) -> None:
    _, token = server.studio.store.keys.add("often", limits=KeyLimits(requests_per_minute=1))
    server.client.get("/api/models", headers={"X-API-Key": token})
    with connected(server) as connection:
        connection.sendall(head_of(path, 900_000, f"X-API-Key: {token}") + b'{"prompt": "')
        head, _, body = all_of(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: " in head
    assert shape_of(path, json.loads(body))


@pytest.mark.parametrize("path", PATHS)
def test_a_large_request_is_413_in_the_format_of_its_api(server: Running, path: str) -> None:
    with connected(server) as connection:
        connection.sendall(head_of(path, 64 << 20))
        head, _, body = all_of(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert shape_of(path, json.loads(body))


@pytest.mark.parametrize("header", ["X-API-Key", "api-key", "x-api-key"])
def test_a_key_is_taken_from_the_headers_of_other_apis(server: Running, header: str) -> None:
    _, token = server.studio.store.keys.add("bot")
    assert server.client.get("/v1/models", headers={header: token}).status_code == 200
    assert server.client.get("/v1/models", headers={header: "nt_wrong"}).status_code == 401
    both = {header: token, "Authorization": "Bearer nt_wrong"}
    assert server.client.get("/v1/models", headers=both).status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/", "/web/main.js"])
def test_public_paths_need_no_key(server: Running, path: str) -> None:
    server.studio.store.keys.add("bot")
    server.wait_until(lambda: server.studio.find_loaded("stub") is not None)
    assert server.client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/unknown", "/v1", "/sdapi/v1/unknown", "/sdapi/unknown", "/api/unknown", "/unknown"]
)
def test_an_unknown_path_is_404_in_the_format_of_its_api(server: Running, path: str) -> None:
    answer = server.client.get(path)
    assert answer.status_code == 404
    assert shape_of(path, answer.json())


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/sdapi/v1/txt2img", "/api/models"])
def test_a_wrong_method_is_405_in_the_format_of_its_api(server: Running, path: str) -> None:
    answer = server.client.put(path)
    assert answer.status_code == 405
    assert answer.headers["allow"] in ("GET, HEAD", "POST")
    assert shape_of(path, answer.json())


def test_a_large_chat_is_read(server: Running) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * (4 << 20)}}
    first = server.client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "a boat"}]})
    history = [
        {"role": "user", "content": "a boat"},
        {"role": "assistant", "content": first.json()["choices"][0]["message"]["content"]},
        {"role": "user", "content": [{"type": "text", "text": "look"}, picture]},
        {"role": "assistant", "content": [{"type": "text", "text": "seen"}]},
        {"role": "user", "content": "no fog"},
    ]
    headers = {"Idempotency-Key": "once"}
    turns = [
        server.client.post("/v1/chat/completions", json={"messages": history}, headers=headers).json()["notthat"][
            "turn"
        ]
        for _ in range(2)
    ]
    assert turns == [1, 1]


@pytest.mark.parametrize(
    "body", [b'{"a":[' + b"{}," * 400_000 + b"{}]}", b"[" * 900_000, b"[" + b"1," * 5_000_000 + b"1]"]
)
def test_json_of_too_many_values_is_refused(server: Running, body: bytes) -> None:
    answer = server.client.post("/v1/chat/completions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert "values" in answer.json()["error"]["message"]


def test_large_malformed_json_is_refused_in_one_line(server: Running) -> None:
    body = b'{"messages": "' + b"a" * (2 << 20)
    answer = server.client.post("/v1/chat/completions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert len(answer.content) < 1000


def test_small_requests_are_answered_while_a_large_body_arrives(serve: Serve) -> None:
    server = serve()
    session = server.begin()["session"]
    with connected(server) as connection:
        connection.sendall(head_of("/v1/chat/completions", 30 << 20) + b"[" + b'"' + b"a" * (8 << 20))
        last = list(events(server.client, server.say_later(session, "no fog")))[-1]
    assert last[1] == "done"

"""What is refused before it is looked at: what is too large, and pages of others."""

import json
import socket

import httpx
import pytest

from .conftest import Running, Serve


def test_a_request_that_says_it_is_too_large_is_refused_unread(serve: Serve) -> None:
    server = serve(body=1000)
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80)) as connection:
        head = f"POST /api/sessions HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: 1001\r\n\r\n".encode())  # and not a byte of it
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"urn:notthat:problem:too-large" in answer


def test_one_that_does_not_say_is_read_no_further_than_allowed(serve: Serve) -> None:
    server = serve(body=1000)

    def chunks() -> object:
        yield b'{"prompt": "'
        for _ in range(10):
            yield b"a" * 500

    answer = server.client.post("/api/sessions", content=chunks(), headers={"Content-Type": "application/json"})  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert server.begin("a boat" + "." * 900)["turn"] == 0


@pytest.mark.parametrize("length", ["-1", "many"])
def test_a_length_that_is_none_is_refused(server: Running, length: str) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall(
            f"POST /api/sessions HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        assert connection.makefile("rb").readline().split()[1] in (b"400", b"413")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_what_a_form_can_send_is_not_taken(server: Running, content_type: str | None) -> None:
    """A form of any page on the web can be sent here without being asked; it can't say that it is JSON."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = server.client.post("/api/sessions", content=json.dumps({"prompt": "a boat"}), headers=headers)
    assert answer.status_code == 422
    assert server.studio.store.sessions() == []


def test_pages_of_other_origins_are_refused(serve: Serve) -> None:
    server = serve(cors=("https://shop.example",))
    own = server.client.get("/api/sessions", headers={"Origin": server.url})
    shop = server.client.get("/api/sessions", headers={"Origin": "https://shop.example"})
    other = server.client.get("/api/sessions", headers={"Origin": "https://evil.example"})
    assert [answer.status_code for answer in (own, shop, other)] == [200, 200, 403]
    assert shop.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in other.headers
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    preflight = server.client.options(
        "/api/sessions", headers={**asked, "Access-Control-Request-Headers": "authorization"}
    )
    assert preflight.status_code == 200


def test_nothing_is_said_of_origins_unless_some_are_named(server: Running) -> None:
    assert "access-control-allow-origin" not in server.client.get("/healthz").headers
    assert server.client.get("/healthz", headers={"Origin": "null"}).status_code == 403


def test_a_server_of_this_machine_answers_to_its_names_alone(serve: Serve) -> None:
    server = serve()
    for name, status in (("localhost", 200), ("[::1]:8000", 200), ("evil.example", 403), ("", 403)):
        assert server.client.get("/healthz", headers={"Host": name}).status_code == status, name
    open_to_others = serve(loopback=False)
    assert open_to_others.client.get("/healthz", headers={"Host": "pictures.example"}).status_code == 200
    assert open_to_others.client.get("/api/sessions").status_code == 401  # with no key at all


def test_the_worlds_address_is_in_the_answers_where_it_is_told(serve: Serve) -> None:
    server = serve(url="https://pictures.example/")
    turn = server.begin()
    assert turn["image"].startswith("https://pictures.example/api/images/")
    assert server.client.get("/api/sessions", headers={"Origin": "https://pictures.example"}).status_code == 200

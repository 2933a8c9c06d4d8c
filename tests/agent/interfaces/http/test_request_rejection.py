"""What is refused before it is looked at: what is too large, and pages of others."""

import json
import socket

import httpx
import pytest
from typer.testing import CliRunner

from notthat.agent.interfaces.cli.main import app
from notthat.errors import InvalidInputError

from ..conftest import Running, Serve


def test_a_request_that_says_it_is_too_large_is_refused_unread(serve: Serve) -> None:
    server = serve(body=1000)
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80)) as connection:
        head = f"POST /api/sessions/{16 * '0'}/turns HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: 1001\r\n\r\n".encode())  # and not a byte of it
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"urn:notthat:problem:too-large" in answer


def test_a_body_without_a_length_is_read_up_to_the_limit(serve: Serve) -> None:
    server = serve(body=1000)

    def chunks() -> object:
        yield b'{"prompt": "'
        for _ in range(10):
            yield b"a" * 500

    headers = {"Content-Type": "application/json"}
    answer = server.client.post(f"/api/sessions/{16 * '0'}/turns", content=chunks(), headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert server.begin("a boat" + "." * 900)["turn"] == 0


@pytest.mark.parametrize("length", ["-1", "many"])
def test_a_malformed_content_length_is_refused(server: Running, length: str) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall(
            f"POST /api/sessions HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        assert connection.makefile("rb").readline().split()[1] in (b"400", b"413")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_content_types_of_html_forms_are_refused(server: Running, content_type: str | None) -> None:
    """A form of any page on the web can be sent here without being asked; it can't say that it is JSON."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = server.client.post("/api/sessions", content=json.dumps({"prompt": "a boat"}), headers=headers)
    assert answer.status_code == 415
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


@pytest.mark.parametrize(
    "named", ["https://shop.example/", "HTTPS://Shop.Example", "https://shop.example:443", " https://shop.example"]
)
def test_an_origin_may_be_named_as_people_write_it(serve: Serve, named: str) -> None:
    server = serve(cors=(named,))
    shop = server.client.get("/api/sessions", headers={"Origin": "https://shop.example"})
    assert (shop.status_code, shop.headers["access-control-allow-origin"]) == (200, "https://shop.example")
    assert server.client.get("/api/sessions", headers={"Origin": "https://shop.example:8443"}).status_code == 403


@pytest.mark.parametrize("named", ["shop.example", "https://", "https://shop.example/path", "ftp://shop.example", "["])
def test_a_malformed_origin_option_is_refused_at_start(named: str) -> None:
    result = CliRunner().invoke(app, ["serve", "--port", "0", "--cors", named])
    assert isinstance(result.exception, InvalidInputError)
    assert str(result.exception).startswith(f"--cors {named}: write an origin such as https://shop.example")


@pytest.mark.parametrize("origin", ["https://shop.example", "null"])
def test_pages_of_any_origin_may_call_where_that_is_asked_for_but_without_what_browsers_know(
    serve: Serve, origin: str
) -> None:
    server = serve(cors=("*",))
    answer = server.client.get("/api/sessions", headers={"Origin": origin, "Cookie": "a=b"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] in ("*", origin)
    assert "access-control-allow-credentials" not in answer.headers


def test_pages_may_send_and_read_what_the_api_has(serve: Serve) -> None:
    server = serve(cors=("*",))
    read = server.client.get("/healthz", headers={"Origin": "https://shop.example"})
    exposed = read.headers["access-control-expose-headers"].split(", ")
    assert {"Mcp-Session-Id", "Location", "Retry-After", "Preference-Applied"} <= set(exposed)
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": method}
        wanted = {"Access-Control-Request-Headers": "x-api-key, idempotency-key, mcp-session-id"}
        preflight = server.client.options("/mcp", headers={**asked, **wanted})
        assert preflight.status_code == 200
        assert "x-api-key" in preflight.headers["access-control-allow-headers"]


def test_a_refusal_can_be_read_by_the_page_that_asked(serve: Serve) -> None:
    server = serve(cors=("https://shop.example",))
    server.studio.store.keys.add("bot")
    refused = server.client.get("/api/sessions", headers={"Origin": "https://shop.example"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://shop.example")


def test_there_are_no_cors_headers_without_allowed_origins(server: Running) -> None:
    assert "access-control-allow-origin" not in server.client.get("/healthz").headers
    assert server.client.get("/healthz", headers={"Origin": "null"}).status_code == 403


def test_a_loopback_server_only_answers_to_localhost(serve: Serve) -> None:
    server = serve()
    for name, status in (("localhost", 200), ("[::1]:8000", 200), ("evil.example", 403), ("", 403)):
        assert server.client.get("/healthz", headers={"Host": name}).status_code == status, name
    open_to_others = serve(loopback=False)
    assert open_to_others.client.get("/healthz", headers={"Host": "pictures.example"}).status_code == 200
    assert open_to_others.client.get("/api/sessions").status_code == 401  # with no key at all


def test_responses_use_the_configured_public_url(serve: Serve) -> None:
    server = serve(url="https://pictures.example/")
    turn = server.begin()
    assert turn["image"].startswith("https://pictures.example/api/images/")
    assert server.client.get("/api/sessions", headers={"Origin": "https://pictures.example"}).status_code == 200

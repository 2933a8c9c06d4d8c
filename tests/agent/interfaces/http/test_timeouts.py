"""Requests that do not come to their end."""

import json
import socket
import time

import pytest

from ..conftest import PATIENCE, Serve
from .connections import all_of, connected, head_of


def test_headers_that_do_not_end_are_answered_with_408_and_closed(serve: Serve) -> None:
    server = serve(request_timeout=0.2)
    with connected(server) as connection:
        connection.sendall(b"POST /api/sessions HTTP/1.1\r\nHost: localhost\r\nX-Half")
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"urn:notthat:problem:too-slow" in answer


def test_a_connection_on_which_nothing_is_sent_is_closed(serve: Serve) -> None:
    with connected(serve(request_timeout=0.2)) as connection:
        assert all_of(connection).startswith(b"HTTP/1.1 408 ")


def test_headers_that_end_late_are_cut_off_however_steadily_they_come(serve: Serve) -> None:
    server = serve(request_timeout=0.3)
    with connected(server) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert is_cut_off(connection, b"X: y\r\n")


def is_cut_off(connection: socket.socket, piece: bytes) -> bool:
    """Whether the server closes the connection while this is sent again and again."""
    for _ in range(int(PATIENCE / 0.05)):
        try:
            connection.sendall(piece)
        except OSError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("path", "shape"), [("/api/sessions", '"type":"urn:notthat'), ("/v1/images/generations", '"error":{')]
)
def test_a_body_that_does_not_come_on_is_answered_with_408_and_closed(serve: Serve, path: str, shape: str) -> None:
    server = serve(request_timeout=0.2)
    with connected(server) as connection:
        connection.sendall(head_of(path, 1000) + b'{"prompt": "a boat')
        answer = all_of(connection).decode()
    assert answer.startswith("HTTP/1.1 408 ")
    assert shape in answer
    assert server.client.get("/healthz").status_code == 200


def test_the_next_request_of_a_connection_has_to_come_in_time_too(serve: Serve) -> None:
    server = serve(request_timeout=0.2)
    with connected(server) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HT")
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


def test_a_slow_body_that_keeps_arriving_is_accepted(serve: Serve) -> None:
    server = serve(request_timeout=1.0)
    body = json.dumps({"prompt": "a boat"}).encode()
    with connected(server) as connection:
        connection.sendall(head_of("/api/sessions", len(body), "Connection: close"))
        for k in range(len(body)):  # in more time than one timeout, and never as long without a byte
            connection.sendall(body[k : k + 1])
            time.sleep(0.08)
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 200 ")

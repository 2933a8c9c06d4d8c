"""Requests that are sent piece by piece over a plain socket."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from ..conftest import PATIENCE, Running


@contextmanager
def connected(server: Running) -> Iterator[socket.socket]:
    """A connection to the server."""
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80), timeout=PATIENCE) as connection:
        yield connection


def head_of(path: str, length: int, *headers: str, method: str = "POST") -> bytes:
    """The headers of a request whose body is JSON of this length."""
    told = [
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*told, *headers, "", ""]).encode("latin-1")


def all_of(connection: socket.socket) -> bytes:
    """What the server sends before it closes the connection."""
    parts = []
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:  # it closed before it had read all
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)

"""ASGI middleware that refuses request bodies over the limit."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import Problem, RespondTo

_LARGE = 256 << 10
"""Bytes after which large bodies are received one part at a time."""
_BYTES_PER_VALUE = 512
_MIN_VALUES = 4096
"""JSON may have one value per `_BYTES_PER_VALUE` bytes of the body limit, but always `_MIN_VALUES`."""


class BodyLimit:
    """Refuses large bodies with 413: by `Content-Length`, otherwise while receiving.

    `larger` maps paths to larger limits in bytes. The number of values in JSON is limited, too: a few long
    strings are parsed quickly, but millions of short values would block the server.
    """

    def __init__(self, app: ASGIApp, limit: int, larger: dict[str, int], respond: RespondTo) -> None:
        self._app, self._limit, self._larger, self._respond = app, limit, larger, respond
        self._large_body_lock = asyncio.Lock()
        """Serialises the parts of large bodies, so that small requests are answered in between."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._larger.get(scope["path"], self._limit)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            problem = _body_too_large(limit)
            problem.headers["Connection"] = "close"  # the rest will not be read
            await self._respond(scope["path"], problem)(scope, receive, send)
            return
        max_values = max(_MIN_VALUES, limit // _BYTES_PER_VALUE)
        is_json = "json" in headers.get("content-type", "").lower()
        read, values = 0, 0.0

        async def receive_counted() -> Message:
            nonlocal read, values
            message = await receive()
            body = message.get("body", b"")
            read += len(body)
            if read > limit:
                raise _body_too_large(limit).to_http_exception()
            if read > _LARGE:
                async with self._large_body_lock:
                    await asyncio.sleep(0)
            if is_json and (values := values + _estimate_values(body)) > max_values:
                raise _too_many_values(max_values).to_http_exception()
            return message

        await self._app(scope, receive_counted, send)


def _body_too_large(limit: int) -> Problem:
    return Problem(413, "too-large", "The request is too large", f"the body is larger than {limit} bytes: send less")


def _estimate_values(body: bytes) -> float:
    """An estimate of the number of values in JSON. Commas count little, since they may be part of a string."""
    strings = (body.count(b'"') - body.count(b'\\"')) / 2
    return strings + body.count(b"{") + body.count(b"[") + body.count(b",") / 10


def _too_many_values(limit: int) -> Problem:
    return Problem(413, "too-large", "The request is too large", f"the JSON has more than {limit} values: send fewer")

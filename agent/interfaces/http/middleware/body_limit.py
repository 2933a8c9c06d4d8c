"""ASGI middleware that refuses request bodies over the limit."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import Problem, RespondTo
from ..quotas import _BYTES_A_VALUE, _LARGE, _LEAST_VALUES, _too_many_values, _values_in


class BodyLimit:
    """Refuses a request that is too large before it is read: by its length where it tells one, else on the way.

    `larger` are prefixes of paths whose requests may have so many bytes instead. JSON may also have only so many
    values for its bytes: a few long texts are parsed in no time, millions of short values hold up the whole server.
    """

    def __init__(self, app: ASGIApp, limit: int, larger: dict[str, int], respond: RespondTo) -> None:
        self._app, self._limit, self._larger, self._respond = app, limit, larger, respond
        self._turn = asyncio.Lock()
        """Whose piece is next where several large requests come at once, so that small ones are answered in between."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with 413, or hand on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = next((most for prefix, most in self._larger.items() if scope["path"].startswith(prefix)), self._limit)
        told = headers.get("content-length", "0")
        if not told.isdecimal() or int(told) > limit:
            problem = _body_too_large(limit)
            problem.headers["Connection"] = "close"  # nobody will read the rest
            await self._respond(scope["path"], problem)(scope, receive, send)
            return
        most_values = max(_LEAST_VALUES, limit // _BYTES_A_VALUE)
        is_json = "json" in headers.get("content-type", "").lower()
        read, values = 0, 0.0

        async def counted() -> Message:
            nonlocal read, values
            message = await receive()
            body = message.get("body", b"")
            read += len(body)
            if read > limit:
                raise _body_too_large(limit).to_http_exception()
            if read > _LARGE:
                async with self._turn:
                    await asyncio.sleep(0)
            if is_json and (values := values + _values_in(body)) > most_values:
                raise _too_many_values(most_values).to_http_exception()
            return message

        await self._app(scope, counted, send)


def _body_too_large(limit: int) -> Problem:
    return Problem(413, "too-large", "The request is too large", f"at most {limit} bytes are read")

"""Routes whose errors are told as the face's clients expect it, and whose large bodies hold up nobody."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

from ..problems import Problem, to_problem

_LARGE = 64 << 10
"""A body of more bytes is parsed in a thread."""
_parser = ThreadPoolExecutor(1, thread_name_prefix="notthat-parse")
"""One, since whoever parses holds Python's lock: several at once would hold up the event loop one after the other."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _Request(Request):
    """A request whose large body is parsed in a thread. How many values it may have is `limits.BodyLimit`'s."""

    async def json(self) -> Any:
        """The body, as starlette's own gives it."""
        body = await self.body()
        if len(body) <= _LARGE:
            return await super().json()
        if not hasattr(self, "_json"):
            self._json = await asyncio.get_running_loop().run_in_executor(_parser, _parse, body)
        return self._json


def _parse(body: bytes) -> Any:
    """As `json.loads` does, in a quarter of the time."""
    try:
        return from_json(body, cache_strings=False)
    except ValueError:
        return json.loads(body)  # which tells what is wrong as FastAPI expects it


def error_route_class(to_response: Callable[[Problem], Response]) -> type[APIRoute]:
    """For a router's `error_route_class`: what goes wrong in its routes is answered by `told`."""

    class Route(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def handled(request: Request) -> Response:
                try:
                    return await handle(_Request(request.scope, request.receive))
                except Exception as error:
                    problem = to_problem(error)
                    if problem.name in ("unexpected", "storage") and problem is not error:  # else it was logged before
                        request.app.state.telemetry.log.record_error(error, route=self.path)
                    return to_response(problem)

            return handled

    return Route

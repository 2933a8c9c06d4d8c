"""A route class for compatibility layers: errors in the client's format, and large bodies parsed in a thread."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from ..bodies import read_json
from ..problems import Problem, to_problem

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _Request(Request):
    """A request whose large body is parsed in a thread; `middleware.body_limit` limits the number of values."""

    async def json(self) -> Any:
        """The parsed body, as from `starlette.requests.Request.json`."""
        if not hasattr(self, "_json"):
            self._json = await read_json(await self.body())
        return self._json


def error_route_class(to_response: Callable[[Problem], Response]) -> type[APIRoute]:
    """A route class for `APIRouter(route_class=…)` that answers errors with `to_response`."""

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

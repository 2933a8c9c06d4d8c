"""ASGI middleware that logs and counts every request."""

import time

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import RespondTo, to_problem
from ..telemetry.log import Log
from ..telemetry.metrics import Metrics


class RequestLog:
    """A line, and a count, for every request: its route as it is declared, never the path or the query as it came.

    What nobody expected ends here: the log tells it, and the client that something went wrong.
    """

    def __init__(self, app: ASGIApp, log: Log, metrics: Metrics, respond: RespondTo) -> None:
        self._app, self._log, self._metrics, self._respond = app, log, metrics, respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and tell how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            self._log.record_error(error, route=_route_of_scope(scope))
            if status:
                raise  # the answer is cut off, so that nobody takes it for whole
            await self._respond(scope["path"], to_problem(error))(scope, receive, noted)
        finally:
            self._metrics.record_response(_method_of_scope(scope), _route_of_scope(scope), status)
            self._log.write(
                "request",
                method=scope["method"],
                route=_route_of_scope(scope),
                status=status,
                ms=round((time.perf_counter() - started) * 1000, 1),
                **{
                    name: str(value)
                    for name, value in Request(scope).path_params.items()
                    if name in ("session", "turn")
                },
            )


def _route_of_scope(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", None) or "unknown"


def _method_of_scope(scope: Scope) -> str:
    return (
        scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
    )

"""ASGI middleware that logs and counts every request."""

import time

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import RespondTo, to_problem
from ..telemetry.log import Log
from ..telemetry.metrics import Metrics


class RequestLog:
    """Logs and counts every request by its declared route. The raw path and query are never logged.

    Unexpected errors are logged here and answered with 500.
    """

    def __init__(self, app: ASGIApp, log: Log, metrics: Metrics, respond: RespondTo) -> None:
        self._app, self._log, self._metrics, self._respond = app, log, metrics, respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, then log and count the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note_status)
        except Exception as error:
            self._log.record_error(error, route=_route_of_scope(scope))
            if status:
                raise  # closes the connection, so that the client does not take the response for complete
            await self._respond(scope["path"], to_problem(error))(scope, receive, send_and_note_status)
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

"""Who calls, decided from a request's headers alone: nothing of the body is read for somebody who may not call."""

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from ..auth import Principal
from ..jobs.service import Service
from ..problems import RespondTo, to_problem
from ..telemetry.log import Log

_CALLER = "notthat.caller"
_PUBLIC = ("/healthz", "/readyz", "/openapi.json", "/")
_PUBLIC_FOLDERS = ("/web/", "/api/images/")
"""What needs no key: whether the server runs, its API, the page, and pictures, whose addresses can't be guessed."""


class Authentication:
    """Looks at the key and how often it asks, before the body is read; answers 401 or 429, or hands on."""

    def __init__(self, app: ASGIApp, service: Service, log: Log, respond: RespondTo) -> None:
        self._app, self._service, self._log, self._respond = app, service, log, respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on with the caller in the scope, or refuse."""
        if scope["type"] != "http" or is_public(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            scope[_CALLER] = await self._service.authenticate(headers)
            self._service.count_request(scope[_CALLER])
        except Exception as error:
            problem = to_problem(error)
            if problem.name == "unexpected":
                raise
            if problem.name == "storage":
                self._log.record_error(error)
            if has_body(headers):
                problem.headers["Connection"] = "close"  # nobody will read it
            await self._respond(scope["path"], problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def caller_in(connection: HTTPConnection) -> Principal:
    """Who sent a request that came through `Authentication`."""
    caller: Principal = connection.scope[_CALLER]
    return caller


def is_public(path: str) -> bool:
    """Whether a path needs no key."""
    return path in _PUBLIC or path.startswith(_PUBLIC_FOLDERS)


def has_body(headers: Headers) -> bool:
    """Whether more than these headers is sent."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers

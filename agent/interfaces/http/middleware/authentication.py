"""ASGI middleware that authenticates a request from its headers, before its body is read."""

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
"""Paths that need no key: health, the OpenAPI document, the web page, and pictures, whose URLs can't be guessed."""


class Authentication:
    """Checks the API key and its request rate. Answers 401 or 429, or passes the request on."""

    def __init__(self, app: ASGIApp, service: Service, log: Log, respond: RespondTo) -> None:
        self._app, self._service, self._log, self._respond = app, service, log, respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Store the caller in the scope and pass the request on, or refuse it."""
        if scope["type"] != "http" or is_public(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            scope[_CALLER] = await self._service.authenticate(headers)
            await self._service.count_request(scope[_CALLER])
        except Exception as error:
            problem = to_problem(error)
            if problem.name == "unexpected":
                raise
            if problem.name == "storage":
                self._log.record_error(error)
            if has_body(headers):
                problem.headers["Connection"] = "close"  # the body will not be read
            await self._respond(scope["path"], problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def caller_in(connection: HTTPConnection) -> Principal:
    """The authenticated caller of a request that passed `Authentication`."""
    caller: Principal = connection.scope[_CALLER]
    return caller


def is_public(path: str) -> bool:
    """Whether a path needs no key."""
    return path in _PUBLIC or path.startswith(_PUBLIC_FOLDERS)


def has_body(headers: Headers) -> bool:
    """Whether the headers announce a body."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers

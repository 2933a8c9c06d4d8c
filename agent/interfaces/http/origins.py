"""Which web pages may call: the server's own, and those of the origins that are named. Others are refused.

A browser sends a page's calls with what it knows of the user, so that any page on the web could draw on a server of
this machine's; and a name that points to this machine makes any page the server's own, if all names are taken.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .problems import Problem
from .serving import Serving

_LOCAL = {"localhost", "127.0.0.1", "::1"}


class Origins:
    """Refuses, with 403, pages of other origins, and on loopback any name but this machine's own."""

    def __init__(self, app: ASGIApp, serving: Serving) -> None:
        self._app, self._serving = app, serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or refuse."""
        problem = self._problem(Headers(scope=scope)) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await problem.response()(scope, receive, send)

    def _problem(self, headers: Headers) -> Problem | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._serving.loopback and urlsplit(f"//{host}").hostname not in _LOCAL:
            detail = "this server answers to localhost alone: start it with --host to have it answer to other names"
            return Problem(403, "foreign-host", "Not under this name", detail)
        own = {host, urlsplit(self._serving.url or "").netloc} - {""}  # a page without an origin says “null”
        if origin is None or origin in self._serving.cors or urlsplit(origin).netloc in own:
            return None
        detail = "pages of other origins may not call: start the server with --cors and theirs"
        return Problem(403, "foreign-origin", "Not from this page", detail)

"""Which web pages may call: the server's own, and those of the origins that are named. Others are refused.

A browser sends a page's calls with what it knows of the user, so that any page on the web could draw on a server of
this machine's; and a name that points to this machine makes any page the server's own, if all names are taken.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .....errors import InvalidInputError
from ..config import ANY_ORIGIN, ServerConfig
from ..problems import Problem, RespondTo

_LOCAL = {"localhost", "127.0.0.1", "::1"}
_HOST = re.compile(r"(?:(?P<name>[\w.~-]+)|\[(?P<address>[0-9a-f:.]+)\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)


class OriginCheck:
    """Refuses, with 403, pages of other origins, and on loopback any name but this machine's own."""

    def __init__(self, app: ASGIApp, config: ServerConfig, respond: RespondTo) -> None:
        self._app, self._serving, self._respond = app, config, respond
        self._known = origins_of(config.cors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or refuse."""
        problem = self._find_problem(Headers(scope=scope)) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await self._respond(scope["path"], problem)(scope, receive, send)

    def _find_problem(self, headers: Headers) -> Problem | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        match = _HOST.fullmatch(host)
        if host and match is None:
            return Problem(
                400, "malformed-host", "The Host header can't be read", "Host: write it as NAME or NAME:PORT"
            )
        name = (match["name"] or match["address"]).lower() if match else ""
        if self._serving.loopback and name not in _LOCAL:
            detail = "this server answers to localhost alone: start it with --host to have it answer to other names"
            return Problem(403, "foreign-host", "Not under this name", detail)
        if origin is None or ANY_ORIGIN in self._known or self._is_known(origin, host):
            return None
        detail = "pages of other origins may not call: start the server with --cors and theirs"
        return Problem(403, "foreign-origin", "Not from this page", detail)

    def _is_known(self, origin: str, host: str) -> bool:
        """Whether it is the server's own, by the request's host or by the world's address, or one that is named."""
        try:
            normal = normalised(origin)  # a page without an origin says “null”
            scheme = urlsplit(normal).scheme
            own = {f"{scheme}://{each}" for each in (host, urlsplit(self._serving.url or "").netloc) if each}
            return normal in self._known or normal in map(normalised, own)
        except ValueError:
            return False


def normalised(origin: str) -> str:
    """An origin as browsers send it: `https://shop.example`, in lower case, without a slash or its scheme's own port.

    Raises:
        ValueError: where it is none.
    """
    parts = urlsplit(origin.strip())
    host, port = parts.hostname, parts.port
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise ValueError(f"no origin: {origin}")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"an origin has no path: {origin}")
    name = f"[{host}]" if ":" in host else host.encode("idna").decode()
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{name}" + ("" if port in (None, default) else f":{port}")


def origins_of(names: Iterable[str]) -> tuple[str, ...]:
    """These origins, normalised; `*` stays.

    Raises:
        InvalidInputError: where one is none.
    """
    return tuple(dict.fromkeys(_origin_of(name) for name in names))


def _origin_of(name: str) -> str:
    if name.strip() == ANY_ORIGIN:
        return ANY_ORIGIN
    try:
        return normalised(name)
    except ValueError:
        raise InvalidInputError(f"--cors {name}: write a site as https://shop.example, or “*” for any") from None

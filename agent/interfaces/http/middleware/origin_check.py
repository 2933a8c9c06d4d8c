"""ASGI middleware that refuses calls from web pages of unknown origins.

Without it, any page open in the user's browser could use a server on this machine. The Host header is checked against
DNS rebinding: a foreign name that resolves to this machine would make a foreign page same-origin.
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
    """Answers 403 to pages of other origins, and on loopback to any host name but localhost."""

    def __init__(self, app: ASGIApp, config: ServerConfig, respond: RespondTo) -> None:
        self._app, self._config, self._respond = app, config, respond
        self._allowed = origins_of(config.cors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        problem = self._find_problem(Headers(scope=scope)) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await self._respond(scope["path"], problem)(scope, receive, send)

    def _find_problem(self, headers: Headers) -> Problem | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        match = _HOST.fullmatch(host)
        if host and match is None:
            return Problem(400, "malformed-host", "The Host header is malformed", "Host: write it as NAME or NAME:PORT")
        name = (match["name"] or match["address"]).lower() if match else ""
        if self._config.loopback and name not in _LOCAL:
            detail = "this server only answers to localhost: start it with --host to allow other host names"
            return Problem(403, "foreign-host", "The host name is not allowed", detail)
        if origin is None or ANY_ORIGIN in self._allowed or self._is_allowed(origin, host):
            return None
        detail = "pages of this origin may not call the API: start the server with --cors ORIGIN to allow it"
        return Problem(403, "foreign-origin", "The origin is not allowed", detail)

    def _is_allowed(self, origin: str, host: str) -> bool:
        """Whether the origin is the server's own (by the Host header or the public URL) or in the list of origins."""
        try:
            normal = normalise_origin(origin)  # raises for the opaque origin “null”
            scheme = urlsplit(normal).scheme
            own = {f"{scheme}://{netloc}" for netloc in (host, urlsplit(self._config.url or "").netloc) if netloc}
            return normal in self._allowed or normal in map(normalise_origin, own)
        except ValueError:
            return False


def normalise_origin(origin: str) -> str:
    """An origin as browsers send it: `https://shop.example`, in lower case, without a slash or the default port.

    Raises:
        ValueError: if it is not an origin.
    """
    parts = urlsplit(origin.strip())
    host, port = parts.hostname, parts.port
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise ValueError(f"not an origin: {origin}")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"an origin has no path: {origin}")
    name = f"[{host}]" if ":" in host else host.encode("idna").decode()
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{name}" + ("" if port in (None, default) else f":{port}")


def origins_of(names: Iterable[str]) -> tuple[str, ...]:
    """The origins, normalised and without duplicates; `*` is kept.

    Raises:
        InvalidInputError: if one is not an origin.
    """
    return tuple(dict.fromkeys(_parse_origin(name) for name in names))


def _parse_origin(name: str) -> str:
    if name.strip() == ANY_ORIGIN:
        return ANY_ORIGIN
    try:
        return normalise_origin(name)
    except ValueError:
        raise InvalidInputError(
            f"--cors {name}: write an origin such as https://shop.example, or “*” for any"
        ) from None

"""Limits the MCP sessions of each key by watching the responses of the SDK's session manager.

The manager itself limits the total number of sessions, ends idle ones and binds a session to its key.
"""

from dataclasses import dataclass
from time import monotonic

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..jobs.key_shares import Places
from ..problems import Problem, too_many

SESSION_HEADER = "mcp-session-id"
_RETRY_SECONDS = 10
"""Value of `Retry-After`, in seconds."""


@dataclass
class _Session:
    key: str | None
    requests: int = 0
    """Requests in progress."""
    last_used: float = 0.0


class SessionShares:
    """Counts the sessions that `app` opens and ends. A session ends after `idle` seconds without a request."""

    def __init__(self, app: ASGIApp, places: Places, idle: float) -> None:
        self._app, self._places, self._idle = app, places, idle
        self._sessions: dict[str, _Session] = {}

    async def handle(self, key: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request of this key.

        Raises:
            Problem: 429 if it would open a session beyond the share of the key.
        """
        self._forget_idle()
        name = Headers(scope=scope).get(SESSION_HEADER)
        if name is None:
            await self._open(key, scope, receive, send)
        else:
            await self._use(name, scope, receive, send)

    async def _open(self, key: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._places.has_place(key):
            raise _full()
        opened: str | None = None

        async def send_and_watch(message: Message) -> None:
            nonlocal opened
            if message["type"] == "http.response.start" and message["status"] < 400:
                opened = MutableHeaders(scope=message).get(SESSION_HEADER)
            await send(message)

        self._places.take(key)  # before the outcome is known, because requests are concurrent
        try:
            await self._app(scope, receive, send_and_watch)
        finally:
            if opened is None:
                self._places.give_back(key)
            else:
                self._sessions[opened] = _Session(key, last_used=monotonic())

    async def _use(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        session, status = self._sessions.get(name), 0

        async def send_and_watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        if session is not None:
            session.requests += 1
        try:
            await self._app(scope, receive, send_and_watch)
        finally:
            if session is not None:
                session.requests -= 1
                session.last_used = monotonic()
            if scope["method"] == "DELETE" and status < 300:
                self._end(name)

    def _forget_idle(self) -> None:
        oldest = monotonic() - self._idle
        for name in [
            name for name, session in self._sessions.items() if not session.requests and session.last_used < oldest
        ]:
            self._end(name)

    def _end(self, name: str) -> None:
        session = self._sessions.pop(name, None)
        if session is not None:
            self._places.give_back(session.key)


def _full() -> Problem:
    detail = f"this key has too many MCP sessions open: end one with DELETE, or try again in {_RETRY_SECONDS} s"
    return too_many("too-many-sessions", "Too many MCP sessions", detail, _RETRY_SECONDS)

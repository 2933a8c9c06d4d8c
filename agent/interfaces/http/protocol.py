"""HTTP/1.1 as uvicorn speaks it over h11, with a limit to how long a request may take to come."""

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Any, Literal

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .problems import Problem, RespondTo

Part = Literal["headers", "body"]


class TimedProtocol(H11Protocol):
    """Answers 408 and closes where headers take longer than `timeout` seconds, or a body does not come on for so long.

    A body that comes on slowly is waited for. The time in which nothing is read, since the app is slow to take what
    came, is nobody's fault.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        timeout: float,
        respond: RespondTo,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._seconds, self._respond = timeout, respond
        self._awaited: Part | None = None
        """What of a request is to come."""
        self._since = 0.0
        """When that began to be so, or some of a body came last."""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there, and its headers are to come."""
        super().connection_made(transport)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request came."""
        super().data_received(data)
        self._look(came=True)

    def on_response_complete(self) -> None:
        """The client may send another request."""
        super().on_response_complete()
        self._look()

    def _look(self, *, came: bool = False) -> None:
        """See what is to come now, and from when on it is waited for."""
        awaited = self._part_to_come()
        if awaited != self._awaited or (came and awaited == "body"):
            self._since = self.loop.time()
        self._awaited = awaited
        if awaited is not None and self._timer is None:
            self._timer = self.loop.call_later(self._seconds, self._check)

    def _part_to_come(self) -> Part | None:
        match self.conn.their_state:
            case h11.SEND_BODY:
                return "body"
            case h11.IDLE:
                has_begun = self.cycle is None or bool(self.conn.trailing_data[0])
                return "headers" if has_begun else None  # else uvicorn's own timer closes an idle connection
            case _:
                return None

    def _check(self) -> None:
        self._timer = None
        if self._awaited is None or self.transport.is_closing():
            return
        if self._awaited == "body" and self.flow.read_paused:
            self._since = self.loop.time()
        left = self._since + self._seconds - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._check)
        else:
            self._give_up(self._awaited)

    def _give_up(self, part: Part) -> None:
        is_unanswered = part == "headers" or not self.cycle.response_started
        if part == "body" and not self.cycle.response_complete:
            self.cycle.disconnected = True  # the app, which waits for more, is told that the client has gone
            self.cycle.message_event.set()
        if is_unanswered:
            self._answer_timeout(part)
        self.transport.close()

    def _answer_timeout(self, part: Part) -> None:
        detail = f"the request's {part} did not come for {self._seconds:g} s: send the request again"
        problem = Problem(408, "too-slow", "The request took too long", detail, headers={"Connection": "close"})
        response = self._respond("/" if part == "headers" else self.scope["path"], problem)
        reason = HTTPStatus(response.status_code).phrase.encode()
        head = h11.Response(status_code=response.status_code, headers=response.raw_headers, reason=reason)
        for event in (head, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")


def timed(timeout: float, respond: RespondTo) -> type[asyncio.Protocol]:
    """The protocol for uvicorn's `http`, which wants a class and calls it."""
    return partial(TimedProtocol, timeout=timeout, respond=respond)  # type: ignore[return-value]

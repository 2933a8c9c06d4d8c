"""uvicorn's HTTP/1.1 protocol (h11) with a timeout for receiving a request."""

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
    """Answers 408 and closes if the headers take longer than `timeout` seconds or a body pauses for that long.

    A slow body that keeps arriving is accepted. Time in which reading is paused because the app is slow does not count.
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
        self._expected_part: Part | None = None
        """The part of the request that is to be received next."""
        self._waiting_since = 0.0
        """When waiting for it began, or when the last bytes of a body arrived."""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the headers."""
        super().connection_made(transport)
        self._update_wait()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Restart the wait for a body."""
        super().data_received(data)
        self._update_wait(has_received=True)

    def on_response_complete(self) -> None:
        """Wait for the next request of the connection."""
        super().on_response_complete()
        self._update_wait()

    def _update_wait(self, *, has_received: bool = False) -> None:
        """Update which part is expected and since when; start the timer if needed."""
        part = self._next_part()
        if part != self._expected_part or (has_received and part == "body"):
            self._waiting_since = self.loop.time()
        self._expected_part = part
        if part is not None and self._timer is None:
            self._timer = self.loop.call_later(self._seconds, self._check_timeout)

    def _next_part(self) -> Part | None:
        match self.conn.their_state:
            case h11.SEND_BODY:
                return "body"
            case h11.IDLE:
                has_begun = self.cycle is None or bool(self.conn.trailing_data[0])
                return "headers" if has_begun else None  # else uvicorn's own timer closes an idle connection
            case _:
                return None

    def _check_timeout(self) -> None:
        self._timer = None
        if self._expected_part is None or self.transport.is_closing():
            return
        if self._expected_part == "body" and self.flow.read_paused:
            self._waiting_since = self.loop.time()
        remaining = self._waiting_since + self._seconds - self.loop.time()
        if remaining > 0:
            self._timer = self.loop.call_later(remaining, self._check_timeout)
        else:
            self._time_out(self._expected_part)

    def _time_out(self, part: Part) -> None:
        is_unanswered = part == "headers" or not self.cycle.response_started
        if part == "body" and not self.cycle.response_complete:
            self.cycle.disconnected = True  # tells the waiting app that the client has disconnected
            self.cycle.message_event.set()
        if is_unanswered:
            self._answer_timeout(part)
        self.transport.close()

    def _answer_timeout(self, part: Part) -> None:
        detail = f"the request's {part} did not arrive for {self._seconds:g} s: send the request again"
        problem = Problem(408, "too-slow", "The request took too long", detail, headers={"Connection": "close"})
        response = self._respond("/" if part == "headers" else self.scope["path"], problem)
        reason = HTTPStatus(response.status_code).phrase.encode()
        head = h11.Response(status_code=response.status_code, headers=response.raw_headers, reason=reason)
        for event in (head, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")


def timed(timeout: float, respond: RespondTo) -> type[asyncio.Protocol]:
    """The value for uvicorn's option `http`: a class, or as here a partial that creates the protocol."""
    return partial(TimedProtocol, timeout=timeout, respond=respond)  # type: ignore[return-value]

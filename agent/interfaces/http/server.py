"""Runs the app with uvicorn and shuts it down gracefully."""

import asyncio
import socket
import sys
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from ....errors import InvalidInputError
from .error_responses import error_response
from .jobs.service import Service
from .protocol import timed

_SWITCH_SECONDS = 0.0005


def open_socket(host: str, port: int) -> socket.socket:
    """Open a listening socket; port 0 chooses a free port.

    Raises:
        InvalidInputError: if the address can't be used.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)  # asyncio sets TCP_NODELAY only if it knows that this is TCP
    except (OSError, OverflowError, UnicodeError) as error:
        raise InvalidInputError(f"--host {host} --port {port}: {error}") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except (OSError, OverflowError) as error:
        listening.close()
        raise InvalidInputError(
            f"--host {host} --port {port}: {error.strerror if isinstance(error, OSError) else error}"
        ) from None
    return listening


def socket_url(listening: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class Server(uvicorn.Server):
    """Runs an app until a signal. Then it refuses new jobs, finishes running ones and returns waiting ones."""

    def __init__(self, app: FastAPI, *, on_ready: Callable[[], None] = lambda: None) -> None:
        self._service: Service = app.state.service
        super().__init__(
            uvicorn.Config(
                app,
                http=timed(self._service.config.request_timeout, error_response),
                log_config=None,  # the app configures its own
                access_log=False,
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=5,
            )
        )
        # Threads interpret feedback in pure Python; a short switch interval keeps the event loop responsive.
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then call `on_ready`."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the service while connections are open, so that clients receive the outcome; then stop uvicorn."""
        stopping = asyncio.create_task(self._service.stop())
        while not stopping.done() and not self.force_exit:
            await asyncio.wait([stopping], timeout=0.1)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: object) -> None:
        """Shut down on the first signal, without waiting on the second. The exit code is 0."""
        self.force_exit = self.should_exit
        self.should_exit = True

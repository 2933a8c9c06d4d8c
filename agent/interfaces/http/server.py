"""The process: uvicorn, started with an address on stderr, and stopped with care."""

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
    """A socket that listens there; port 0 is any that is free.

    Raises:
        InvalidInputError: where nobody can.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)  # asyncio sends at once on those it knows to be TCP
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
    """Where it listens, as a URL."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class Server(uvicorn.Server):
    """Runs an app until it is told to stop; then nothing is taken on, and what runs is finished or given back."""

    def __init__(self, app: FastAPI, *, on_ready: Callable[[], None] = lambda: None) -> None:
        self._service: Service = app.state.service
        super().__init__(
            uvicorn.Config(
                app,
                http=timed(self._service.config.request_timeout, error_response),
                log_config=None,  # the app has its own
                access_log=False,
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=5,
            )
        )
        # Words are read by threads in plain Python: the loop, which has to answer others, gets its turn sooner.
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Give back what waits and finish what is drawn, while those who wait can still be told."""
        stopping = asyncio.create_task(self._service.stop())
        while not stopping.done() and not self.force_exit:
            await asyncio.wait([stopping], timeout=0.1)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: object) -> None:
        """The first signal asks to stop; a second one not to wait. The process ends as one that is done."""
        self.force_exit = self.should_exit
        self.should_exit = True

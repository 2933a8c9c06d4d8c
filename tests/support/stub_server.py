"""`python stub_server.py HOST LEASE`: a server on loopback, for tests that kill it or change its host name.

Its engine draws pictures at once, but never finishes a picture that excludes "fog". The first line on stdout is its
address.
"""

import socket
import sys
import time
from collections.abc import Iterator

from notthat.agent import Studio
from notthat.agent.interfaces.http import ServerConfig, create_app
from notthat.agent.interfaces.http.server import Server, open_socket, socket_url
from notthat.agent.interfaces.http.telemetry.log import Log
from notthat.agent.interpreters import OfflineInterpreter
from notthat.agent.settings import Settings
from notthat.generation import GenerationRequest, Progress, StubEngine
from notthat.storage import LeaseTimes, Store


class EndlessEngine(StubEngine):
    """A stub engine that never finishes if fog is excluded."""

    def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
        steps = list(super().run(request))
        while "fog" in request.negative_prompt:
            time.sleep(0.01)
            yield steps[0]
        yield from steps


if __name__ == "__main__":
    host, seconds = sys.argv[1], float(sys.argv[2])
    socket.gethostname = lambda: host
    settings = Settings.load()
    store = Store.open(settings.database_url, home=settings.home, lease=LeaseTimes(seconds, seconds / 4))
    with Studio(store, OfflineInterpreter(), model="stub", load_engine=EndlessEngine) as studio:
        app = create_app(studio, ServerConfig(models=("stub",), grace=0.0), log=Log(sys.stderr))
        listening = open_socket("127.0.0.1", 0)
        Server(app, on_ready=lambda: print(socket_url(listening), flush=True)).run([listening])

"""Real servers on loopback, in a thread or a process of their own, and clients that speak to them."""

import asyncio
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from notthat.agent import Studio
from notthat.agent.interfaces.http import ServerConfig, create_app
from notthat.agent.interfaces.http.jobs.service import Service
from notthat.agent.interfaces.http.server import Server, open_socket, socket_url
from notthat.agent.interfaces.http.telemetry.log import Log
from notthat.agent.interpreters import Interpreter, OfflineInterpreter
from notthat.generation import Engine, GenerationRequest, Progress, StubEngine
from notthat.storage import LeaseTimes, Store

PATIENCE = 60.0
"""Seconds for anything to happen that has to: reached only where a test fails."""


class GatedEngine(StubEngine):
    """A stub whose every step waits until the test lets it go: `gate.set()` lets all go, `let_go()` one step."""

    def __init__(self, model: str = "stub") -> None:
        super().__init__(model)
        self.gate = threading.Event()
        self.steps = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        """Released once for each picture that is begun."""
        self.order: list[str] = []
        """The prompts of the pictures that were begun."""

    def let_go(self, steps: int = 1) -> None:
        """Let so many steps pass."""
        for _ in range(steps):
            self.steps.release()

    def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
        """As the stub does, a step at a time."""
        self.order.append(request.prompt)
        self.begun.release()
        for progress in super().run(request):
            while not self.gate.is_set() and not self.steps.acquire(timeout=0.01):
                pass
            yield progress


@dataclass
class Running:
    """A server that runs: its address, a client of it, and what it is made of."""

    url: str
    client: httpx.Client
    studio: Studio
    service: Service
    server: Server
    loop: asyncio.AbstractEventLoop
    log: io.StringIO = field(default_factory=io.StringIO)

    def begin(self, prompt: str = "a harbour at dawn", **more: Any) -> dict[str, Any]:
        """A new session's first turn."""
        return self.turn(self.client.post("/api/sessions", json={"prompt": prompt, "seed": 1, **more}))

    def say(self, session: str, feedback: str, **headers: str) -> dict[str, Any]:
        """The next turn."""
        answer = self.client.post(f"/api/sessions/{session}/turns", json={"feedback": feedback}, headers=headers)
        return self.turn(answer)

    def say_later(self, session: str, feedback: str) -> str:
        """Say something, and don't wait: the address of the turn's events."""
        answer = self.client.post(
            f"/api/sessions/{session}/turns", json={"feedback": feedback}, headers={"Prefer": "respond-async"}
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["events"])

    def turn(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def logged(self) -> list[dict[str, Any]]:
        """What the log says."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def stop(self) -> None:
        """Ask it to stop, and don't wait."""
        self.server.should_exit = True

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait for a state of the server's, looked at where it lives."""

        async def wait() -> None:
            async with asyncio.timeout(PATIENCE):
                while not is_so():
                    await asyncio.sleep(0.005)

        asyncio.run_coroutine_threadsafe(wait(), self.loop).result()


Serve = Callable[..., Running]


@contextmanager
def running(
    home: Path,
    engine: Engine | None,
    interpreter: Interpreter | None,
    loading: threading.Event | None = None,
    database: str | None = None,
    lease: LeaseTimes | None = None,
    wait: float = 30.0,
    images: str | None = None,
    **settings: Any,
) -> Iterator[Running]:
    """A server in a thread, stopped in the end; its engines are loaded once `loading` is set, where there is one.

    `database` is another one's address; `lease`, `wait` and `images` are those of `Store.open`.
    """

    def load_engine(model: str) -> Engine:
        assert loading is None or loading.wait(PATIENCE)
        return engine or StubEngine(model)

    log = io.StringIO()
    with Studio(
        Store.open(database, home=home, lease=lease, wait=wait, images=images),
        interpreter or OfflineInterpreter(),
        model="stub",
        load_engine=load_engine,
    ) as studio:
        app = create_app(
            studio,
            ServerConfig(**{"models": ("stub",), **settings}),
            log=Log(log, words=settings.get("log_words", False)),
        )
        listening = open_socket("127.0.0.1", 0)
        url = socket_url(listening)
        ready = threading.Event()
        loops: list[asyncio.AbstractEventLoop] = []
        server = Server(app, on_ready=ready.set)

        async def serve() -> None:
            loops.append(asyncio.get_running_loop())
            await server.serve([listening])

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        assert ready.wait(PATIENCE)
        try:
            with httpx.Client(base_url=url, timeout=PATIENCE) as client:
                yield Running(url, client, studio, app.state.service, server, loops[0], log)
        finally:
            server.should_exit = True
            if isinstance(engine, GatedEngine):
                engine.gate.set()
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.fixture
def serve(home: Path) -> Iterator[Serve]:
    """Starts a server on the test's home: `serve(engine, interpreter, queue=2, …)`, with any of `ServerConfig`'s
    fields.
    """
    with ExitStack() as opened:

        def start(engine: Engine | None = None, interpreter: Interpreter | None = None, **settings: Any) -> Running:
            return opened.enter_context(running(home, engine, interpreter, **settings))

        yield start


@pytest.fixture
def server(serve: Serve) -> Running:
    """A server whose engine is a stub."""
    return serve()


@pytest.fixture(scope="session")
def provided_spans() -> InMemorySpanExporter:
    """What OpenTelemetry's SDK, which a process can be given but once, was told of."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(provided_spans: InMemorySpanExporter) -> InMemorySpanExporter:
    """The spans of the test's own servers."""
    provided_spans.clear()
    return provided_spans


class Process:
    """`notthat serve` as a process of its own: its address, and its ends."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "notthat", "serve", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ},
        )
        assert self.process.stderr is not None
        self.ready = self.process.stderr.readline().strip()
        """The line that says where it is; or why it didn't start."""
        self.url = next((word for word in self.ready.split() if word.startswith("http://")), "")

    def end(self) -> tuple[int, str, str]:
        """Wait for its end: the exit code, and what else it printed."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


@pytest.fixture
def start_process() -> Iterator[Callable[..., Process]]:
    """Starts `notthat serve --port 0` with these arguments, and waits for its first line."""
    started: list[Process] = []

    def start(*arguments: str) -> Process:
        started.append(Process(*arguments))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()


def events(client: httpx.Client, url: str, after: str | None = None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The events of a turn as (id, name, data); close it to go away."""
    headers = {} if after is None else {"Last-Event-ID": after}
    with client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        name = identity = ""
        for line in answer.iter_lines():
            field_, _, value = line.partition(": ")
            if field_ == "id":
                identity = value
            elif field_ == "event":
                name = value
            elif field_ == "data":
                yield identity, name, json.loads(value)


ConnectOpenAI = Callable[..., OpenAI]


@pytest.fixture
def connect_openai() -> Iterator[ConnectOpenAI]:
    """OpenAI's own client of a running server, closed in the end: `connect_openai(server, max_retries=2)`."""
    with ExitStack() as opened:

        def connect(running: Running, key: str = "none", **options: Any) -> OpenAI:
            return opened.enter_context(
                OpenAI(base_url=f"{running.url}/v1", api_key=key, **{"max_retries": 0, "timeout": PATIENCE, **options})
            )

        yield connect

"""The tools over streamable HTTP: the official client, in both of its protocols, against a real server."""

import asyncio
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from io import BytesIO
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ImageContent, ResourceLink, TextContent
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from PIL import Image

from notthat.generation import GenerationRequest, Progress, StubEngine
from notthat.storage import KeyLimits

Serve = Callable[..., Any]
MODES = ["auto", "legacy"]

PATIENCE = 60.0
"""Seconds for anything to happen that has to: reached only where a test fails."""


class Gated(StubEngine):
    """A stub that waits before every step until its `gate` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
        for progress in super().run(request):
            yield progress
            self.gate.wait(PATIENCE)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, PATIENCE))


def host(running: Any, mode: Any, key: str | None = None) -> AbstractAsyncContextManager[Client]:
    """The official client, with a key where there is one."""

    @asynccontextmanager
    async def connected() -> Any:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http:
            transport = streamable_http_client(f"{running.url}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                yield client

    return connected()


def words(result: Any) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def as_url(image: Image.Image) -> str:
    file = BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("mode", MODES)
def test_a_host_talks_to_a_picture(server: Any, mode: Any) -> None:
    steps: list[tuple[float, float | None]] = []

    async def hear(done: float, total: float | None, message: str | None) -> None:
        steps.append((done, total))

    async def test() -> None:
        async with host(server, mode) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == [
                "start",
                "say",
                "undo",
                "show",
                "replay",
            ]
            first = await client.call_tool("start", {"prompt": "a harbour without boats", "seed": 4}, None, hear)
            turn = first.structured_content
            assert (turn["turn"], turn["negative"], turn["handoff"]) == (0, "boats", False)
            _, picture, link = first.content
            assert isinstance(picture, ImageContent)
            assert isinstance(link, ResourceLink)
            assert link.uri == turn["image"]
            assert link.uri.startswith(f"{server.url}/api/images/{turn['sha256']}.png?")
            assert httpx.get(link.uri).content == b64decode(picture.data)
            assert [done for done in steps if done[1]] == [(step, 4) for step in (1, 2, 3, 4)]

            session = turn["session"]
            said = await client.call_tool("say", {"session": session, "feedback": "no fog"})
            assert said.structured_content["negative"] == "boats, fog"
            undone = await client.call_tool("undo", {"session": session})
            assert undone.structured_content["turn"] == 0
            shown = await client.call_tool("show", {"session": session, "turn": 1})
            assert shown.structured_content["sha256"] == said.structured_content["sha256"]
            again = await client.call_tool("replay", {"session": session}, None, hear)
            assert again.structured_content["identical"] == 2
            assert steps[-2:] == [(1, 2), (2, 2)]
            refused = await client.call_tool("say", {"session": "0" * 16, "feedback": "no fog"})
            assert refused.is_error
            assert words(refused) == f"no session “{'0' * 16}”"

    run(test())
    assert {line["route"] for line in server.logged() if line["event"] == "request"} >= {"/mcp"}


def test_a_host_starts_from_a_picture(serve: Serve) -> None:
    running = serve()
    _, mine = running.studio.store.keys.add("mine")
    _, yours = running.studio.store.keys.add("yours")

    async def test() -> None:
        async with host(running, "auto", mine) as client:
            noise = Image.effect_noise((640, 640), 90).convert("RGB")  # larger than other bodies
            started = await client.call_tool("start", {"prompt": "a harbour", "picture": as_url(noise)})
            turn = started.structured_content
            assert (turn["turn"], turn["source"]["strength"]) == (0, 0.6)
            drawn = as_url(Image.open(BytesIO(b64decode(started.content[1].data))))
            said = await client.call_tool("start", {"prompt": "no fog", "picture": drawn})
            assert (said.structured_content["session"], said.structured_content["turn"]) == (turn["session"], 1)
            for arguments, line in [
                ({"picture": drawn, "guidance": 3.0}, f"guidance: this picture is turn 0 of session {turn['session']}"),
                ({"picture": "/etc/hostname"}, "picture: this server reads no path and no address"),
                ({"picture": "http://127.0.0.1:1/a.png"}, "picture: this server reads no path and no address"),
                ({"strength": 0.5}, "strength: it is about a picture"),
            ]:
                refused = await client.call_tool("start", {"prompt": "no fog", **arguments})
                assert refused.is_error
                assert words(refused).startswith(line)
        async with host(running, "auto", yours) as client:
            other = await client.call_tool("start", {"prompt": "a lighthouse", "picture": drawn})
            assert other.structured_content["session"] != turn["session"]
            assert other.structured_content["turn"] == 0

    run(test())


@pytest.mark.parametrize("mode", MODES)
def test_keys_and_their_limits_apply(serve: Serve, mode: Any) -> None:
    running = serve()
    _, mine = running.studio.store.keys.add("mine", policies=("quality",), limits=KeyLimits(steps=5))
    _, yours = running.studio.store.keys.add("yours")

    async def test() -> None:
        async with host(running, mode, mine) as client:
            turn = (await client.call_tool("start", {"prompt": "a harbour"})).structured_content
            assert {each["source"] for each in turn["exclusions"]} == {"policy:quality"}
            refused = await client.call_tool("start", {"prompt": "a harbour", "steps": 6})
            assert (refused.is_error, words(refused)) == (True, "steps: 6 is over the limit of 5")
        async with host(running, mode, yours) as client:
            refused = await client.call_tool("show", {"session": turn["session"]})
            assert (refused.is_error, words(refused)) == (True, f"no session “{turn['session']}”")

    run(test())
    for key in ({}, {"Authorization": "Bearer nt_wrong"}):
        answer = running.client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=key)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_host_that_asks_too_often_is_refused(serve: Serve) -> None:
    running = serve()
    _, key = running.studio.store.keys.add("mine", limits=KeyLimits(requests_per_minute=1))
    headers = {"Authorization": f"Bearer {key}"}
    statuses = [running.client.post("/mcp", headers=headers).status_code for _ in range(2)]
    assert statuses[1] == 429


@pytest.mark.parametrize("mode", MODES)
def test_a_full_queue_is_told_and_a_call_that_is_cancelled_frees_its_place(serve: Serve, mode: Any) -> None:
    engine = Gated()
    running = serve(engine, queue=1)

    async def test() -> None:
        drawing = asyncio.Event()

        async def hear(done: float, total: float | None, message: str | None) -> None:
            if total:
                drawing.set()

        async with host(running, mode) as client:
            first = asyncio.create_task(client.call_tool("start", {"prompt": "a harbour"}, None, hear))
            await drawing.wait()
            waiting = asyncio.create_task(client.call_tool("start", {"prompt": "a pier"}))
            await asyncio.to_thread(running.wait_until, lambda: len(running.service.jobs.list_waiting()) == 1)
            refused = await client.call_tool("start", {"prompt": "a boat"})
            assert refused.is_error
            assert words(refused).startswith("1 turns are waiting: try again in")
            for task in (waiting, first):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            engine.gate.set()
            await asyncio.to_thread(running.wait_until, lambda: not running.service.jobs.list_unfinished())

    run(test())
    assert {each.status for each in running.studio.store.attempts.all()} == {"cancelled"}


@pytest.mark.parametrize("mode", MODES)
def test_a_turn_is_traced_below_the_call_of_its_tool(server: Any, mode: Any, spans: InMemorySpanExporter) -> None:
    async def test() -> None:
        async with host(server, mode) as client:
            await client.call_tool("start", {"prompt": "a harbour"})

    run(test())
    server.wait_until(lambda: {"turn", "tools/call start"} <= {span.name for span in spans.get_finished_spans()})
    by_name = {span.name: span for span in spans.get_finished_spans()}
    turn, tool = by_name["turn"], by_name["tools/call start"]
    assert turn.parent is not None
    assert tool.parent is not None  # the host's own span
    assert (turn.parent.span_id, turn.context.trace_id) == (tool.context.span_id, tool.parent.trace_id)


def test_pages_of_other_origins_may_not_call(server: Any) -> None:
    answer = server.client.post("/mcp", headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403


def test_a_request_that_is_too_large_is_not_read(server: Any) -> None:
    assert server.client.post("/mcp", content=b"x" * ((32 << 20) + 1)).status_code == 413


def test_a_host_may_ask_for_a_negative_prompt_a_seed_and_steps_within_its_limits(serve: Serve) -> None:
    running = serve()
    _, token = running.studio.store.keys.add("host", limits=KeyLimits(steps=5))

    async def test() -> None:
        async with host(running, "auto", token) as client:
            asked: dict[str, Any] = {"prompt": "a harbour", "negative": "rain", "seed": 4, "steps": 3}
            first = (await client.call_tool("start", asked)).structured_content
            assert (first["negative"], first["seed"], first["steps"]) == ("rain", 4, 3)
            asked = {"session": first["session"], "feedback": "no fog", "negative": "gulls", "seed": 9, "steps": 5}
            said = (await client.call_tool("say", asked)).structured_content
            assert (said["negative"], said["seed"], said["steps"]) == ("rain, fog, gulls", 9, 5)
            for steps, line in [(6, "steps: 6 is over the limit of 5"), (0, "steps: input should be greater")]:
                refused = await client.call_tool("say", {**asked, "steps": steps})
                assert refused.is_error
                assert words(refused).startswith(line)

    run(test())


def test_a_host_may_ask_for_verification_and_stop_it(server: Any) -> None:
    async def test() -> None:
        async with host(server, "auto") as client:
            asked = {"prompt": "a harbour, no fog", "verify": True}
            first = (await client.call_tool("start", asked)).structured_content
            assert first["tries"] == 1
            said = {"session": first["session"], "feedback": "no rain", "verify": False}
            assert "tries" not in (await client.call_tool("say", said)).structured_content

    run(test())

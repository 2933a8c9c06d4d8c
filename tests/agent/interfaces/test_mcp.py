"""The tools over stdio: a real `notthat mcp`, spoken to by the official client in both of its protocols."""

import asyncio
import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Coroutine, Generator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp_types import CallToolResult, ImageContent, ResourceLink, TextContent
from PIL import Image

from notthat.agent import Conversation, Studio
from notthat.agent.interfaces.mcp import StudioBackend, create_mcp_server
from notthat.generation import GenerationRequest, Progress, StubEngine

OpenStudio = Callable[..., Studio]

PATIENCE = 300.0
"""Seconds for anything to happen that has to, a process that loads a model included: reached only on failure."""


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, PATIENCE))


def notthat(*arguments: str) -> StdioServerParameters:
    """`notthat mcp` with the test's environment, of which a host hands on little by itself."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    return StdioServerParameters(command=sys.executable, args=["-m", "notthat", "mcp", *arguments], env=environment)


def words(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_host_talks_to_a_picture(mode: Any, model_folder: Path) -> None:
    steps: list[tuple[float, float | None, str | None]] = []

    async def hear(done: float, total: float | None, message: str | None) -> None:
        steps.append((done, total, message))

    async def test() -> None:
        server = notthat("--model", str(model_folder), "--policy", "quality")
        async with Client(server, mode=mode) as client:
            assert "the user's own words" in (client.instructions or "")
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert list(tools) == ["start", "say", "undo", "show", "replay"]
            assert tools["say"].input_schema["required"] == ["session", "feedback"]

            first = await client.call_tool("start", {"prompt": "a harbour without boats", "seed": 4}, None, hear)
            assert steps == [(k, 3, f"step {k} of 3") for k in (1, 2, 3)]
            turn = first.structured_content
            assert (turn["turn"], turn["seed"], turn["prompt"]) == (0, 4, "a harbour")
            assert {e["source"] for e in turn["exclusions"]} == {"policy:quality", "user"}
            text, picture, link = first.content
            assert isinstance(text, TextContent)
            assert text.text.endswith(f"Picture: {turn['image']}")
            assert isinstance(picture, ImageContent)
            assert Image.open(BytesIO(b64decode(picture.data))).size == (32, 32)
            assert isinstance(link, ResourceLink)
            assert link.uri == turn["image"]
            assert Path(link.uri.removeprefix("file://")).read_bytes() == b64decode(picture.data)

            session = turn["session"]
            said = await client.call_tool("say", {"session": session, "feedback": "no fog"}, None, hear)
            assert len(steps) == 6
            assert said.structured_content["edits"] == [{"op": "exclude", "term": "fog", "weight": 1.0}]
            assert "fog (1) since turn 1: “no fog”" in words(said)
            undone = await client.call_tool("undo", {"session": session})
            assert (undone.structured_content["turn"], undone.is_error) == (0, False)
            shown = await client.call_tool("show", {"session": session, "turn": 1})
            assert shown.structured_content == said.structured_content | {"reply": shown.structured_content["reply"]}
            again = await client.call_tool("replay", {"session": session}, None, hear)
            assert again.structured_content["identical"] == 2
            assert words(again).splitlines()[0] == "2 of 2 turns are identical."
            assert steps[-1] == (6, None, "step 3 of 3")

    run(test())


def test_a_refusal_is_one_line(studio: Studio) -> None:
    async def test() -> None:
        async with Client(create_mcp_server(lambda _: StudioBackend(studio))) as client:
            for tool, arguments, line in [
                ("say", {"session": "0123", "feedback": "no fog"}, "no session “0123”: see notthat sessions"),
                ("say", {"session": "0123"}, "feedback: Field required"),
                ("start", {"prompt": "a man", "modle": "x"}, "modle: Extra inputs are not permitted"),
                (
                    "start",
                    {"prompt": "a man", "steps": 0},
                    "--steps: input should be greater than or equal to 1, not 0",
                ),
                ("start", {"prompt": "a man", "policies": ["none"]}, "no policy “none”"),
                ("undo", {"session": "0123", "turns": 0}, "turns: Input should be greater than or equal to 1"),
            ]:
                refused = await client.call_tool(tool, arguments)
                assert refused.is_error
                assert words(refused).startswith(line)
            with pytest.raises(MCPError, match="unknown tool “draw”: use start, say, undo, show, replay"):
                await client.call_tool("draw", {})

    run(test())


def test_a_session_starts_from_a_file(studio: Studio, tmp_path: Path) -> None:
    file = tmp_path / "mine.png"
    Image.new("RGB", (64, 48), "red").save(file)

    async def test() -> None:
        async with Client(create_mcp_server(lambda _: StudioBackend(studio))) as client:
            started = await client.call_tool("start", {"prompt": "a harbour", "picture": str(file), "strength": 0.5})
            turn = started.structured_content
            assert turn is not None
            assert (turn["turn"], turn["source"]["strength"]) == (0, 0.5)
            drawn = str(studio.store.turn(turn["session"]).image)
            said = await client.call_tool("start", {"prompt": "no fog", "picture": drawn, "seed": 9})
            assert said.structured_content is not None
            assert [said.structured_content[name] for name in ("session", "turn", "seed")] == [turn["session"], 1, 9]
            for picture, line in [
                (str(tmp_path / "none.png"), f"{tmp_path / 'none.png'} can't be read"),
                ("http://127.0.0.1:1/a.png", "the picture: no address is fetched"),
                ("file:///etc/hostname", "the picture: no address is fetched"),
            ]:
                refused = await client.call_tool("start", {"prompt": "a harbour", "picture": picture})
                assert refused.is_error
                assert words(refused).startswith(line)

    run(test())


def test_a_call_that_is_cancelled_stops_its_drawing(open_studio: OpenStudio) -> None:
    studio = open_studio(StubEngine(seconds_per_step=0.01))
    session = Conversation.start("a harbour", studio, steps=100).id

    async def test() -> None:
        drawing = asyncio.Event()

        async def hear(done: float, total: float | None, message: str | None) -> None:
            drawing.set()

        async with Client(create_mcp_server(lambda _: StudioBackend(studio))) as client:
            said = asyncio.create_task(client.call_tool("say", {"session": session, "feedback": "no fog"}, None, hear))
            await drawing.wait()
            said.cancel()
            with pytest.raises(asyncio.CancelledError):
                await said
            shown = await client.call_tool("show", {"session": session})
            assert shown.structured_content["turn"] == 0

    run(test())
    assert [(each.status, each.turn.feedback) for each in studio.store.attempts.all()] == [("cancelled", "no fog")]


def test_a_large_picture_is_shown_smaller_and_linked_whole(studio: Studio) -> None:
    conversation = Conversation.start("a harbour", studio, request={"width": 2048, "height": 1536})
    Image.effect_noise((2048, 1536), 90).convert("RGB").save(conversation.head.image)

    async def test() -> None:
        async with Client(create_mcp_server(lambda _: StudioBackend(studio))) as client:
            shown = await client.call_tool("show", {"session": conversation.id})
            picture = shown.content[1]
            assert isinstance(picture, ImageContent)
            assert picture.mime_type == "image/jpeg"
            assert Image.open(BytesIO(b64decode(picture.data))).size == (1024, 768)
            conversation.head.image.unlink()
            gone = await client.call_tool("show", {"session": conversation.id})
            assert gone.is_error
            assert words(gone).startswith("the picture")

    run(test())


def test_unexpected_errors_are_logged_and_hidden_from_the_host(
    open_studio: OpenStudio, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(StubEngine):
        def run(self, request: GenerationRequest) -> Generator[Progress]:
            raise RuntimeError("/secret/place")

    async def test() -> None:
        async with Client(create_mcp_server(lambda _: StudioBackend(open_studio(Broken())))) as client:
            refused = await client.call_tool("start", {"prompt": "a harbour"})
            assert refused.is_error
            assert words(refused) == "Unexpected error: see the log of the server."

    run(test())
    assert "/secret/place" in caplog.text


def test_an_unknown_policy_is_refused_at_start() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "notthat", "mcp", "--policy", "none"], capture_output=True, text=True, check=False
    )
    assert process.returncode == 2
    assert process.stderr.startswith("notthat: no policy “none”: there are ")
    assert process.stdout == ""


def test_without_its_package_it_says_what_to_install() -> None:
    script = "import sys; sys.modules['mcp_types'] = None; from notthat.agent.interfaces.cli.main import main; main()"
    process = subprocess.run([sys.executable, "-c", script, "mcp"], capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert process.stderr == "notthat: mcp_types is not installed: pip install 'notthat[serve]'\n"


def test_the_configuration_that_the_help_shows_is_json() -> None:
    from notthat.agent.interfaces.cli import mcp

    _, shown = (mcp.mcp.__doc__ or "").split("Example:")
    assert json.loads(shown)["mcpServers"]["notthat"]["args"][0] == "mcp"


def test_a_host_may_ask_for_a_negative_prompt_a_seed_and_steps(studio: Studio) -> None:
    async def test() -> None:
        async with Client(create_mcp_server(lambda _: StudioBackend(studio))) as client:
            asked: dict[str, Any] = {"prompt": "a harbour", "negative": "rain, (boats:1.3)", "seed": 4, "steps": 3}
            first = (await client.call_tool("start", asked)).structured_content
            assert (first["negative"], first["seed"], first["steps"]) == ("rain, (boats:1.3)", 4, 3)
            session = first["session"]
            asked = {"session": session, "feedback": "no fog", "negative": "gulls", "seed": 9, "steps": 2}
            said = (await client.call_tool("say", asked)).structured_content
            assert (said["negative"], said["seed"], said["steps"]) == ("rain, (boats:1.3), fog, gulls", 9, 2)
            assert [edit["op"] for edit in said["edits"]] == ["exclude", "exclude"]
            more = (await client.call_tool("say", {"session": session, "feedback": "no hat"})).structured_content
            assert (more["seed"], more["steps"], more["turn"]) == (9, 2, 2)
            praise = {"session": session, "feedback": "I love it", "seed": 10}
            assert (await client.call_tool("say", praise)).structured_content["turn"] == 3
            again = await client.call_tool("replay", {"session": session})
            assert again.structured_content["identical"] == 4
            for more, line in [
                ({"steps": 0}, "--steps: input should be greater than or equal to 1, not 0"),
                ({"seed": -1}, "--seed"),
                ({"negative": "fog, " * 500}, "negative: String should have at most 2000 characters"),
            ]:
                refused = await client.call_tool("say", {"session": session, "feedback": "no fog", **more})
                assert refused.is_error
                assert words(refused).startswith(line)
            assert len(studio.store.turns(session)) == 4

    run(test())


def test_a_host_may_ask_for_verification_and_stop_it(studio: Studio) -> None:
    async def test() -> None:
        async with Client(create_mcp_server(lambda _: StudioBackend(studio))) as client:
            asked: dict[str, Any] = {"prompt": "a harbour, no fog", "verify": True, "tries": 1}
            first = (await client.call_tool("start", asked)).structured_content
            assert (first["tries"], first["exclusions"][0]["verdict"]) == (1, "unknown")
            said = {"session": first["session"], "feedback": "no rain", "verify": False}
            assert "tries" not in (await client.call_tool("say", said)).structured_content
            assert (await client.call_tool("start", {**asked, "tries": 9})).is_error

    run(test())

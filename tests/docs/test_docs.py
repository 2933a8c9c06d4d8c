"""Every command in the documents works: their code blocks are run from top to bottom, as a reader would."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from documents import DOCS, blocks, environment_with_commands, serving
from llm_server import Server, send_message
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

README = Path(__file__).parents[2] / "README.md"
PATIENCE = 600.0
"""Seconds for a whole document. Only reached if a test fails."""

Run = Callable[..., str]


def sections(document: Path) -> dict[str, str]:
    """The text below each heading. The text before the first heading has the key ""."""
    parts = re.split(r"^##? (.*)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(["", *parts[1::2]], parts[::2], strict=True))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Also makes `~` a folder of the test."""
    (tmp_path / "docs").symlink_to(DOCS)
    return {**environment_with_commands(tmp_path / "bin"), "HOME": str(tmp_path), "NOTTHAT_MODEL": "mini"}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """Runs commands in the test's folder. The first command that fails fails the test."""

    def run(script: str, command: str = "bash -euxo pipefail -c", **more: str) -> str:
        process = subprocess.run(
            [*command.split(), script],
            cwd=tmp_path,
            env={**environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert process.returncode == 0, process.stderr[-3000:]
        return process.stdout if command.startswith("python") else process.stdout + process.stderr

    return run


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "policies",
            [
                "“text” stays excluded, as policy nursery asks.",
                "“knife” can't be asked for: the policy “nursery” forbids it",
            ],
        ),
        ("models", ["notthat/models/mine", '"steps": 12']),
        ("cli", ["Excluded “cartoon”.", '"op": "exclude"', "watermark"]),
        ("storage", ["watermark|1.0"]),
        ("verification", ['["mustache","', "tries identical", "“bad vibes” is gone"]),
        ("configuration", ["Excluded “dark”."]),
        ("image-to-image", ["second/1.png"]),
    ],
)
def test_the_commands_of_a_document_work(name: str, expected: list[str], run: Run) -> None:
    script = "".join(blocks((DOCS / f"{name}.md").read_text(encoding="utf-8"), "sh"))
    assert "notthat " in script
    printed = run(script)
    for text in expected:
        assert text in printed


def test_the_program_of_the_engine_page_works(run: Run, tmp_path: Path) -> None:
    (program,) = blocks((DOCS / "engine.md").read_text(encoding="utf-8"), "python")
    assert re.search(r"\b(\d+) of \1\b", run(program, "python -c"))
    assert (tmp_path / "portrait.png").read_bytes().startswith(b"\x89PNG")


def test_the_programs_of_the_readme_work(run: Run) -> None:
    """One process for all scripts, because each loads a model."""
    said = run("\n".join(blocks(README.read_text(encoding="utf-8"), "python")), "python -W error::ResourceWarning -c")
    assert said.count("Excluded “cartoon”.") == 2
    assert len(re.findall(r"step (\d+) of \1\b", said)) == 2


# Embedding


@pytest.fixture
def embedding(environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """The sections of the document, with the port of the server that its first block starts."""
    with serving(environment, tmp_path) as port:
        text = {name: each.replace("8000", port) for name, each in sections(DOCS / "embedding.md").items()}
        (serve, _) = blocks(text["Embedding notthat"], "sh")
        assert serve == f"notthat serve --port {port}\n"
        yield text


@pytest.fixture
def key(embedding: dict[str, str], run: Run, tmp_path: Path) -> str:
    """The API key that the document creates."""
    (_, add) = blocks(embedding["Embedding notthat"], "sh")
    run(f'{add}\nprintf %s "$KEY" > key')
    return (tmp_path / "key").read_text()


def test_the_support_bot_and_all_that_needs_another_address(
    embedding: dict[str, str], key: str, run: Run, tmp_path: Path
) -> None:
    """One test, because starting the server is slow."""
    by_hand, bot = blocks(embedding["A support bot"], "sh")
    said = run(by_hand, KEY=key)
    assert '"reply": "Excluded “cartoon”."' in said
    said = run(bot, KEY=key)
    assert "Excluded “hat”." in said
    assert "A colleague will be with you shortly." in said

    said = run("\n".join(blocks(embedding["Programs that speak to OpenAI"], "python")), "python -c", KEY=key)
    assert said.splitlines()[0].startswith("Excluded “dark”. http://127.0.0.1:")
    assert "mustache, glasses, hat\n" in said
    assert "Excluded “hat”.\n\n![turn 2](http://127.0.0.1:" in said

    drawn, changed = blocks(embedding["Programs that speak to AUTOMATIC1111's web UI"], "sh")
    said = run(drawn, KEY=key)
    assert "Negative prompt: " in said
    assert "mustache, blurry" in said
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert run(changed, KEY=key).startswith("0.5\n")

    asyncio.run(asyncio.wait_for(_lists_the_tools(embedding, key, run), PATIENCE))


async def _lists_the_tools(embedding: dict[str, str], key: str, run: Run) -> None:
    """Both configurations, as an MCP host reads them."""
    configurations = blocks(embedding["Hosts of the Model Context Protocol"], "json")
    here, there = (json.loads(each)["mcpServers"]["notthat"] for each in configurations)
    assert here["command"] == "notthat"
    process = StdioServerParameters(
        command=sys.executable, args=["-m", "notthat", *here["args"]], env={**os.environ, "NOTTHAT_MODEL": "mini"}
    )
    headers = {name: value.replace("KEY", key) for name, value in there["headers"].items()}
    async with create_mcp_http_client(headers=headers) as http:
        for server in (process, streamable_http_client(there["url"], http_client=http)):
            async with Client(server) as client:
                assert [tool.name for tool in (await client.list_tools()).tools][:2] == ["start", "say"]


def test_the_programs_that_draw_in_their_own_process(run: Run) -> None:
    text = sections(DOCS / "embedding.md")

    def use_the_tool(handler: BaseHTTPRequestHandler) -> None:
        arguments = json.dumps({"words": "portrait of a man without mustache"})
        call = {"id": "1", "type": "function", "function": {"name": "picture", "arguments": arguments}}
        send_message(handler, {"tool_calls": [call]}, "tool_calls")

    server = Server()
    server.say(use_the_tool, lambda handler: send_message(handler, {"content": "Here it is."}))
    (agent,) = blocks(text["LangChain"], "python")
    program = "".join(blocks(text["Python"], "python"))
    openai = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "NOTTHAT_INTERPRETER": "offline"}
    try:
        said = run(f"{agent}\n{program}", "python -c", **openai)
    finally:
        server.close()
    assert "mustache (1) since turn 0: “portrait of a man without mustache”" in said
    assert "Excluded “cartoon”." in said
    assert "Back one turn." in said
    assert re.search(r"Without “mustache”, \S+ of the pixels change visibly. \d", said)

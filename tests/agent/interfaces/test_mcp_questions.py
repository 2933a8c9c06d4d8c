"""A question in an MCP host: asked by elicitation where the host can, else passed on as text; and in LangChain."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from asking import AskingInterpreter
from mcp import Client
from mcp_types import CallToolResult, ElicitResult, TextContent

from notthat.agent import Studio
from notthat.agent.interfaces.langchain_tool import create_picture_tool
from notthat.agent.interfaces.mcp import StudioBackend, create_mcp_server

OpenStudio = Callable[..., Studio]

PATIENCE = 60.0
"""Seconds for anything to happen that has to: reached only where a test fails."""
MODES = ["auto", "legacy"]


class Person:
    """Answers what a host asks, and remembers it."""

    def __init__(self, **content: Any) -> None:
        self.content = content
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def answer(self, _: Any, params: Any) -> ElicitResult:
        """Accept with the content, or decline without one."""
        self.asked.append((params.message, params.requested_schema["properties"]["answer"]))
        return ElicitResult(action="accept", content=self.content) if self.content else ElicitResult(action="decline")


@pytest.fixture
def studio(open_studio: OpenStudio) -> Studio:
    """A studio whose interpreter asks."""
    return open_studio(interpreter=AskingInterpreter())


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, PATIENCE))


def text(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


async def say(client: Client, feedback: str) -> CallToolResult:
    """What feedback on a new session's picture comes to."""
    first = await client.call_tool("start", {"prompt": "a man", "seed": 1})
    return await client.call_tool("say", {"session": first.structured_content["session"], "feedback": feedback})


@pytest.mark.parametrize("mode", MODES)
def test_a_host_that_can_ask_its_user_asks(studio: Studio, mode: Any) -> None:
    person = Person(answer=True)

    async def test() -> None:
        server = create_mcp_server(lambda _: StudioBackend(studio))
        async with Client(server, mode=mode, elicitation_callback=person.answer) as client:
            turn = (await say(client, "hm, that beard")).structured_content
            assert person.asked == [("Leave out “beard”?", {"title": "Leave out “beard”?", "type": "boolean"})]
            assert (turn["turn"], turn["negative"], turn["question"]) == (1, "beard", None)
            assert turn["exclusions"][0]["words"] == "hm, that beard"

    run(test())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("choice", "negative"), [("scarf", "scarf"), ("none of them", "")])
def test_a_choice_is_made_from_a_list(studio: Studio, mode: Any, choice: str, negative: str) -> None:
    person = Person(answer=choice)

    async def test() -> None:
        server = create_mcp_server(lambda _: StudioBackend(studio))
        async with Client(server, mode=mode, elicitation_callback=person.answer) as client:
            turn = (await say(client, "that thing on him")).structured_content
            assert person.asked[0][1]["enum"] == ["hat", "scarf", "none of them"]
            assert (turn["negative"], turn["question"]) == (negative, None)

    run(test())


@pytest.mark.parametrize("mode", MODES)
def test_a_question_that_the_user_declines_stays_open(studio: Studio, mode: Any) -> None:
    async def test() -> None:
        server = create_mcp_server(lambda _: StudioBackend(studio))
        async with Client(server, mode=mode, elicitation_callback=Person().answer) as client:
            asked = await say(client, "hm, that beard")
            assert asked.structured_content["question"]["text"] == "Leave out “beard”?"
            session = asked.structured_content["session"]
            made = await client.call_tool("say", {"session": session, "feedback": "yes"})
            assert made.structured_content["negative"] == "beard"

    run(test())


@pytest.mark.parametrize("mode", MODES)
def test_a_host_that_cannot_ask_gets_the_question_as_text(studio: Studio, mode: Any) -> None:
    async def test() -> None:
        async with Client(create_mcp_server(lambda _: StudioBackend(studio)), mode=mode) as client:
            asked = await say(client, "that thing on him")
            assert "ask the user “Leave out “hat” or “scarf”?” (1 hat, 2 scarf, n)" in text(asked)
            session = asked.structured_content["session"]
            made = await client.call_tool("say", {"session": session, "feedback": "the hat"})
            assert made.structured_content["negative"] == "hat"

    run(test())


def test_a_langchain_agent_gets_the_question_as_text(studio: Studio) -> None:
    tool = create_picture_tool(studio)
    call = {"type": "tool_call", "id": "1", "name": "picture"}
    first = tool.invoke({**call, "args": {"words": "a man"}})
    session = first.artifact["session"]
    asked = tool.invoke({**call, "args": {"words": "hm, that beard", "session": session}})
    assert "ask the user “Leave out “beard”?” (y/n), and pass the answer on as feedback" in asked.content
    assert asked.artifact["question"]["choose"] is False
    made = tool.invoke({**call, "args": {"words": "yes", "session": session}})
    assert made.artifact["negative"] == "beard"

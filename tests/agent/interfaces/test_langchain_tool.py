"""The LangChain tool, used by an agent whose model is scripted on a real server."""

import asyncio
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_openai import ChatOpenAI
from llm_server import Send, Server, send_message
from PIL import Image

from notthat.agent import Studio
from notthat.agent.interfaces.langchain_tool import create_picture_tool
from notthat.generation import StubEngine

OpenStudio = Callable[..., Studio]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def agent(server: Server, studio: Studio, **options: Any) -> Any:
    model = ChatOpenAI(model="scripted", base_url=server.url, api_key="none", max_retries=0)
    return create_agent(model, [create_picture_tool(studio, **options)])


def calls(*arguments: dict[str, Any]) -> Send:
    """A model that uses the tool, once for each of these arguments."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        tools = [
            {
                "id": f"call_{k}",
                "type": "function",
                "function": {"name": "picture", "arguments": json.dumps(each)},
            }
            for k, each in enumerate(arguments)
        ]
        send_message(handler, {"tool_calls": tools}, "tool_calls")

    return send


def says(text: str) -> Send:
    return lambda handler: send_message(handler, {"content": text})


def go_on(server: Server, *words: str) -> Send:
    """A model that reads the session in the tool's last answer, and says these words of it, a call each."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        told = server.requests[-1]["messages"][-1]["content"]
        session = told.split("Session ")[1].split(",")[0]
        calls(*({"words": each, "session": session} for each in words))(handler)

    return send


def answers(state: dict[str, Any]) -> list[ToolMessage]:
    return [message for message in state["messages"] if isinstance(message, ToolMessage)]


def test_an_agent_draws_and_mends_a_picture(server: Server, studio: Studio) -> None:
    server.say(calls({"words": "a harbour without boats"}), go_on(server, "no fog"), says("Here it is, without fog."))
    state = agent(server, studio, policies=["quality"], seed=4).invoke(
        {"messages": [("user", "a harbour, no boats please")]}
    )
    assert state["messages"][-1].content == "Here it is, without fog."

    first, second = answers(state)
    assert (first.artifact["turn"], first.artifact["seed"], first.artifact["prompt"]) == (0, 4, "a harbour")
    assert {e["source"] for e in first.artifact["exclusions"]} == {"policy:quality", "user"}
    assert second.artifact["session"] == first.artifact["session"]
    assert second.artifact["edits"] == [{"op": "exclude", "term": "fog", "weight": 1.0}]
    assert Path(second.artifact["image"]).is_file()
    assert second.content.splitlines()[:2] == [
        "Excluded “fog”.",
        f"Session {second.artifact['session']}, turn 1: “a harbour”, seed 4.",
    ]
    assert "fog (1) since turn 1: “no fog”" in second.content
    assert server.requests[-1]["messages"][-1]["content"] == second.content
    (function,) = [tool["function"] for tool in server.requests[0]["tools"]]
    assert function["parameters"]["required"] == ["words"]


@pytest.mark.parametrize("is_async", [False, True])
def test_an_agent_starts_from_a_picture(server: Server, studio: Studio, tmp_path: Path, is_async: bool) -> None:
    file = tmp_path / "mine.png"
    Image.new("RGB", (64, 48), "red").save(file)

    def use(*arguments: dict[str, Any]) -> ToolMessage:
        server.say(calls(*arguments), says("Done."))
        state = {"messages": [("user", "change my picture")]}
        chain = agent(server, studio)
        (answer,) = answers(asyncio.run(chain.ainvoke(state)) if is_async else chain.invoke(state))
        return answer

    first = use({"words": "a harbour", "picture": str(file)}).artifact
    assert (first["turn"], first["source"]["strength"]) == (0, 0.6)
    second = use({"words": "no fog", "picture": first["image"], "session": ""}).artifact
    assert (second["session"], second["turn"]) == (first["session"], 1)
    assert "not both" in str(use({"words": "no fog", "picture": str(file), "session": first["session"]}).content)


def test_a_refusal_is_reported_to_the_model(server: Server, studio: Studio) -> None:
    server.say(calls({"words": "no fog", "session": "0123456789abcdef"}), says("I can't find it."))
    state = agent(server, studio).invoke({"messages": [("user", "no fog")]})
    (answer,) = answers(state)
    assert (answer.status, answer.artifact) == ("error", None)
    assert answer.content == "no session “0123456789abcdef”: see notthat sessions"


def test_a_model_that_asks_for_two_things_at_once_gets_both(server: Server, open_studio: OpenStudio) -> None:
    studio = open_studio(StubEngine(seconds_per_step=0.01))
    server.say(calls({"words": "a harbour", "session": ""}), go_on(server, "no fog", "no boats"), says("Done."))

    async def test() -> dict[str, Any]:
        state: dict[str, Any] = await agent(server, studio).ainvoke({"messages": [("user", "a harbour")]})
        return state

    state = asyncio.run(test())
    last = max(answers(state), key=lambda each: each.artifact["turn"]).artifact
    assert sorted(e["term"] for e in last["exclusions"]) == ["boats", "fog"]
    assert [(turn.number, turn.parent) for turn in studio.store.turns(last["session"])] == [(0, None), (1, 0), (2, 1)]


def test_an_agents_pictures_are_verified_if_the_tool_is_made_so(server: Server, studio: Studio) -> None:
    server.say(calls({"words": "a harbour without boats"}), says("Perhaps without boats."))
    state = agent(server, studio, verification=True).invoke({"messages": [("user", "a harbour, no boats please")]})
    (answer,) = answers(state)
    assert (answer.artifact["tries"], answer.artifact["exclusions"][0]["verdict"]) == (1, "unknown")
    assert "No judge can tell whether “boats” is gone." in answer.content

"""Words that say nothing, or too much: every interface refuses them alike."""

import asyncio
from typing import Any

import httpx
import pytest

from notthat.agent.terms import is_printable

from ..conftest import Running
from .compat.test_mcp_http import host, words

EMPTY = "the prompt is empty: say what the picture should show"
TOO_LONG = "the prompt is too long: 2400 characters, and at most 2000 are read"

NOTHING = {
    "empty": "",
    "blank": "  ",
    "line breaks": "\r\n\t",
    "NUL": "\0",
    "a control character": "\x1b",
    "a zero-width space": "\u200b",
    "a word joiner": "\u2060",
    "a byte order mark": " \ufeff",
    "a joiner": "\u200d",
    "a variation selector": "\ufe0f",
    "a Hangul filler": "\u3164",
}


def faces(client: httpx.Client, prompt: str) -> dict[str, httpx.Response]:
    """What each of the HTTP interfaces answers to a first prompt."""
    message = {"role": "user", "content": prompt}
    bodies: dict[str, dict[str, Any]] = {
        "/api/sessions": {"prompt": prompt},
        "/v1/images/generations": {"prompt": prompt},
        "/v1/chat/completions": {"messages": [message]},
        "/sdapi/v1/txt2img": {"prompt": prompt},
    }
    return {path: client.post(path, json=body) for path, body in bodies.items()}


def code_of(answer: httpx.Response) -> tuple[str, str]:
    """The problem's name, and the line that tells it."""
    body = answer.json()
    if "error" in body:
        return body["error"]["code"], body["error"]["message"]
    return body["type"].removeprefix("urn:notthat:problem:"), body["detail"]


def told_by_mcp(server: Running, tool: str, arguments: dict[str, Any]) -> str:
    """The line of a tool's refusal."""

    async def ask() -> str:
        async with host(server, "auto") as client:
            result = await client.call_tool(tool, arguments)
            assert result.is_error
            return words(result)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [*((prompt, EMPTY) for prompt in NOTHING.values()), ("weather " * 300 + "x", TOO_LONG.replace("2400", "2401"))],
    ids=[*NOTHING, "too long"],
)
def test_a_prompt_that_says_nothing_or_too_much_is_refused_alike(server: Running, prompt: str, reason: str) -> None:
    for path, answer in faces(server.client, prompt).items():
        assert (path, answer.status_code, *code_of(answer)) == (path, 400, "refused", reason)
    assert told_by_mcp(server, "start", {"prompt": prompt}) == reason
    assert server.studio.store.sessions() == []


@pytest.mark.parametrize("feedback", ["", "  ", "\0", "\u200b", "\ufe0f"])
def test_feedback_that_says_nothing_is_refused_alike(server: Running, feedback: str) -> None:
    session = server.begin()["session"]
    chat = {"session": session, "messages": [{"role": "user", "content": feedback}]}
    answers = [
        server.client.post(f"/api/sessions/{session}/turns", json={"feedback": feedback}),
        server.client.post("/v1/images/generations", json={"prompt": feedback, "session": session}),
        server.client.post("/v1/chat/completions", json=chat),
    ]
    reason = "the feedback is empty: say what is wrong with the picture"
    assert [(answer.status_code, *code_of(answer)) for answer in answers] == [(400, "refused", reason)] * 3
    assert told_by_mcp(server, "say", {"session": session, "feedback": feedback}) == reason


@pytest.mark.parametrize(
    "prompt", ['a man without "watermark"', "a man without “watermark”", "a man\0 without\u200b watermark"]
)
def test_quotes_and_unseen_characters_keep_no_interface_from_a_first_picture(server: Running, prompt: str) -> None:
    for path, answer in faces(server.client, prompt).items():
        assert (path, answer.status_code) == (path, 200)
    for session in server.studio.store.sessions():
        turn = server.studio.store.turn(session.id)
        assert (turn.prompt, turn.negative) == ("a man", "watermark")


@pytest.mark.parametrize("name", ["qual\u202eity", "a\x1b[31mb", "x\u200by\u2066z"])
def test_a_name_in_a_refusal_has_no_invisible_characters(server: Running, name: str) -> None:
    message = {"role": "user", "content": "a harbour"}
    answers = [
        server.client.post("/api/sessions", json={"prompt": "a harbour", "policies": [name]}),
        server.client.post("/api/sessions", json={"prompt": "a harbour", "model": name}),
        server.client.post("/v1/chat/completions", json={"model": name, "messages": [message]}),
    ]
    for answer in answers:
        assert answer.status_code in (400, 404)
        assert is_printable(code_of(answer)[1])

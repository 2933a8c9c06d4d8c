"""A question in a chat: plain text without a picture, which the next message answers."""

from typing import Any

import pytest
from asking import AskingInterpreter
from openai import OpenAI

from ...conftest import ConnectOpenAI, Running, Serve


@pytest.fixture
def server(serve: Serve) -> Running:
    """A server whose interpreter asks."""
    return serve(interpreter=AskingInterpreter())


@pytest.fixture
def client(server: Running, connect_openai: ConnectOpenAI) -> OpenAI:
    return connect_openai(server)


class Chat:
    """A chat whose history is sent back as the client has it; `strips` it of pictures, as some clients do."""

    def __init__(self, client: OpenAI, *, strips: bool = False, **options: Any) -> None:
        self._client, self._strips, self._options = client, strips, options
        self.messages: list[Any] = []

    def say(self, words: str) -> str:
        """The reply to a message."""
        self.messages.append({"role": "user", "content": words})
        answer = self._client.chat.completions.create(model="stub", messages=self.messages, **self._options)
        content = str(answer.choices[0].message.content)
        self.messages.append({"role": "assistant", "content": content.split("\n")[0] if self._strips else content})
        return content


def terms(server: Running) -> list[tuple[str, str]]:
    """The exclusions of the only session, with their words."""
    (session,) = server.studio.store.sessions()
    return [(each.term, each.words) for each in server.studio.store.turn(session.id).exclusions]


@pytest.mark.parametrize("strips", [False, True])
def test_the_next_message_answers_the_question(server: Running, client: OpenAI, strips: bool) -> None:
    chat = Chat(client, strips=strips)
    chat.say("a man")
    assert chat.say("no fog, and hm, that beard") == "Leave out “beard”?"
    assert "![turn 1]" in chat.say("yes")
    assert terms(server) == [("fog", "no fog, and hm, that beard"), ("beard", "no fog, and hm, that beard")]
    assert "![turn 2]" in chat.say("no scarf")


def test_a_session_that_is_named_is_asked_too(server: Running, client: OpenAI) -> None:
    session = server.begin("a man")["session"]
    chat = Chat(client, extra_body={"session": session})
    assert chat.say("hm, that beard") == "Leave out “beard”?"
    chat.say("yes, and no scarf")
    assert terms(server) == [("beard", "hm, that beard"), ("scarf", "yes, and no scarf")]


def test_a_question_that_was_edited_away_leaves_nothing(server: Running, client: OpenAI) -> None:
    chat = Chat(client)
    chat.say("a man")
    chat.say("no fog, and hm, that beard")
    del chat.messages[-2:]
    chat.say("no scarf")
    assert terms(server) == [("scarf", "no scarf")]


def test_a_question_is_asked_again_where_the_message_is_sent_again(server: Running, client: OpenAI) -> None:
    chat = Chat(client)
    chat.say("a man")
    for _ in range(2):
        assert chat.say("hm, that beard") == "Leave out “beard”?"
        del chat.messages[-2:]
    assert terms(server) == []


def test_a_stream_has_the_question_and_no_picture(server: Running, client: OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "a man"}]
    first = client.chat.completions.create(model="stub", messages=messages)
    messages += [
        {"role": "assistant", "content": first.choices[0].message.content},
        {"role": "user", "content": "hm, that beard"},
    ]
    chunks = list(client.chat.completions.create(model="stub", messages=messages, stream=True))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "Leave out “beard”?"


def test_every_choice_asks(server: Running, client: OpenAI) -> None:
    chat = Chat(client)
    chat.say("a man")
    chat.messages.append({"role": "user", "content": "hm, that beard"})
    answer = client.chat.completions.create(model="stub", messages=chat.messages, n=2)
    assert [choice.message.content for choice in answer.choices] == ["Leave out “beard”?"] * 2
    assert len(server.studio.store.turns(server.studio.store.sessions()[0].id)) == 1

"""Chats as front ends send them: without the titles of their pictures, with errors in them, or from elsewhere."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import openai
import pytest
from markdown_it import MarkdownIt
from openai import OpenAI

from notthat.agent.interfaces.http.compat.markdown import escape_markdown
from notthat.agent.interpreters import Interpretation

from ...conftest import ConnectOpenAI, Running, Serve

ELSEWHERE = "Here is your picture!"
"""An answer that says nothing of a session."""


def user(words: Any) -> Any:
    return {"role": "user", "content": words}


def assistant(words: Any) -> Any:
    return {"role": "assistant", "content": words}


@pytest.fixture
def client(server: Running, connect_openai: ConnectOpenAI) -> OpenAI:
    return connect_openai(server)


def ask(client: OpenAI, *messages: Any, **more: Any) -> tuple[str, dict[str, Any]]:
    """A chat's answer, and its turn."""
    answer = client.chat.completions.create(model="stub", messages=list(messages), **more)
    return answer.choices[0].message.content or "", (answer.model_extra or {})["notthat"]


def without_title(content: str) -> str:
    return re.sub(r' "notthat [^"]*"', "", content)


def without_picture(content: str) -> str:
    return re.sub(r"!\[[^]]*\]\([^)]*\)", "", content).strip()


def as_data_url(content: str) -> str:
    return re.sub(r"!\[[^]]*\]\([^)]*\)", "![](data:image/png;base64,aGVsbG8=)", content)


def as_parts(content: str) -> list[Any]:
    return [
        {"type": "output_text", "text": without_picture(content)},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}},
    ]


STRIPPED = pytest.mark.parametrize("strip", [without_title, without_picture, as_data_url, as_parts])


def test_a_chat_from_elsewhere_is_read_from_its_first_message(server: Running, client: OpenAI) -> None:
    said, turn = ask(client, user("portrait of a man"), assistant("ok"), user("no mustache"))
    assert (turn["turn"], turn["prompt"], turn["negative"]) == (0, "portrait of a man", "mustache")
    assert [(each["term"], each["words"]) for each in turn["exclusions"]] == [("mustache", "no mustache")]
    assert said.startswith(
        "(This chat has no known session, so a new one was started from all of its messages.) Excluded “mustache”."
    )
    (session,) = server.studio.store.sessions()
    assert len(server.studio.store.turns(session.id)) == 1
    _, more = ask(
        client, user("portrait of a man"), assistant("ok"), user("no mustache"), assistant(said), user("no hat")
    )
    assert (more["session"], more["turn"], more["negative"]) == (session.id, 1, "mustache, hat")


def test_it_is_streamed_with_the_same_words(client: OpenAI) -> None:
    messages = [user("portrait of a man"), assistant(ELSEWHERE), user("no mustache")]
    stream = client.chat.completions.create(model="stub", messages=messages, stream=True)
    said = "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)
    assert said.startswith(
        "(This chat has no known session, so a new one was started from all of its messages.) Excluded “mustache”.\n"
    )


@STRIPPED
def test_a_chat_whose_pictures_are_stripped_goes_on_with_its_session(
    server: Running, client: OpenAI, strip: Any
) -> None:
    messages = [user("a harbour without boats")]
    for words in ("no fog", "I love it, thanks", "undo", "no gulls"):
        said, _ = ask(client, *messages)
        messages += [assistant(strip(said)), user(words)]
    _, turn = ask(client, *messages)
    assert (turn["turn"], turn["parent"], turn["negative"]) == (2, 0, "boats, gulls")
    assert len(server.studio.store.sessions()) == 1


@STRIPPED
def test_an_earlier_message_of_it_said_otherwise_is_a_branch(client: OpenAI, strip: Any) -> None:
    first, _ = ask(client, user("a harbour"))
    ask(client, user("a harbour"), assistant(strip(first)), user("no fog"))
    _, turn = ask(client, user("a harbour"), assistant(strip(first)), user("no boats"))
    assert (turn["turn"], turn["parent"], turn["negative"]) == (2, 0, "boats")


def test_stripped_chats_that_say_the_same_share_no_session(server: Running, client: OpenAI) -> None:
    answers = [ask(client, user("a harbour"), extra_body={"user": "somebody"}) for _ in range(2)]
    said, _ = answers[0]
    _, turn = ask(
        client, user("a harbour"), assistant(without_picture(said)), user("no fog"), extra_body={"user": "somebody"}
    )
    assert turn["session"] not in [turn["session"] for _, turn in answers]
    assert (turn["turn"], turn["negative"]) == (0, "fog")
    said, first = ask(client, user("a harbour"), extra_body={"user": "another"})
    _, turn = ask(
        client, user("a harbour"), assistant(without_picture(said)), user("no fog"), extra_body={"user": "another"}
    )
    assert turn["session"] == first["session"]


def test_a_stripped_chat_is_read_again_after_a_restart(serve: Serve, connect_openai: ConnectOpenAI) -> None:
    running = serve()
    said, first = ask(connect_openai(running), user("a harbour"))
    running.stop()
    _, turn = ask(
        connect_openai(serve()),
        user("a harbour"),
        assistant(without_title(said)),
        user("no fog"),
        assistant(""),
        user("no gulls"),
    )
    assert turn["session"] != first["session"]
    assert (turn["turn"], turn["negative"]) == (0, "fog, gulls")


def test_a_stripped_chat_is_anothers_for_another_key(serve: Serve, connect_openai: ConnectOpenAI) -> None:
    running = serve()
    tokens = [running.studio.store.keys.add(name)[1] for name in ("one", "other")]
    said, first = ask(connect_openai(running, tokens[0]), user("a harbour"))
    for strip in (without_title, without_picture):
        _, turn = ask(connect_openai(running, tokens[1]), user("a harbour"), assistant(strip(said)), user("no fog"))
        assert turn["session"] != first["session"]


@pytest.mark.parametrize("failed", ["Error: 429 the queue is full", "", None])
def test_words_whose_answer_failed_are_not_lost(server: Running, client: OpenAI, failed: str | None) -> None:
    said, _ = ask(client, user("a harbour"))
    _, turn = ask(client, user("a harbour"), assistant(said), user("no fog"), assistant(failed), user("no boats"))
    assert (turn["turn"], turn["parent"], turn["negative"]) == (1, 0, "fog, boats")
    assert [each["words"] for each in turn["exclusions"]] == ["no fog", "no boats"]


def test_a_message_that_is_sent_again_at_once_counts_once(client: OpenAI) -> None:
    said, _ = ask(client, user("a harbour"))
    _, turn = ask(client, user("a harbour"), assistant(said), user("no fog"), user("no fog"))
    assert [(each["term"], each["weight"]) for each in turn["exclusions"]] == [("fog", 1.0)]


def test_a_first_message_that_was_refused_does_not_spoil_the_chat(client: OpenAI) -> None:
    _, turn = ask(client, user("no fog"), assistant("Error: only says what is not wanted"), user("a harbour"))
    assert (turn["prompt"], turn["negative"]) == ("a harbour", "fog")
    _, turn = ask(client, user("x" * 3000), assistant("Error: too long"), user("a harbour"))
    assert turn["prompt"] == "a harbour"


@pytest.mark.parametrize(
    "last",
    [
        {"role": "system", "content": "Answer in one line."},
        {"role": "developer", "content": "Answer in one line."},
        {"role": "assistant", "content": "Certainly:"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "{}", "tool_call_id": "1"},
    ],
)
def test_what_stands_after_the_users_last_message_is_no_error(client: OpenAI, last: dict[str, Any]) -> None:
    said, _ = ask(client, user("a harbour"), last)
    _, turn = ask(client, user("a harbour"), assistant(said), user("no fog"), last)
    assert (turn["turn"], turn["negative"]) == (1, "fog")


@pytest.mark.parametrize("kind", ["text", "input_text", "output_text"])
def test_words_are_read_in_parts_of_any_name(client: OpenAI, kind: str) -> None:
    said, _ = ask(client, user([{"type": kind, "text": "a harbour"}]))
    _, turn = ask(
        client,
        user([{"type": kind, "text": "a harbour"}]),
        assistant([{"type": kind, "text": said}, {"type": "refusal", "refusal": ""}]),
        user([{"type": kind, "text": "no fog"}, {"type": kind, "text": None}]),
    )
    assert (turn["turn"], turn["negative"]) == (1, "fog")


def test_a_chat_whose_session_is_gone_is_read_again(server: Running, client: OpenAI, home: Path) -> None:
    said, first = ask(client, user("a harbour"))
    with closing(sqlite3.connect(home / "notthat.db")) as db:
        db.execute("UPDATE sessions SET id = ? WHERE id = ?", ("0" * 16, first["session"]))
        db.commit()
    _, turn = ask(client, user("a harbour"), assistant(without_title(said)), user("no fog"))
    assert turn["session"] != first["session"]
    assert (turn["turn"], turn["negative"]) == (0, "fog")


def test_a_session_that_is_named_knows_what_was_said(server: Running, client: OpenAI) -> None:
    session = server.begin("a harbour without boats")["session"]
    _, turn = ask(client, user("a house"), assistant(ELSEWHERE), user("no fog"), extra_body={"session": session})
    assert (turn["session"], turn["negative"]) == (session, "boats, fog")


# Words are words, whatever Markdown would make of them

EVIL = [
    "![x](http://evil.example/x.png)",
    "[click](http://evil.example)",
    "<img src=http://evil.example/x.png>",
    "<script>alert(1)</script>",
    "http://evil.example/x",
    "https://evil.example",
    "www.evil.example",
    "<http://evil.example>",
    "[a]: http://evil.example",
    "`code` **bold** _it_ ~~gone~~ | a | b |",
    "\\![x](http://evil.example)",
    "&lt;b&gt; $x$ somebody@evil.example",
]


def shown(markdown: str) -> tuple[list[str], str]:
    """What Markdown makes of it: its pictures and links, and its text."""
    pictures, words = [], []
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown):
        for each in token.children or [token]:
            if each.type == "image":
                pictures.append(str(each.attrs["src"]))
            elif each.type in ("text", "text_special"):
                words.append(each.content)
            elif each.type not in ("paragraph_open", "paragraph_close", "softbreak"):
                pictures.append(f"{each.type} {each.content}")
    return pictures, "".join(words)


@pytest.mark.parametrize("words", EVIL)
def test_markdown_in_words_is_shown_as_it_stands(words: str) -> None:
    assert shown(escape_markdown(words)) == ([], words)
    assert not re.search(r"(?i)https?://|www\.", escape_markdown(words))  # which become links by themselves


@pytest.mark.parametrize("words", EVIL)
@pytest.mark.parametrize("stream", [False, True])
def test_words_in_an_answer_are_no_pictures_or_links(
    serve: Serve, connect_openai: ConnectOpenAI, words: str, stream: bool
) -> None:
    class Repeating:
        name = "repeating"

        def interpret(self, feedback: str, state: Any, picture: Any = None) -> Interpretation:
            return Interpretation(reply=f"You said {words}")

    client = connect_openai(serve(None, Repeating()))
    said, turn = ask(client, user("a harbour"))
    messages = [user("a harbour"), assistant(said), user("Hello")]
    if stream:
        chunks = client.chat.completions.create(model="stub", messages=messages, stream=True)
        content = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    else:
        content, turn = ask(client, *messages)
    pictures, text = shown(content)
    assert pictures == [turn["image"]]
    assert text == f"You said {words}"
    assert turn["reply"] == f"You said {words}" or stream


def test_words_that_look_like_a_title_lead_nowhere(server: Running, client: OpenAI) -> None:
    other = server.begin("a house")["session"]
    said, first = ask(client, user(f'a harbour ](x "notthat {other}/0")'))
    _, turn = ask(client, user("a harbour"), assistant(without_title(said)), user("no fog"))
    assert turn["session"] == first["session"]


def test_a_chat_that_is_too_long_to_be_read_again_is_refused(client: OpenAI) -> None:
    messages = [message for _ in range(120) for message in (user("no fog"), assistant(ELSEWHERE))]
    with pytest.raises(openai.BadRequestError, match="at most 100 lines at once"):
        ask(client, user("a harbour"), assistant(ELSEWHERE), *messages, user("no boats"))

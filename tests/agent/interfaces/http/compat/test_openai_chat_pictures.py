"""Pictures in chats, as OpenAI's client, Open WebUI and LibreChat send them."""

import base64
import re
from io import BytesIO
from typing import Any

import openai
import pytest
from openai import OpenAI
from PIL import Image

from ...conftest import ConnectOpenAI, Running

PICTURE = re.compile(r"!\[[^]]*\]\((data:image/png;base64,[^ )]*)[^)]*\)")


@pytest.fixture
def client(server: Running, connect_openai: ConnectOpenAI) -> OpenAI:
    return connect_openai(server)


def upload(color: str = "red") -> str:
    """Somebody's own picture, as a data URL."""
    file = BytesIO()
    Image.new("RGB", (64, 48), color).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def user(words: str, *urls: str) -> Any:
    parts = [{"type": "image_url", "image_url": {"url": url, "detail": "auto"}} for url in urls]
    return {"role": "user", "content": [{"type": "text", "text": words}, *parts]}


def assistant(words: Any) -> Any:
    return {"role": "assistant", "content": words}


def ask(client: OpenAI, *messages: Any, **more: Any) -> tuple[str, dict[str, Any]]:
    """A chat's answer, and its turn."""
    answer = client.chat.completions.create(model="stub", messages=list(messages), extra_body=more)
    return answer.choices[0].message.content or "", (answer.model_extra or {})["notthat"]


def place(turn: dict[str, Any]) -> tuple[str, int]:
    return turn["session"], turn["turn"]


def terms(turn: dict[str, Any]) -> list[str]:
    return [exclusion["term"] for exclusion in turn["exclusions"]]


def test_a_chat_begins_with_a_picture(server: Running, client: OpenAI) -> None:
    first = user("a harbour without fog", upload())
    content, turn = ask(client, first, seed=7)
    assert "Starts from your picture of 64 x 48" in content
    assert (turn["turn"], turn["seed"], turn["source"]["strength"]) == (0, 7, 0.6)
    assert server.client.get(turn["source"]["image"]).status_code == 200
    _, turn = ask(client, first, assistant(content), user("no boats"), seed=7)
    assert (turn["turn"], terms(turn)) == (1, ["fog", "boats"])
    assert turn["source"]["strength"] == 0.6
    content, turn = ask(client, first, assistant(content), user("no boats"), seed=9)
    assert (turn["turn"], turn["seed"]) == (2, 9)


def test_a_picture_that_is_sent_with_every_message_means_the_one_drawn_last(client: OpenAI) -> None:
    content, first = ask(client, user("a harbour", upload()))
    _, turn = ask(client, user("a harbour", upload()), assistant(content), user("no fog", upload()))
    assert place(turn) == (first["session"], 1)
    _, turn = ask(client, user("a harbour", upload()), assistant(content), user("a lighthouse", upload("blue")))
    assert (turn["turn"], turn["prompt"]) == (0, "a lighthouse")
    assert turn["session"] != first["session"]


@pytest.mark.parametrize("as_part", [True, False])
def test_a_chat_without_markers_goes_on_with_the_picture_drawn_last(
    server: Running, client: OpenAI, as_part: bool
) -> None:
    content, first = ask(client, user("a harbour", upload()), picture="data")
    url = PICTURE.findall(content)[0]
    if as_part:  # as a front end has it that keeps pictures apart from the words
        drawn = assistant([{"type": "text", "text": "Here."}, {"type": "image_url", "image_url": {"url": url}}])
    else:
        drawn = assistant(f"Here.\n\n![picture]({url})")
    _, turn = ask(client, user("a harbour", upload()), drawn, user("no fog"), user="somebody else")
    assert place(turn) == (first["session"], 1)
    _, turn = ask(client, user("something else"), assistant("Yes?"), user("no boats", url))
    assert (turn["session"], turn["parent"], terms(turn)) == (first["session"], 0, ["boats"])


def test_a_chat_without_markers_is_read_again_from_its_last_upload(client: OpenAI) -> None:
    history = [user("hello"), assistant("Hi."), user("a harbour", upload("blue"), upload()), assistant("Done.")]
    content, turn = ask(client, *history, user("no fog"))
    assert (turn["turn"], turn["prompt"], terms(turn)) == (0, "a harbour", ["fog"])
    assert turn["source"] is not None
    assert "Only the first of your 2 pictures is used" in content


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ({"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/a.png"}}, "no address is fetched"),
        ({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}, "no address is fetched"),
        ({"type": "image_url", "image_url": {"url": "/etc/passwd"}}, "no address is fetched"),
        ({"type": "image_url"}, "no address is fetched"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}, "no picture that can be read"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, "is empty"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "“file” are not read"),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "mp3"}}, "“input_audio” are not read"),
    ],
)
def test_other_parts_are_refused_in_one_line(server: Running, client: OpenAI, part: Any, line: str) -> None:
    with pytest.raises(openai.BadRequestError, match=line) as refused:
        ask(client, {"role": "user", "content": [{"type": "text", "text": "a harbour"}, part]})
    assert "\n" not in str(refused.value.body["message"])  # type: ignore[index]
    assert server.studio.store.sessions() == []


def test_a_session_and_a_picture_are_not_named_together(client: OpenAI) -> None:
    _, turn = ask(client, user("a harbour"))
    with pytest.raises(openai.BadRequestError, match="`session` names the picture"):
        ask(client, user("no fog", upload()), session=turn["session"])

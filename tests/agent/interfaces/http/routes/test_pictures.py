"""Pictures over HTTP: whoever asks for a turn's picture gets the words of this turn, and of no other."""

import asyncio
import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ImageContent
from PIL import Image

from notthat.generation import GenerationRequest, Progress, StubEngine
from notthat.storage.images import with_text

from ...conftest import Running, Serve

PATIENCE = 60.0
"""Seconds for anything to happen that has to: reached only where a test fails."""

THEIRS = "portrait of a man, no secret hat"
"""What the first key says."""
MINE = "a lighthouse, no fog"
"""What the second says, which the engine draws as the very same picture."""


class Wordless(StubEngine):
    """Draws what the seed says, whatever the words."""

    def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
        yield from super().run(request.model_copy(update={"prompt": "x", "negative_prompt": "", "shown": ()}))


class Caller:
    """The holder of a key."""

    def __init__(self, server: Running, name: str, **more: Any) -> None:
        _, self.token = server.studio.store.keys.add(name, **more)
        self.headers = {"Authorization": f"Bearer {self.token}"}
        self.server = server

    def get(self, path: str) -> httpx.Response:
        answer = self.server.client.get(path, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.server.client.post(path, json=body, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def begin(self, prompt: str) -> dict[str, Any]:
        return dict(self.post("/api/sessions", {"prompt": prompt, "seed": 7}))


@pytest.fixture
def server(serve: Serve) -> Running:
    return serve(Wordless())


@pytest.fixture
def them(server: Running) -> Caller:
    return Caller(server, "them")


@pytest.fixture
def me(server: Running, them: Caller) -> Caller:
    """Who comes second, to a picture that is there already."""
    them.begin(THEIRS)
    return Caller(server, "me")


def text_in(content: bytes) -> dict[str, str]:
    with Image.open(io.BytesIO(content)) as image:
        return dict(image.text)  # type: ignore[attr-defined]


def decoded(text: str) -> bytes:
    return base64.b64decode(text.rpartition(",")[2])


def turn_image(me: Caller) -> bytes:
    return me.server.client.get(me.begin(MINE)["image"]).content


def own_bare_address(me: Caller) -> bytes:
    return me.get(f"/api/images/{me.begin(MINE)['sha256']}.png").content


def session_image(me: Caller) -> bytes:
    return me.server.client.get(me.get(f"/api/sessions/{me.begin(MINE)['session']}").json()["image"]).content


def listed_image(me: Caller) -> bytes:
    me.begin(MINE)
    return me.server.client.get(me.get("/api/sessions").json()["sessions"][0]["image"]).content


def images_base64(me: Caller) -> bytes:
    return decoded(me.post("/v1/images/generations", {"prompt": MINE, "seed": 7})["data"][0]["b64_json"])


def images_url(me: Caller) -> bytes:
    return me.server.client.get(
        me.post("/v1/images/generations", {"prompt": MINE, "seed": 7, "response_format": "url"})["data"][0]["url"]
    ).content


def images_streamed(me: Caller) -> bytes:
    body = {"prompt": MINE, "seed": 7, "stream": True}
    answer = me.server.client.post("/v1/images/generations", json=body, headers=me.headers)
    last = json.loads(answer.text.split("event: image_generation.completed\ndata: ")[1].partition("\n")[0])
    assert me.server.client.get(last["url"]).content == decoded(last["b64_json"])
    return decoded(last["b64_json"])


def chat(me: Caller, **more: Any) -> str:
    answer = me.post("/v1/chat/completions", {"messages": [{"role": "user", "content": MINE}], "seed": 7, **more})
    found = re.search(r"!\[turn 0]\((\S+) ", answer["choices"][0]["message"]["content"])
    assert found is not None
    return found[1]


def chat_link(me: Caller) -> bytes:
    return me.server.client.get(chat(me)).content


def chat_data(me: Caller) -> bytes:
    return decoded(chat(me, picture="data"))


def automatic1111(me: Caller) -> bytes:
    answer = me.post("/sdapi/v1/txt2img", {"prompt": MINE, "seed": 7})
    content = decoded(answer["images"][0])
    assert json.loads(answer["info"])["infotexts"] == [text_in(content)["parameters"]]
    return content


def mcp(me: Caller) -> bytes:
    async def start() -> bytes:
        async with httpx2.AsyncClient(headers=me.headers, timeout=PATIENCE) as http:
            transport = streamable_http_client(f"{me.server.url}/mcp", http_client=http)
            async with Client(transport) as client:
                result = await client.call_tool("start", {"prompt": MINE, "seed": 7})
                (picture,) = (part for part in result.content if isinstance(part, ImageContent))
                return base64.b64decode(picture.data)

    return asyncio.run(asyncio.wait_for(start(), PATIENCE))


def replay_page(me: Caller) -> bytes:
    html = me.get(f"/api/sessions/{me.begin(MINE)['session']}/replay.html").text
    assert "secret" not in html
    (source,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return decoded(source)


WAYS: list[Callable[[Caller], bytes]] = [
    turn_image,
    own_bare_address,
    session_image,
    listed_image,
    images_base64,
    images_url,
    images_streamed,
    chat_link,
    chat_data,
    automatic1111,
    mcp,
    replay_page,
]
"""All ways on which a picture leaves the server."""


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_two_keys_with_the_same_picture_are_each_given_their_own_words(me: Caller, them: Caller, way: Any) -> None:
    (theirs,) = them.get("/api/sessions").json()["sessions"]
    before = them.get(theirs["image"]).content

    content = way(me)
    text = text_in(content)
    assert text["parameters"].startswith("a lighthouse\nNegative prompt: fog\n")
    request = json.loads(text["notthat"])
    assert (request["prompt"], request["negative_prompt"], request["seed"]) == ("a lighthouse", "fog", 7)
    assert b"secret" not in content

    (turn,) = (me.get(each["links"]["replay"].replace("replay.html", "turns/0")).json() for each in _mine(me))
    assert turn["sha256"] == theirs["sha256"]
    assert me.server.client.get(turn["image"]).content == content
    assert them.get(theirs["image"]).content == before
    assert "secret hat" in text_in(before)["parameters"]


def _mine(me: Caller) -> list[dict[str, Any]]:
    return list(me.get("/api/sessions").json()["sessions"])


def test_a_picture_that_is_asked_for_without_a_turn_or_a_key_has_nobodys_words(server: Running, me: Caller) -> None:
    turn = me.begin(MINE)
    path = f"/api/images/{turn['sha256']}.png"
    for headers in ({}, {"Authorization": "Bearer nt_wrong"}, Caller(server, "third").headers):
        answer = server.client.get(path, headers=headers)
        assert (answer.status_code, text_in(answer.content)) == (200, {})
        assert answer.headers["vary"] == "Authorization, X-API-Key, api-key"
    assert text_in(me.get(path).content)["parameters"].startswith("a lighthouse")
    assert "private" in me.get(path).headers["cache-control"]
    boss = Caller(server, "boss", admin=True)
    assert "secret" in text_in(boss.get(path).content)["parameters"]


def test_a_server_without_keys_tells_the_words_of_the_oldest_turn(server: Running) -> None:
    first, second = server.begin(THEIRS, seed=7), server.begin(MINE, seed=7)
    assert first["sha256"] == second["sha256"]
    bare = server.client.get(f"/api/images/{first['sha256']}.png")
    assert bare.content == server.client.get(first["image"]).content
    assert bare.content != server.client.get(second["image"]).content


def test_turns_of_one_session_are_each_given_their_own_words(server: Running) -> None:
    first = server.begin("a lighthouse", seed=7)
    before = server.client.get(first["image"])
    second = server.say(first["session"], "no fog")
    after = server.client.get(second["image"])

    assert first["sha256"] == second["sha256"]
    assert "fog" not in text_in(before.content)["parameters"]
    assert "fog" in text_in(after.content)["parameters"]
    again = server.client.get(first["image"])
    assert (again.content, again.headers["etag"]) == (before.content, before.headers["etag"])
    assert after.headers["etag"] != before.headers["etag"]
    for known, status in ((before, 304), (after, 200)):
        answer = server.client.get(first["image"], headers={"If-None-Match": known.headers["etag"]})
        assert answer.status_code == status


def test_a_turn_with_another_picture_lends_it_no_words(server: Running) -> None:
    turn, other = server.begin(THEIRS, seed=7), server.begin(MINE, seed=8)
    path = f"/api/images/{turn['sha256']}.png"
    unknown = server.client.get(path, params={"session": "0" * 16, "turn": 0})
    for session, number in ((other["session"], 0), (turn["session"], 1)):
        answer = server.client.get(path, params={"session": session, "turn": number})
        assert (answer.status_code, answer.json()) == (404, unknown.json())
    for half in ({"session": turn["session"]}, {"turn": 0}):
        answer = server.client.get(path, params=half)
        assert (answer.status_code, "belong together" in answer.json()["detail"]) == (400, True)


def test_a_file_of_an_earlier_notthat_is_given_the_words_of_the_turn(server: Running, me: Caller, them: Caller) -> None:
    """It was shared by all turns of its pixels, and has the words of the first."""
    mine = me.begin(MINE)
    (theirs,) = them.get("/api/sessions").json()["sessions"]
    expected = {each["image"]: me.get(each["image"]).content for each in (mine, theirs)}
    records = [server.studio.store.turn(each["session"]) for each in (theirs, mine)]
    records[0].image.with_name(f"{mine['sha256']}.png").write_bytes(records[0].image.read_bytes())
    for record in records:
        record.image.unlink()

    for address, content in expected.items():
        assert me.get(address).content == content
    assert text_in(server.client.get(f"/api/images/{mine['sha256']}.png").content) == {}


def test_what_a_file_says_besides_is_not_delivered(server: Running) -> None:
    turn = server.begin(MINE, seed=7)
    before = server.client.get(turn["image"]).content
    path = server.studio.store.turn(turn["session"]).image
    path.write_bytes(with_text(path.read_bytes(), {"parameters": "something else"}))

    assert server.client.get(turn["image"]).content == before


def test_a_damaged_file_is_not_delivered(server: Running) -> None:
    turn = server.begin(MINE, seed=7)
    path = server.studio.store.turn(turn["session"]).image
    path.write_bytes(path.read_bytes()[:-20])

    answer = server.client.get(turn["image"])
    assert answer.status_code == 503
    assert str(path) not in answer.text


def test_whatever_can_be_got_can_be_asked_for_without_its_body(server: Running) -> None:
    turn = server.begin(MINE, seed=7)
    session = f"/api/sessions/{turn['session']}"
    paths = [
        turn["image"],
        session,
        f"{session}/turns",
        f"{session}/replay.html",
        "/api/models",
        "/healthz",
        "/metrics",
    ]
    for path in [*paths, "/v1/models", "/sdapi/v1/samplers", "/", "/openapi.json"]:
        got, asked = server.client.get(path), server.client.head(path)
        assert (asked.status_code, asked.content) == (200, b""), path
        for name in ("content-type", "etag", "cache-control"):
            assert asked.headers.get(name) == got.headers.get(name), path
        if path != "/metrics":  # which counts the requests for itself
            assert asked.headers["content-length"] == str(len(got.content)), path
    known = {"If-None-Match": server.client.head(turn["image"]).headers["etag"]}
    assert server.client.head(turn["image"], headers=known).status_code == 304
    assert server.client.head(f"/api/images/{'0' * 64}.png").status_code == 404
    requests = [line for line in server.logged() if line["event"] == "request"]
    assert (requests[-1]["method"], requests[-1]["route"]) == ("HEAD", "/api/images/{sha256}.png")


def test_an_event_stream_has_no_head(server: Running) -> None:
    turn = server.begin(MINE, seed=7)
    for path in (f"/api/sessions/{turn['session']}/events", f"/api/sessions/{turn['session']}/turns/0/events"):
        answer = server.client.head(path)
        assert answer.status_code == 405, path
        assert "HEAD" not in answer.headers["allow"]
    answer = server.client.put(turn["image"])
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")

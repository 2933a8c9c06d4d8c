"""Pictures that are sent to OpenAI's images API, by its own client and as chat front ends send them."""

import base64
from io import BytesIO
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from PIL import Image

from notthat.agent.replay.regenerate import replay_session
from notthat.generation.local_engine import LocalEngine
from notthat.storage import KeyLimits

from ...conftest import ConnectOpenAI, Running, Serve


@pytest.fixture
def client(server: Running, connect_openai: ConnectOpenAI) -> OpenAI:
    return connect_openai(server)


def as_file(content: bytes, name: str = "picture.png") -> tuple[str, bytes, str]:
    return name, content, "image/png"


def encode(image: Image.Image, kind: str = "PNG") -> bytes:
    file = BytesIO()
    image.save(file, kind)
    return file.getvalue()


def upload(size: tuple[int, int] = (64, 48), color: str = "red") -> bytes:
    """Somebody's own picture."""
    return encode(Image.new("RGB", size, color))


def drawn(answer: Any, index: int = 0) -> bytes:
    return base64.b64decode(answer.data[index].b64_json)


def exclusions(server: Running, session: str) -> list[str]:
    return [exclusion.term for exclusion in server.studio.store.turn(session).exclusions]


# OpenAI's client


def test_a_returned_picture_goes_on_with_its_session_on_mini(serve: Serve, connect_openai: ConnectOpenAI) -> None:
    server = serve(LocalEngine.load("mini"), models=("mini",))
    client = connect_openai(server)
    answer = client.images.generate(
        model="gpt-image-1", prompt="portrait of a man without mustache", extra_body={"seed": 7, "steps": 2}
    )
    for words in ("no glasses", "no hat", "no beard"):
        answer = client.images.edit(model="gpt-image-1", image=as_file(drawn(answer)), prompt=words, size="1024x1024")
    (session,) = server.studio.store.sessions()
    turns = server.studio.store.turns(session.id)
    assert [turn.parent for turn in turns] == [None, 0, 1, 2]
    assert all(turn.source_image is None for turn in turns)
    assert exclusions(server, session.id) == ["mustache", "glasses", "hat", "beard"]
    assert answer.model_extra is not None
    assert answer.model_extra["warnings"] == ["size: ignored, the picture's session keeps its own"]
    assert all(result.identical for result in replay_session(server.studio, session.id))


def test_an_earlier_picture_saved_again_is_a_branch(server: Running, client: OpenAI) -> None:
    first = client.images.generate(prompt="a harbour", extra_body={"seed": 7})
    client.images.edit(image=as_file(drawn(first)), prompt="no fog")
    bare = encode(Image.open(BytesIO(drawn(first))).convert("RGBA"), "TIFF")
    again = client.images.edit(image=as_file(bare, "saved.tiff"), prompt="no boats", extra_body={"seed": 9})
    turn = server.studio.store.turn(again.data[0].session)  # type: ignore[index,union-attr]
    assert (turn.number, turn.parent, turn.seed) == (2, 0, 9)
    assert exclusions(server, turn.session) == ["boats"]


def test_somebodys_picture_starts_a_session_from_it(server: Running, client: OpenAI) -> None:
    answer = client.images.edit(
        image=as_file(upload((64, 32))),
        prompt="a harbour without fog",
        n=2,
        size="64x64",
        response_format="url",
        extra_body={"seed": 7, "strength": 0.5},
    )
    assert answer.data is not None
    turns = [server.studio.store.turn(each.session, 0) for each in answer.data]  # type: ignore[attr-defined]
    assert [turn.seed for turn in turns] == [7, 8]
    assert len({turn.source_image for turn in turns}) == 1
    for turn in turns:
        assert (turn.request["strength"], turn.request["width"], turn.request["height"]) == (0.5, 64, 32)
    assert (answer.model_extra or {})["warnings"] == ["size: 64x32, in which the picture keeps its proportions"]
    went_on = client.images.edit(image=as_file(httpx.get(str(answer.data[1].url)).content), prompt="no boats")
    turn = server.studio.store.turn(went_on.data[0].session)  # type: ignore[index,union-attr]
    assert (turn.session, turn.number, turn.source_image) == (turns[1].session, 1, turns[1].source_image)


def test_a_mask_is_transparent_where_the_picture_is_drawn_anew(server: Running, client: OpenAI) -> None:
    first = client.images.generate(prompt="a harbour", extra_body={"seed": 7})
    mask = Image.new("RGBA", (32, 32), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 16, 32))
    answer = client.images.edit(image=as_file(drawn(first)), mask=as_file(encode(mask)), prompt="a boat")
    turn = server.studio.store.turn(answer.data[0].session)  # type: ignore[index,union-attr]
    assert (turn.number, turn.request.get("strength", 1)) == (0, 1)
    assert turn.mask_image is not None
    area = server.studio.store.images.open(turn.mask_image).convert("L")
    assert [area.getpixel(place) for place in ((4, 4), (28, 4))] == [255, 0]


def test_of_several_pictures_the_last_drawn_one_is_refined(server: Running, client: OpenAI) -> None:
    first = client.images.edit(image=as_file(upload()), prompt="a harbour")
    second = client.images.edit(image=[as_file(upload()), as_file(drawn(first))], prompt="no fog")
    (turn,) = [server.studio.store.turn(each.session) for each in second.data or []]  # type: ignore[attr-defined]
    assert (turn.session, turn.number) == (first.data[0].session, 1)  # type: ignore[index,union-attr]
    assert (second.model_extra or {})["warnings"] == [
        "image: 2 pictures were sent, and only the last one that this server drew (turn 0) is used"
    ]
    third = client.images.edit(image=[as_file(upload()), as_file(upload(color="blue"))], prompt="a harbour")
    red = server.studio.store.turn(first.data[0].session, 0)  # type: ignore[index,union-attr]
    turn = server.studio.store.turn(third.data[0].session)  # type: ignore[index,union-attr]
    assert turn.source_image == red.source_image
    assert "only the first picture is used" in (third.model_extra or {})["warnings"][0]


def test_an_edit_is_streamed(serve: Serve, connect_openai: ConnectOpenAI) -> None:
    client = connect_openai(serve())
    events = list(client.images.edit(image=as_file(upload()), prompt="a harbour", stream=True, partial_images=1))
    assert [event.type for event in events][-1] == "image_edit.completed"
    assert {event.type for event in events} <= {"image_edit.partial_image", "image_edit.completed"}
    with pytest.raises(openai.BadRequestError, match="a stream has one picture"):
        client.images.edit(image=as_file(upload()), prompt="a harbour", stream=True, n=2)


def test_variations_are_drawn_from_other_seeds(server: Running, client: OpenAI) -> None:
    first = client.images.generate(prompt="a harbour", extra_body={"seed": 7})
    with pytest.deprecated_call():
        varied = client.images.create_variation(image=as_file(drawn(first)), n=2)
    turns = server.studio.store.turns(varied.data[0].session)  # type: ignore[index,union-attr]
    assert [(turn.parent, turn.prompt) for turn in turns] == [(None, "a harbour"), (0, "a harbour"), (1, "a harbour")]
    assert len({turn.seed for turn in turns}) == 3
    with pytest.deprecated_call():
        other = client.images.create_variation(image=as_file(upload()))
    (turn,) = server.studio.store.turns(other.data[0].session)  # type: ignore[index,union-attr]
    assert turn.prompt == "a picture"
    assert "say what it shows" in (other.model_extra or {})["warnings"][0]


def test_an_edit_that_is_sent_twice_makes_one_turn(server: Running, client: OpenAI) -> None:
    headers = {"Idempotency-Key": "one"}
    for _ in range(2):  # the client chooses another boundary each time
        client.images.edit(image=as_file(upload()), prompt="a harbour", n=2, extra_headers=headers)
    assert len(server.studio.store.sessions()) == 2
    with pytest.raises(openai.ConflictError, match="different request"):
        client.images.edit(image=as_file(upload(color="blue")), prompt="a harbour", n=2, extra_headers=headers)


# Front ends


def test_open_webui_refines_the_last_picture(server: Running) -> None:
    """It sends one picture as `image` and several as `image[]`, encoded again as PNG, and its own size and model."""
    fields = {"model": "gpt-image-1", "prompt": "a harbour", "n": "1", "size": "512x512", "response_format": "b64_json"}
    first = server.client.post("/v1/images/generations", json={**fields, "n": 1, "size": "64x64"}).json()
    content = encode(Image.open(BytesIO(base64.b64decode(first["data"][0]["b64_json"]))))
    one = {"image": ("image.png", content, "image/png")}
    second = server.client.post("/v1/images/edits", data={**fields, "prompt": "no fog"}, files=one).json()
    assert (second["session"], second["data"][0]["turn"]) == (first["session"], 1)
    later = base64.b64decode(second["data"][0]["b64_json"])
    files = [("image[]", ("image.png", each, "image/png")) for each in (upload(), later)]
    third = server.client.post("/v1/images/edits", data={**fields, "prompt": "no boats"}, files=files).json()
    assert (third["session"], third["data"][0]["turn"]) == (first["session"], 2)
    assert exclusions(server, first["session"]) == ["fog", "boats"]


def test_librechat_edits_with_image_brackets(server: Running) -> None:
    """Its agent tool sends model, prompt, quality and size, and every picture as `image[]`."""
    fields = {"model": "gpt-image-1", "prompt": "a harbour without fog", "quality": "auto", "size": "auto"}
    files = [("image[]", ("upload.jpg", encode(Image.new("RGB", (96, 64), "red"), "JPEG"), "image/jpeg"))]
    first = server.client.post("/v1/images/edits", data=fields, files=files).json()
    assert (first["data"][0]["turn"], first["warnings"]) == (0, [])
    files = [("image[]", ("img-1.png", base64.b64decode(first["data"][0]["b64_json"]), "image/png"))]
    second = server.client.post("/v1/images/edits", data={**fields, "prompt": "no boats"}, files=files).json()
    assert (second["session"], second["data"][0]["turn"]) == (first["session"], 1)
    assert exclusions(server, first["session"]) == ["fog", "boats"]


def test_json_has_data_urls(server: Running) -> None:
    url = "data:image/png;base64," + base64.b64encode(upload()).decode()
    for images in ({"image": url}, {"images": [{"image_url": url}]}):
        answer = server.client.post("/v1/images/edits", json={"prompt": "a harbour", **images})
        assert answer.status_code == 200, answer.text


def test_what_can_not_be_done_is_said_in_one_line(server: Running) -> None:
    url = "data:image/png;base64," + base64.b64encode(upload()).decode()
    for fields, line in [
        ({}, "image: send a picture"),
        ({"image": []}, "image: send a picture"),
        ({"image": [url] * 17}, "17 pictures are too many"),
        ({"image": url, "session": "0" * 16}, "session: the picture names its session"),
        ({"image": url, "size": "0x64"}, "width"),
        ({"image": url, "strength": 2}, "strength"),
    ]:
        answer = server.client.post("/v1/images/edits", json={"prompt": "a harbour", **fields})
        assert (answer.status_code, line in answer.json()["error"]["message"]) == (400, True), answer.text
    assert not server.studio.store.sessions()


# Keys


@pytest.fixture
def clients(server: Running, connect_openai: ConnectOpenAI) -> dict[str, OpenAI]:
    keys = server.studio.store.keys
    made = {name: keys.add(name, admin=name == "admin")[1] for name in ("one", "two", "admin")}
    return {name: connect_openai(server, token) for name, token in made.items()}


@pytest.mark.parametrize("other", ["two", "admin"])
def test_another_keys_picture_is_simply_a_picture(server: Running, clients: dict[str, OpenAI], other: str) -> None:
    first = clients["one"].images.generate(prompt="a harbour without fog", extra_body={"seed": 7})
    answer = clients[other].images.edit(image=as_file(drawn(first)), prompt="a lighthouse")
    (data,) = answer.data or []
    assert data.session != first.data[0].session  # type: ignore[attr-defined,index,union-attr]
    turn = server.studio.store.turn(data.session)  # type: ignore[attr-defined]
    assert (turn.number, turn.prompt, turn.negative) == (0, "a lighthouse", "")
    assert "fog" not in answer.model_dump_json()
    assert len(server.studio.store.turns(first.data[0].session)) == 1  # type: ignore[attr-defined,index,union-attr]


def test_a_keys_limits_hold_for_pictures_it_sends(server: Running, connect_openai: ConnectOpenAI) -> None:
    _, token = server.studio.store.keys.add("small", limits=KeyLimits(size=24, steps=2, requests_per_minute=3))
    client = connect_openai(server, token)
    answer = client.images.edit(image=as_file(upload((96, 48))), prompt="a harbour")
    turn = server.studio.store.turn(answer.data[0].session)  # type: ignore[index,union-attr]
    assert (turn.request["width"], turn.request["height"], turn.request["num_inference_steps"]) == (24, 8, 2)
    with pytest.raises(openai.PermissionDeniedError, match="over the limit"):
        client.images.edit(image=as_file(drawn(answer)), prompt="no fog", extra_body={"steps": 50})
    with pytest.raises(openai.RateLimitError):
        client.images.edit(image=as_file(upload()), prompt="a harbour", n=3)

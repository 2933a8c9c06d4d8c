"""Pictures of every kind, sent to every route that takes one: converted sensibly, or refused in one line."""

import base64
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from ..conftest import Running

Send = Callable[..., httpx.Response]


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def red(mode: str = "RGB", size: tuple[int, int] = (64, 32)) -> Image.Image:
    return Image.new("RGB", size, (200, 0, 0)).convert(mode)


def as_url(content: bytes | str) -> str:
    return content if isinstance(content, str) else "data:image/png;base64," + base64.b64encode(content).decode()


def huge() -> bytes:
    """The beginning of a PNG of 20,000 x 20,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    parts = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + parts + encode(red())[33:]


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90°
    return encode(Image.new("RGB", (64, 32), (0, 0, 200)), "JPEG", exif=exif)


def transparent() -> bytes:
    return encode(Image.new("RGBA", (64, 32), (0, 0, 0, 0)))


def send_json(
    client: httpx.Client, content: bytes | str, mask: bytes | None = None, words: str = "a harbour"
) -> httpx.Response:
    masks = {} if mask is None else {"mask": as_url(mask)}
    return client.post("/api/sessions", json={"prompt": words, "picture": as_url(content), **masks})


def send_form(
    client: httpx.Client, content: bytes | str, mask: bytes | None = None, words: str = "a harbour"
) -> httpx.Response:
    if isinstance(content, str):
        return client.post("/api/sessions", data={"prompt": words, "picture": content}, files={"x": b""})
    files = {"picture": content, **({} if mask is None else {"mask": mask})}
    return client.post("/api/sessions", data={"prompt": words}, files=files)


def send_edit(
    client: httpx.Client, content: bytes | str, mask: bytes | None = None, words: str = "a harbour"
) -> httpx.Response:
    masks = {} if mask is None else {"mask": as_url(mask)}
    return client.post("/v1/images/edits", json={"prompt": words, "image": as_url(content), **masks})


def send_img2img(
    client: httpx.Client, content: bytes | str, mask: bytes | None = None, words: str = "a harbour"
) -> httpx.Response:
    masks = {} if mask is None else {"mask": as_url(mask)}
    body = {"prompt": words, "init_images": [as_url(content)], "steps": 2, **masks}
    return client.post("/sdapi/v1/img2img", json=body)


def send_chat(
    client: httpx.Client, content: bytes | str, mask: bytes | None = None, words: str = "a harbour"
) -> httpx.Response:
    parts = [{"type": "text", "text": words}, {"type": "image_url", "image_url": {"url": as_url(content)}}]
    return client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": parts}]})


FACES = [send_json, send_form, send_edit, send_img2img, send_chat]
WITH_MASKS = [send_json, send_form, send_edit, send_img2img]

CONVERTED: dict[str, tuple[bytes, tuple[int, int], tuple[int, int, int]]] = {
    "animation": (encode(red(), "GIF", save_all=True, append_images=[red("L")]), (64, 32), (200, 0, 0)),
    "CMYK": (encode(red("CMYK"), "JPEG", quality=100), (64, 32), (200, 0, 0)),
    "16 bit": (encode(Image.fromarray(np.full((32, 64), 51_400, np.uint16))), (64, 32), (200, 200, 200)),
    "EXIF": (rotated(), (32, 64), (0, 0, 200)),
    "alpha": (transparent(), (64, 32), (255, 255, 255)),
}
REFUSED = {
    "20,000 x 20,000": (huge(), "too large"),
    "truncated": (encode(red(size=(640, 320)))[:200], "damaged or incomplete"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="32"/>', "no picture that can be read"),
    "empty": (b"", "empty"),
    "http": ("http://127.0.0.1:1/picture.png", "no address is fetched"),
    "file": ("file:///etc/hostname", "no address is fetched"),
    "path": ("/etc/hostname", ""),
}


def line_of(answer: httpx.Response) -> str:
    body = answer.json()
    return str(body["error"]["message"] if "error" in body else body["detail"])


@pytest.mark.parametrize("send", [send_form, send_chat])
def test_every_kind_of_picture_is_converted(server: Running, send: Send) -> None:
    for kind, (content, size, color) in CONVERTED.items():
        answer = send(server.client, content)
        assert answer.status_code == 200, (kind, answer.text)
        body = answer.json()
        source = body.get("notthat", body)["source"]
        stored = Image.open(BytesIO(server.client.get(source["image"]).content))
        assert (stored.mode, stored.size, stored.info) == ("RGB", size, {}), kind
        pixel: Any = stored.getpixel((16, 16))
        assert max(abs(a - b) for a, b in zip(pixel, color, strict=True)) <= 6, kind


@pytest.mark.parametrize("send", FACES)
def test_what_is_no_picture_is_refused_in_one_line(server: Running, send: Send) -> None:
    for kind, (content, line) in REFUSED.items():
        answer = send(server.client, content)
        assert answer.status_code == 400, (kind, answer.text)
        told = line_of(answer)
        assert line in told, kind
        assert "\n" not in told, kind
    assert not server.studio.store.sessions()
    assert not list(server.studio.store.images.folder.rglob("*.png"))


@pytest.mark.parametrize("send", WITH_MASKS)
def test_a_mask_of_other_proportions_is_refused(server: Running, send: Send) -> None:
    answer = send(server.client, encode(red()), encode(Image.new("L", (64, 64), 255)))
    assert (answer.status_code, line_of(answer)[:5]) == (400, "mask:")
    answer = send(server.client, encode(red()), encode(Image.new("L", (128, 64), 255)))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("send", [send_json, send_form, send_edit])
def test_a_picture_of_a_session_goes_on_with_it(server: Running, send: Send) -> None:
    first = server.begin("a pier without fog")
    answer = send(server.client, server.client.get(first["image"]).content, words="no boats")
    assert answer.status_code == 200, answer.text
    turn = server.studio.store.turn(first["session"])
    assert (turn.number, turn.parent, [each.term for each in turn.exclusions]) == (1, 0, ["fog", "boats"])


def test_the_options_of_a_session_are_kept(server: Running) -> None:
    first = server.begin("a pier")
    form = {"prompt": "a harbour", "width": "64"}
    picture = server.client.get(first["image"]).content
    answer = server.client.post("/api/sessions", data=form, files={"picture": picture})
    assert (answer.status_code, line_of(answer)[:6]) == (400, "width:")
    answer = server.client.post("/api/sessions", data={**form, "strength": "0.25"}, files={"picture": picture})
    turn = server.turn(answer)
    assert (turn["turn"], turn["source"]["strength"]) == (0, 0.25)


def test_a_form_is_answered_at_once_where_that_is_preferred(server: Running) -> None:
    headers = {"Prefer": "respond-async", "Idempotency-Key": "one"}
    answers = [
        server.client.post(
            "/api/sessions", data={"prompt": "a pier"}, files={"picture": encode(red())}, headers=headers
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["session"] == answers[1].json()["session"]


@pytest.mark.parametrize(
    ("request_options", "status", "line"),
    [
        ({"data": {"prompt": "a pier", "steps": "many"}, "files": {"picture": b""}}, 422, "body.steps"),
        ({"data": {"prompt": "a pier", "mood": "dark"}, "files": {"picture": b""}}, 422, "body.mood"),
        ({"data": {"prompt": "a pier"}, "files": [("picture", b""), ("picture", b"")]}, 400, "one file"),
        ({"data": {"prompt": "a pier"}, "files": {"mask": b"x"}}, 400, "mask: it is about a picture"),
        ({"json": {"prompt": "a pier", "strength": 0.5}}, 400, "strength: it is about a picture"),
        ({"content": b"prompt", "headers": {"Content-Type": "text/plain"}}, 415, "application/json"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 422, "JSON"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "boundary"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}, 400, "form"),
        ({"data": {"prompt": "a pier"}, "files": {"picture": b"x" * (33 << 20)}}, 413, "larger than"),
    ],
)
def test_a_form_is_checked_as_json_is(server: Running, request_options: Any, status: int, line: str) -> None:
    answer = server.client.post("/api/sessions", **request_options)
    assert (answer.status_code, line in line_of(answer)) == (status, True), answer.text
    assert not server.studio.store.sessions()

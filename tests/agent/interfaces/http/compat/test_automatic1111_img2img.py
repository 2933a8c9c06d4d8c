"""AUTOMATIC1111's img2img, called by `webuiapi`."""

from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from webuiapi import WebUIApi

from ...conftest import Running


@pytest.fixture
def api(server: Running) -> Iterator[Any]:
    api = WebUIApi(baseurl=f"{server.url}/sdapi/v1")
    yield api
    api.session.close()


def halves(mode: str, first: Any, second: Any, size: tuple[int, int] = (96, 64)) -> Image.Image:
    """A picture whose left half has one colour and whose right half has another."""
    image = Image.new(mode, size, second)
    image.paste(first, (0, 0, size[0] // 2, size[1]))
    return image


def test_a_client_starts_from_a_picture(server: Running, api: Any) -> None:
    drawn = api.img2img(
        images=[halves("RGB", "red", "blue"), Image.new("RGB", (64, 64))],
        prompt="a harbour without fog",
        denoising_strength=0.5,
        seed=7,
        steps=4,
        width=96,
        height=64,
        batch_size=2,
        resize_mode=2,
    )
    assert [image.size for image in drawn.images] == [(96, 64)] * 2
    assert (drawn.info["all_seeds"], drawn.info["denoising_strength"]) == ([7, 8], 0.5)
    warnings = "\n".join(drawn.info["warnings"])
    assert "init_images: only the first of 2" in warnings
    assert "resize_mode: nothing is filled in" in warnings
    assert "mask" not in warnings
    for session in drawn.info["sessions"]:
        turn = server.studio.store.turn(session)
        assert (turn.request["strength"], turn.negative) == (0.5, "fog")
        source = server.studio.store.images.open(str(turn.source_image))
        assert [source.getpixel(place) for place in ((8, 8), (88, 8))] == [(255, 0, 0), (0, 0, 255)]
    again = api.img2img(images=[drawn.images[0]], prompt="a harbour", steps=2, width=96, height=64)
    turn = server.studio.store.turn(again.info["sessions"][0])  # always a new session, since it has a strength
    assert (turn.number, turn.request["strength"]) == (0, 0.75)


@pytest.mark.parametrize("invert", [0, 1])
def test_a_mask_may_be_inverted_and_the_picture_cropped(server: Running, api: Any, invert: int) -> None:
    drawn = api.img2img(
        images=[halves("RGB", "red", "blue", (96, 32))],
        mask_image=halves("L", 255, 0, (96, 32)),
        inpainting_mask_invert=invert,
        resize_mode=1,
        prompt="a harbour",
        steps=4,
        width=32,
        height=32,
    )
    turn = server.studio.store.turn(drawn.info["sessions"][0])
    source, mask = (server.studio.store.images.open(str(name)) for name in (turn.source_image, turn.mask_image))
    assert source.size == mask.size == (32, 32)
    assert [source.getpixel(place) for place in ((2, 8), (30, 8))] == [(255, 0, 0), (0, 0, 255)]
    areas = [mask.convert("L").getpixel(place) for place in ((2, 8), (30, 8))]
    assert areas == ([0, 255] if invert else [255, 0])
    assert {warning.partition(":")[0] for warning in drawn.info["warnings"]} >= {"mask_blur", "inpaint_full_res"}


def test_what_is_missing_is_said(server: Running) -> None:
    for body, status, line in [
        ({"prompt": "a harbour"}, 422, "init_images"),
        ({"prompt": "a harbour", "init_images": []}, 422, "init_images"),
        ({"prompt": "a harbour", "init_images": ["x"], "denoising_strength": 2}, 422, "denoising_strength"),
    ]:
        answer = server.client.post("/sdapi/v1/img2img", json=body)
        assert (answer.status_code, line in answer.json()["detail"]) == (status, True), answer.text

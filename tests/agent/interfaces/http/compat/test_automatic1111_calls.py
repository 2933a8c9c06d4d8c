"""Every call of `webuiapi`, a client of AUTOMATIC1111's API, that isn't a picture: answered, or refused as it knows."""

import inspect
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from webuiapi import WebUIApi

from ...conftest import Running

ELSEWHERE = {
    "async_post",
    "check_extensions",
    "custom_get",
    "custom_post",
    "get_endpoint",
    "get_options",
    "get_progress",
    "interrupt",
    "post_and_get_api_result",
    "set_auth",
    "set_options",
    "skip",
    "txt2img",
    "util_get_current_model",
    "util_set_model",
}
"""Tested with the pictures, or no calls of the server's."""

ANSWERED = {
    "get_artist_categories": None,
    "get_artists": None,
    "get_cmd_flags": {"api": True, "nowebui": True},
    "get_embeddings": {"loaded": {}, "skipped": {}},
    "get_face_restorers": [],
    "get_hypernetworks": [],
    "get_latent_upscale_modes": [],
    "get_loras": [],
    "get_prompt_styles": [],
    "get_realesrgan_models": [],
    "get_scripts": {"txt2img": [], "img2img": []},
    "get_sd_vae": [],
    "refresh_checkpoints": None,
    "util_get_model_names": ["stub"],
    "util_get_sampler_names": ["Automatic"],
    "util_get_scheduler_names": ["automatic"],
    "util_wait_for_ready": None,
}
DEPRECATED = {"get_artist_categories", "get_artists"}
EXTENSIONS = {
    "controlnet_version": "version",
    "controlnet_model_list": "model_list",
    "controlnet_module_list": "module_list",
    "list_prompt_gen_models": "available_models",
}
"""What is not there without an extension, as with AUTOMATIC1111's web UI: the key that the client misses."""


@pytest.fixture
def api(server: Running) -> Iterator[Any]:
    api = WebUIApi(baseurl=f"{server.url}/sdapi/v1")
    yield api
    api.session.close()


@pytest.fixture
def picture() -> Image.Image:
    return Image.new("RGB", (600, 600), "red")


@pytest.mark.parametrize(("call", "answer"), [each for each in ANSWERED.items() if each[0] not in DEPRECATED])
def test_what_clients_look_for_is_answered(api: Any, call: str, answer: Any) -> None:
    assert getattr(api, call)() == answer


def test_a_client_finds_models_samplers_and_upscalers_by_their_names(api: Any) -> None:
    assert [model["model_name"] for model in api.get_sd_models()] == ["stub"]
    assert [sampler["name"] for sampler in api.get_samplers()] == ["Automatic"]
    assert [scheduler["name"] for scheduler in api.get_schedulers()] == ["automatic"]
    assert [upscaler["name"] for upscaler in api.get_upscalers()] == ["None"]
    assert api.has_controlnet is api.has_adetailer is api.has_animatediff is False


def test_memory_says_where_it_is_told(api: Any) -> None:
    told = api.get_memory()
    assert set(told) == {"ram", "cuda"}
    assert "/metrics" in told["ram"]["error"]


@pytest.mark.parametrize("call", sorted(DEPRECATED))
def test_what_the_web_ui_took_away_is_not_there(api: Any, call: str) -> None:
    assert "detail" in getattr(api, call)()


@pytest.mark.parametrize(("call", "key"), EXTENSIONS.items())
def test_extensions_are_not_there(api: Any, call: str, key: str) -> None:
    with pytest.raises(KeyError, match=key):
        getattr(api, call)()


def test_a_picture_tells_how_it_was_made(api: Any) -> None:
    drawn = api.txt2img(prompt="a harbour without fog", seed=7, steps=2, width=64, height=32)
    told = api.png_info(drawn.image)
    assert told.info == drawn.info["infotexts"][0]
    assert told.json["items"]["parameters"] == told.info
    expected = {"Prompt": "a harbour", "Negative prompt": "fog", "Steps": "2", "Seed": "7", "Size-1": "64"}
    assert expected.items() <= told.parameters.items()
    assert told.parameters["Guidance method"] == "cfg"


def test_a_picture_from_elsewhere_tells_what_is_in_it(api: Any, picture: Image.Image) -> None:
    told = api.png_info(picture)
    assert (told.info, told.parameters, told.json["items"]) == ("", {}, {})
    picture.info["parameters"] = "a cat\nSteps: many, Sampler: Euler a, Seed: 3"
    told = api.png_info(picture)
    assert (told.info, told.parameters) == (picture.info["parameters"], {})
    picture.info["parameters"] = "a cat\nSteps: 20, Sampler: Euler a, Seed: 3"
    assert api.png_info(picture).parameters["Sampler"] == "Euler a"


@pytest.mark.parametrize("content", ["", "no base64!", "aGVsbG8=", "data:image/png;base64,aGVsbG8="])
def test_what_is_no_picture_is_refused(server: Running, content: str) -> None:
    answer = server.client.post("/sdapi/v1/png-info", json={"image": content})
    assert (answer.status_code, answer.json()["detail"]) == (400, "image: it is not a PNG, JPEG or WebP in base64")


def test_what_cannot_be_done_is_an_error_to_the_client(api: Any, picture: Image.Image) -> None:
    noise = Image.effect_noise((1500, 1500), 90).convert("RGB")  # megabytes
    content = BytesIO()
    noise.save(content, "PNG")
    assert len(content.getvalue()) > 2 << 20
    for call in (
        lambda: api.extra_single_image(noise),
        lambda: api.extra_batch_images([picture]),
        lambda: api.interrogate(picture),
    ):
        with pytest.raises(RuntimeError, match="use txt2img") as refused:
            call()
        assert refused.value.args[0] == 400
    for call in (lambda: api.controlnet_detect([picture]), lambda: api.prompt_gen(text="a")):
        with pytest.raises(RuntimeError) as refused:
            call()
        assert refused.value.args[0] == 404


@pytest.mark.parametrize("path", ["refresh-vae", "refresh-loras", "refresh-embeddings", "reload-checkpoint"])
def test_what_needs_not_be_done_is_taken(server: Running, path: str) -> None:
    answer = server.client.post(f"/sdapi/v1/{path}")
    assert (answer.status_code, answer.json()) == (200, None)


def test_models_that_others_draw_with_are_not_unloaded(server: Running) -> None:
    assert server.client.post("/sdapi/v1/unload-checkpoint").status_code == 400
    assert server.client.get("/sdapi/v1/script-info").json() == []
    assert server.client.get("/sdapi/v1/extensions").json() == []


def test_all_of_the_clients_calls_are_tested() -> None:
    here = {
        "controlnet_detect",
        "extra_batch_images",
        "extra_single_image",
        "get_memory",
        "get_samplers",
        "get_schedulers",
        "get_sd_models",
        "get_upscalers",
        "img2img",
        "interrogate",
        "png_info",
        "prompt_gen",
    }
    calls = {name for name, _ in inspect.getmembers(WebUIApi, inspect.isfunction) if not name.startswith("_")}
    assert calls == {*ELSEWHERE, *ANSWERED, *EXTENSIONS, *here}

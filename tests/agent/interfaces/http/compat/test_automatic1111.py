"""AUTOMATIC1111's API on a real server: spoken by a client of it, and in the order in which chat front ends call it."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image
from webuiapi import WebUIApi

from notthat.generation import GenerationRequest, Progress, StubEngine
from notthat.storage import KeyLimits

from ...conftest import GatedEngine

Serve = Callable[..., Any]
Connect = Callable[..., Any]

ASKED = {
    "prompt": "portrait of a man without mustache",
    "negative_prompt": "blurry, (text:1.3)",
    "sampler_name": "Euler a",
    "scheduler": "karras",
    "steps": 3,
    "cfg_scale": 6,
    "width": 64,
    "height": 48,
    "restore_faces": False,
    "enable_hr": False,
    "hr_upscaler": "Latent",
    "seed": 5,
    "override_settings": {"CLIP_stop_at_last_layers": 1},
    "override_settings_restore_afterwards": True,
    "clip_skip": 1,
    "save_images": True,
    "send_images": True,
    "do_not_save_grid": False,
}
"""As a front end sends it."""


class Stepping(StubEngine):
    """A stub that shows previews, and waits after each step until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Semaphore(0)

    def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
        for progress in super().run(request):
            yield Progress(
                progress.step,
                progress.steps,
                progress.picture,
                seconds=float(progress.step),
                preview=lambda: Image.new("RGB", (8, 8), "red"),
            )
            self.let_go.acquire(timeout=60)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """A `webuiapi` client of a running server, closed in the end."""
    with ExitStack() as opened:

        def connect(running: Any, key: str | None = None) -> Any:
            api = WebUIApi(baseurl=f"{running.url}/sdapi/v1")
            opened.enter_context(api.session)
            if key is not None:
                api.set_auth("anybody", key)
            return api

        yield connect


def test_a_program_that_knows_the_web_ui_needs_another_address_and_no_more(server: Any, connect: Connect) -> None:
    api = connect(server)
    result = api.txt2img(
        prompt="a harbour without boats", negative_prompt="fog", seed=7, n_iter=2, width=64, height=64, steps=2
    )
    assert [image.size for image in result.images] == [(64, 64)] * 2
    assert result.info["all_seeds"] == [7, 8]
    assert result.info["negative_prompt"] == "boats, fog"
    assert result.parameters["prompt"] == "a harbour without boats"
    for image, session, infotext in zip(result.images, result.info["sessions"], result.info["infotexts"], strict=True):
        assert image.info["parameters"] == infotext
        said = "a harbour\nNegative prompt: boats, fog\nSteps: 2, CFG scale: 7, Guidance method: cfg, "
        assert infotext.startswith(f"{said}Guidance rescale: 0, Seed: ")
        assert server.say(session, "no gulls")["negative"] == "boats, fog, gulls"


def test_a_front_end_finds_what_it_looks_for(serve: Serve) -> None:
    """As SillyTavern calls it: look around, choose a model, wait for it, draw."""
    running = serve(models=("stub", "other"))
    with httpx.Client(base_url=f"{running.url}/sdapi/v1", auth=("", ""), timeout=60) as client:
        assert client.get("/options").json()["sd_model_checkpoint"] == "stub"
        assert "None" in [each["name"] for each in client.get("/upscalers").json()]
        for empty in ("/latent-upscale-modes", "/sd-vae", "/loras"):
            assert client.get(empty).json() == []
        assert [each["name"] for each in client.get("/samplers").json()] == ["Automatic"]
        assert [each["name"] for each in client.get("/schedulers").json()] == ["automatic"]
        assert [each["title"] for each in client.get("/sd-models").json()] == ["stub", "other"]
        assert client.post("/options", json={"sd_model_checkpoint": "other"}).json() is None
        told = client.get("/progress").json()
        assert (told["progress"], told["state"]["job_count"]) == (0, 0)
        answer = client.post("/txt2img", json=ASKED)
        assert answer.status_code == 200
        (image,) = answer.json()["images"]
        assert Image.open(BytesIO(base64.b64decode(image))).size == (64, 48)
        info = json.loads(answer.json()["info"])
        assert (info["sd_model_name"], info["seed"], info["cfg_scale"]) == ("other", 5, 6)
        assert info["negative_prompt"] == "mustache, blurry, (text:1.3)"


def test_another_front_end_that_sends_the_least(server: Any) -> None:
    """As Open WebUI calls it: settings as they came, and a size."""
    settings = server.client.get("/sdapi/v1/options").json()
    assert server.client.post("/sdapi/v1/options", json=settings).status_code == 200
    asked = {"prompt": "a pier", "batch_size": 1, "width": 32, "height": 32}
    answer = server.client.post("/sdapi/v1/txt2img", json=asked).json()
    assert len(answer["images"]) == 1
    assert isinstance(answer["info"], str)


def test_a_model_that_is_asked_for_in_passing_is_drawn_with_once(serve: Serve, connect: Connect) -> None:
    api = connect(serve(models=("stub", "other")))
    passing = {"sd_model_checkpoint": "other"}
    assert api.txt2img(prompt="a pier", override_settings=passing).info["sd_model_name"] == "other"
    assert api.txt2img(prompt="a pier").info["sd_model_name"] == "stub"
    api.util_set_model("other")
    assert api.util_get_current_model() == "other"


def test_progress_is_told_with_a_preview_and_it_can_be_interrupted(serve: Serve, connect: Connect) -> None:
    engine = Stepping()
    running = serve(engine)
    api, other = connect(running), connect(running)
    answers: list[Any] = []

    def draw() -> None:
        answers.append(api.txt2img(prompt="a harbour", n_iter=2))

    drawing = threading.Thread(target=draw)
    drawing.start()
    for _ in range(3):
        engine.let_go.release()
    running.wait_until(
        lambda: any(
            (run.events.latest("step") or {}).get("step") == 4 for run in running.service.jobs.list_unfinished()
        )
    )
    told = other.get_progress()
    assert told["progress"] == 0.2
    assert (told["state"]["sampling_step"], told["state"]["sampling_steps"], told["state"]["job_count"]) == (4, 20, 2)
    assert Image.open(BytesIO(base64.b64decode(told["current_image"]))).size == (8, 8)
    assert other.custom_get("progress?skip_current_image=true", baseurl=True)["current_image"] is None
    other.interrupt()
    assert other.get_progress()["state"]["interrupted"] is True
    for _ in range(50):
        engine.let_go.release()
    drawing.join()
    (answer,) = answers
    assert (answer.images, answer.info["sessions"], answer.info["prompt"]) == ([], [], "a harbour")
    assert answer.info["warnings"][-1] == "interrupted: 0 of 2 pictures were drawn"
    running.wait_until(lambda: not running.service.jobs.list_unfinished())
    assert {each.status for each in running.studio.store.attempts.all()} == {"cancelled"}
    assert other.get_progress()["state"]["job_count"] == 0


@pytest.mark.parametrize(
    ("more", "status", "line"),
    [
        ({"enable_hr": True}, 400, "enable_hr: this is not supported"),
        ({"alwayson_scripts": {"controlnet": {}}}, 400, "alwayson_scripts"),
        ({"styles": ["anime"]}, 400, "styles"),
        ({"n_iter": 4, "batch_size": 3}, 403, "over the limit of 10 pictures"),
        ({"override_settings": {"sd_model_checkpoint": "sdxl"}}, 400, "no model “sdxl”"),
        ({"width": 4096}, 403, "width: 4096 is over the limit of 2048"),
        ({"width": 65}, 422, "width"),
        ({"prompt": "no fog"}, 400, "only says what is not wanted"),
    ],
)
def test_what_cannot_be_done_is_refused_and_not_left_out(
    server: Any, more: dict[str, Any], status: int, line: str
) -> None:
    answer = server.client.post("/sdapi/v1/txt2img", json={**ASKED, **more})
    assert answer.status_code == status
    assert line in answer.json()["detail"]
    assert answer.json()["error"]["message"] == answer.json()["detail"]
    assert server.client.post("/sdapi/v1/options", json={"sd_model_checkpoint": "sdxl"}).status_code == 400


def test_keys_limits_and_choices_are_each_callers_own(serve: Serve, connect: Connect) -> None:
    running = serve(models=("stub", "other"))
    _, mine = running.studio.store.keys.add("mine", limits=KeyLimits(requests_per_minute=6, steps=5))
    _, yours = running.studio.store.keys.add("yours")
    assert running.client.get("/sdapi/v1/options").status_code == 401
    assert "key" in running.client.post("/sdapi/v1/txt2img", json=ASKED).json()["detail"]
    api, other = connect(running, mine), connect(running, yours)
    api.set_options({"sd_model_checkpoint": "other"})
    assert (api.get_options()["sd_model_checkpoint"], other.get_options()["sd_model_checkpoint"]) == ("other", "stub")
    with pytest.raises(RuntimeError, match="over the limit of 5"):
        api.txt2img(prompt="a pier", steps=6)
    session = api.txt2img(prompt="a pier", steps=5).info["sessions"][0]
    assert running.studio.store.session(session).owner is not None
    with pytest.raises(RuntimeError, match="429"):
        api.txt2img(prompt="a pier", steps=5, n_iter=4)


@pytest.mark.parametrize("call", ["interrupt", "skip"])
def test_what_was_drawn_before_an_interruption_is_answered(serve: Serve, connect: Connect, call: str) -> None:
    engine = GatedEngine()
    running = serve(engine)
    api, other = connect(running), connect(running)
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(api.txt2img, prompt="a harbour", n_iter=3, steps=4, seed=7)
        assert engine.begun.acquire(timeout=60)
        engine.let_go(4)
        assert engine.begun.acquire(timeout=60)  # the second one
        assert getattr(other, call)() is None
        engine.gate.set()
        result = answer.result()
    drawn = {"interrupt": 1, "skip": 2}[call]
    assert len(result.images) == len(set(result.info["all_seeds"])) == drawn
    assert set(result.info["all_seeds"]) < {7, 8, 9}
    assert result.info["warnings"][-1] == f"interrupted: {drawn} of 3 pictures were drawn"


def test_a_request_that_is_sent_twice_draws_its_pictures_once(serve: Serve, connect: Connect) -> None:
    engine = GatedEngine()
    engine.gate.set()
    api = connect(serve(engine))
    api.session.headers["Idempotency-Key"] = "5f1c"
    answers = [api.txt2img(prompt="a harbour", n_iter=2) for _ in range(2)]
    assert answers[0].info["sessions"] == answers[1].info["sessions"]
    assert len(engine.order) == 2


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"sampler_name": "Euler a"}, "sampler_name: the model's own sampler is used, not Euler a"),
        ({"sampler_index": "DDIM"}, "sampler_index: the model's own sampler is used, not DDIM"),
        ({"scheduler": "karras"}, "scheduler: the model's own scheduler is used, not karras"),
        (
            {"subseed": 5, "subseed_strength": 0.4},
            "subseed_strength: variations are not supported and `subseed` is ignored, not 0.4",
        ),
        ({"seed_resize_from_w": 512}, "seed_resize_from_w: the noise has the size of the picture, not 512"),
        ({"eta": 0.3}, "eta: the model's own sampler determines its noise, not 0.3"),
        ({"s_churn": 5}, "s_churn: the model's own sampler determines its noise, not 5"),
        ({"s_noise": 1.1}, "s_noise: the model's own sampler determines its noise, not 1.1"),
        ({"s_min_uncond": 3}, "s_min_uncond: the guidance method determines how the negative prompt acts, not 3"),
        ({"refiner_checkpoint": "x"}, "refiner_checkpoint: there is no refiner, not x"),
        ({"do_not_save_samples": True}, "do_not_save_samples: every picture is stored with its session, not True"),
        (
            {"prompt": "a pier, [day|night]"},
            "Read as words in the prompt, since only other programs act on them: “[day|night]”.",
        ),
        (
            {"override_settings": {"eta_noise_seed_delta": 31337}},
            "override_settings.eta_noise_seed_delta: this setting or value is not supported",
        ),
    ],
)
def test_an_ignored_field_gives_a_warning(server: Any, more: dict[str, Any], line: str) -> None:
    answer = server.client.post("/sdapi/v1/txt2img", json={"prompt": "a pier", **more})
    assert json.loads(answer.json()["info"])["warnings"] == [line]


def test_what_is_done_anyway_is_no_news(server: Any, connect: Connect) -> None:
    api = connect(server)
    asked = {"sampler_name": "Automatic", "sampler_index": "Automatic", "scheduler": "automatic", "subseed": 5}
    assert api.txt2img(prompt="a pier", **asked).info["warnings"] == []
    assert api.txt2img(prompt="a pier").info["warnings"] == [
        "sampler_name: the model's own sampler is used, not Euler a"
    ]
    settings = {"sd_model_checkpoint": "stub", "CLIP_stop_at_last_layers": 1, "sd_vae": "Automatic"}
    answer = server.client.post("/sdapi/v1/txt2img", json={"prompt": "a pier", "override_settings": settings})
    assert json.loads(answer.json()["info"])["warnings"] == []


def test_the_layer_of_clip_is_the_requests_or_the_one_that_the_caller_chose(server: Any, connect: Connect) -> None:
    def draw(**more: Any) -> tuple[int, int | None]:
        answer = server.client.post("/sdapi/v1/txt2img", json={"prompt": "a pier", **more})
        assert answer.status_code == 200, answer.text
        info = json.loads(answer.json()["info"])
        assert info["warnings"] == []
        request = server.studio.store.turn(info["sessions"][0]).request
        return info["clip_skip"], request["clip_skip"]

    assert draw() == draw(clip_skip=1) == (1, None)
    own = server.begin(clip_skip=2)
    assert server.studio.store.turn(own["session"]).request["clip_skip"] == 2
    assert draw(clip_skip=2) == draw(override_settings={"CLIP_stop_at_last_layers": 2}) == (2, 2)
    api = connect(server)
    api.set_options({"CLIP_stop_at_last_layers": 2})
    assert api.get_options()["CLIP_stop_at_last_layers"] == 2
    assert draw() == (2, 2)
    assert draw(override_settings={"CLIP_stop_at_last_layers": 1}) == (1, None)
    for wrong in (13, "x", 2.5, -1):
        asked = {"prompt": "a pier", "override_settings": {"CLIP_stop_at_last_layers": wrong}}
        answer = server.client.post("/sdapi/v1/txt2img", json=asked)
        assert answer.status_code == 400
        assert "from 1 to 12" in answer.json()["detail"]

"""How weights are stored on the device: quantised, offloaded, or as they are."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from notthat.generation import GenerationRequest, InvalidModelError, InvalidRequestError, LocalEngine, generate
from notthat.generation import model_source as sources
from notthat.generation.loading import silence_libraries
from notthat.generation.quantization import offload_parts
from notthat.generation.storage_plan import PartSizes, WeightStorage, choose_offload, choose_storage

from .conftest import SIDE, Both

GIB = 1 << 30


def a_request(engine: LocalEngine, **changed: Any) -> GenerationRequest:
    values = {"prompt": "a man on a beach", "negative_prompt": "hat", "seed": 11, "num_inference_steps": 3}
    sized = {"guidance_scale": 4.0, "width": SIDE, "height": SIDE, "model": engine.model, "method": "cfg"}
    return GenerationRequest.create(**{**sized, **values, **changed})


def pixels(engine: LocalEngine, **changed: Any) -> np.ndarray[Any, Any]:
    return np.asarray(generate(engine, a_request(engine, **changed)).image, np.int16)


@pytest.mark.parametrize("quantize", ["int8", "fp8"])
@pytest.mark.parametrize("kind", ["sd", "flux"])
def test_a_quantised_model_draws_nearly_the_same_and_its_negative_acts(
    random_model: Callable[[str], Both], kind: str, quantize: str
) -> None:
    whole = random_model(kind)
    engine = LocalEngine.load(f"{whole.folder}?quantize={quantize}", device="cpu")
    picture = pixels(engine)
    made_with = engine.provenance()
    assert (made_with["quantize"], made_with["offload"], made_with["dtype"]) == (quantize, "none", "bfloat16")
    assert (picture == pixels(engine)).all()
    assert (picture != pixels(whole.engine)).any()
    assert abs(picture - pixels(whole.engine)).mean() < 20
    assert (picture != pixels(engine, negative_prompt="")).any()
    *_, last = engine.run(a_request(engine, syntax="weighted"))
    assert last.picture is not None
    assert (last.picture.negative_effect or 0) > 0


def test_a_lora_is_not_added_to_quantised_weights(random_model: Callable[[str], Both], tmp_path: Any) -> None:
    engine = LocalEngine.load(f"{random_model('sd').folder}?quantize=fp8", device="cpu")
    before = pixels(engine)
    save_file({"x": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(InvalidRequestError, match=r"weights are quantised \(fp8\)"):
        pixels(engine, loras=((str(tmp_path / "a.safetensors"), 1.0),))
    assert (pixels(engine) == before).all()


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("quantize=nf4", "--quantize nf4 needs an NVIDIA GPU"),
        ("offload=model", "--offload model needs an NVIDIA GPU, and this model runs on the cpu"),
        ("offload=group", "--offload group needs an NVIDIA GPU"),
        ("quantize=int3", "--quantize: int3 is unknown: use none, nf4, int8, fp8"),
        ("offload=disk", "--offload: disk is unknown: use none, model, group"),
    ],
)
def test_what_the_machine_lacks_is_refused_in_one_line(option: str, reason: str) -> None:
    with pytest.raises(InvalidModelError, match=reason) as error:
        LocalEngine.load(f"mini?{option}", device="cpu")
    assert "\n" not in str(error.value)


def test_int8_without_its_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InvalidModelError, match="--quantize int8 needs torchao: pip install"):
        LocalEngine.load("mini?quantize=int8", device="cpu")


def test_layers_that_take_turns_draw_the_same_picture(random_model: Callable[[str], Both]) -> None:
    """The hooks also run with the CPU as the device that layers are moved to."""
    whole = random_model("sd3")
    before = pixels(whole.engine)
    parts = {**whole.stock.components}
    with silence_libraries():
        pipeline = type(whole.stock).from_pretrained(whole.folder)
        offload_parts(pipeline, "group", torch.device("cpu"))
    assert parts.keys() == pipeline.components.keys()
    drawn = pipeline(
        "a man on a beach",
        negative_prompt="hat",
        num_inference_steps=3,
        guidance_scale=4.0,
        width=SIDE,
        height=SIDE,
        generator=torch.Generator("cpu").manual_seed(11),
    ).images[0]
    assert abs(np.asarray(drawn, np.int16) - before).max() <= 1


@pytest.mark.parametrize(
    ("free", "chosen"),
    [
        (40, WeightStorage()),
        (27, WeightStorage("none", "model")),
        (14.5, WeightStorage("fp8", "model")),
        (5, WeightStorage("none", "group")),
    ],
)
def test_the_free_memory_of_a_gpu_decides(free: float, chosen: WeightStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    flux = PartSizes(denoiser=24 * GIB, other=9 * GIB, total=34 * GIB)
    assert choose_storage(flux, int(free * GIB), "cuda") == chosen


def test_nf4_is_chosen_where_its_library_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    flux = PartSizes(denoiser=24 * GIB, other=9 * GIB, total=34 * GIB)
    assert choose_storage(flux, 10 * GIB, "cuda") == WeightStorage("nf4", "model")


def test_what_is_said_of_quantisation_is_kept() -> None:
    flux = PartSizes(denoiser=24 * GIB, other=9 * GIB, total=34 * GIB)
    assert choose_offload(flux, 40 * GIB, "cuda", "int8") == WeightStorage("int8")
    assert choose_offload(flux, 15 * GIB, "cuda", "int8") == WeightStorage("int8", "model")
    assert choose_offload(flux, 15 * GIB, "cuda", "none") == WeightStorage("none", "group")
    assert choose_offload(flux, GIB, "cpu", "none") == WeightStorage()


def test_what_was_chosen_is_told_once(random_model: Callable[[str], Both], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_free_memory", lambda device: 1000)
    engine = LocalEngine.load(str(random_model("sd").folder), device="cpu")
    assert engine.storage == WeightStorage("fp8")
    (line,) = engine.warnings(a_request(engine))
    assert "0.0 GiB are free, so it is loaded with --quantize fp8" in line
    assert engine.warnings(a_request(engine)) == []

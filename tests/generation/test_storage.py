"""How weights are stored on the device: quantised, offloaded, or as they are."""

import importlib.util
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import comfyui_files
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from notthat.generation import GenerationRequest, InvalidModelError, LocalEngine, generate
from notthat.generation import model_source as sources
from notthat.generation.loading import load_family, silence_libraries
from notthat.generation.quantization import offload_parts, quiet_imports
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


@pytest.mark.parametrize(
    ("kind", "stored"),
    [("sd", "int8"), ("sd", "fp8"), ("z-image", "int8"), ("z-image", "fp8"), ("z-image", "gguf")],
)
def test_a_lora_acts_beside_quantised_weights_as_in_those_that_they_stand_for(
    random_model: Callable[[str], Both], tmp_path: Path, kind: str, stored: str
) -> None:
    whole = random_model(kind)
    name = f"{whole.folder}?quantize={stored}" if stored != "gguf" else as_gguf(whole, tmp_path)
    family = load_family(name, torch.device("cpu"))
    engine = LocalEngine(name, family, torch.device("cpu"))
    tensors, changes = low_rank(kind, whole)
    file = str(tmp_path / "a.safetensors")
    save_file(tensors, file)
    before = pixels(engine)
    assert (pixels(engine, loras=((file, 0.5),)) != before).any()
    for path, change in changes.items():  # the adapter stays until the next request
        layer = family.denoiser.get_submodule(path)
        given = torch.randn(3, *(layer.weight.shape[1:2] if stored != "gguf" else [layer.in_features]))
        given = given.reshape(3, -1, *[1] * (change.ndim - 2)).expand(3, -1, *[4] * (change.ndim - 2)).bfloat16()
        weights = whole_weights(layer.weight) + 0.5 * change
        bias = None if layer.bias is None else layer.bias.float()
        apply = torch.nn.functional.conv2d if change.ndim == 4 else torch.nn.functional.linear
        expected = apply(given.float(), weights, bias, **({"padding": 1} if change.ndim == 4 else {}))
        with torch.inference_mode():
            found = layer(given).float()
        assert (found - expected).norm() < 0.01 * expected.norm()
    assert (pixels(engine) == before).all()


def low_rank(kind: str, whole: Both) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """A LoRA of a model's denoiser, and what it adds to each of the layers."""
    part, names = ("unet", ("to_v", "to_out.0", "conv1")) if kind == "sd" else ("transformer", ("to_v", "to_out.0"))
    tensors, changes = {}, {}
    generator = torch.Generator().manual_seed(5)
    for path, layer in getattr(whole.stock, part).named_modules():
        if path.endswith(names) and isinstance(layer, torch.nn.Linear | torch.nn.Conv2d):
            shape = layer.weight.shape
            down = torch.randn(2, *shape[1:], generator=generator) / layer.weight[0].numel() ** 0.5
            up = torch.randn(shape[0], 2, *[1] * (len(shape) - 2), generator=generator)
            tensors |= {f"{part}.{path}.lora_A.weight": down, f"{part}.{path}.lora_B.weight": up}
            changes[path] = (up.flatten(1) @ down.flatten(1)).view(shape)
    return tensors, changes


def whole_weights(weights: torch.Tensor) -> torch.Tensor:
    """What quantised weights stand for, in single precision."""
    if hasattr(weights, "quant_type"):
        from diffusers.quantizers.gguf.utils import dequantize_gguf_tensor

        return dequantize_gguf_tensor(weights).float()
    return (weights.dequantize() if hasattr(weights, "qdata") else weights).float()


def as_gguf(whole: Both, folder: Path) -> str:
    """The name of a random Z-Image whose transformer is a GGUF."""
    files = comfyui_files.save_files("z-image", whole.folder, folder)
    file = folder / "transformer.gguf"
    tensors = comfyui_files.original_transformer("z-image", whole.folder)
    comfyui_files.save_gguf(tensors, file, "lumina2", quantized="layers")
    return comfyui_files.model_name({**files, "transformer": file})


@pytest.mark.parametrize("kind", ["sd", "flux", "z-image"])
def test_a_lora_beside_weights_draws_what_it_draws_in_them(
    random_model: Callable[[str], Both], tmp_path: Path, kind: str
) -> None:
    whole = random_model(kind)
    tensors, _ = low_rank(kind, whole)
    file = str(tmp_path / "a.safetensors")
    save_file(tensors, file)
    family = load_family(str(whole.folder), torch.device("cpu"))
    family.storage = WeightStorage("fp8")  # so that the engine keeps it beside weights that are as they are
    beside = LocalEngine("beside", family, torch.device("cpu"))
    ours, added = (pixels(engine, loras=((file, 0.2), (file, 0.3))) for engine in (beside, whole.engine))
    assert abs(ours - added).max() <= 1
    assert (ours != pixels(whole.engine)).any()


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


def test_a_quantiser_that_is_imported_says_nothing(tmp_path: Path) -> None:
    arguments = ["generate", "a man", "--model", "mini", "--quantize", "int8", "--steps", "1", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "notthat", *arguments, "--json"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert json.loads(done.stdout)["model"] == "mini?quantize=int8"


def test_what_others_log_during_an_import_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    with quiet_imports():
        logging.getLogger("torchao.kernel").warning("no kernel")
        logging.getLogger("notthat").warning("a disk is full")
    logging.getLogger("torchao.kernel").warning("a real warning")
    assert [record.message for record in caplog.records] == ["a disk is full", "a real warning"]


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

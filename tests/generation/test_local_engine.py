"""The local engine: what it is asked for, what it refuses, and how it is interrupted."""

import json
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from notthat.generation import (
    GenerationError,
    GenerationRequest,
    InvalidModelError,
    InvalidRequestError,
    LocalEngine,
    generate,
    list_models,
)

from .single_files import save_single_file

MakeModel = Callable[..., Path]


def a_request(engine: LocalEngine, **changed: Any) -> GenerationRequest:
    asked = {"model": engine.model, "prompt": "a man on a beach", "seed": 5, **changed}
    return GenerationRequest.with_defaults(asked, lambda: engine.defaults)


@pytest.fixture
def engine(stable_diffusion: MakeModel) -> LocalEngine:
    return LocalEngine.load(str(stable_diffusion()), device="cpu")


def pixels(engine: LocalEngine, **changed: Any) -> np.ndarray[Any, Any]:
    return np.asarray(generate(engine, a_request(engine, **changed)).image)


def test_the_defaults_are_those_of_the_models_folder(engine: LocalEngine) -> None:
    assert (engine.defaults.num_inference_steps, engine.defaults.width) == (3, 32)


def test_every_step_is_heard_of_and_the_last_brings_the_picture(engine: LocalEngine) -> None:
    heard = list(engine.run(a_request(engine, num_inference_steps=4)))
    assert [(p.step, p.steps, p.picture is not None) for p in heard] == [
        (1, 4, False),
        (2, 4, False),
        (3, 4, False),
        (4, 4, True),
    ]


def test_a_cancelled_request_frees_the_engine(engine: LocalEngine) -> None:
    running = engine.run(a_request(engine))
    next(running)
    running.close()
    assert pixels(engine).shape == (32, 32, 3)


def test_the_same_request_gives_the_same_pixels_whatever_ran_before(engine: LocalEngine) -> None:
    first = pixels(engine, negative_prompt="hat")
    pixels(engine, seed=99, negative_prompt="(hat:1.4), beard")
    assert (pixels(engine, negative_prompt="hat") == first).all()


def test_models_are_loaded_by_several_threads_at_once() -> None:
    start = threading.Barrier(6)

    def load(_: int) -> LocalEngine:
        start.wait()
        return LocalEngine.load("mini", device="cpu")

    with ThreadPoolExecutor(6) as threads:
        assert [loaded.model for loaded in threads.map(load, range(6))] == ["mini"] * 6


def test_threads_get_the_pixels_that_they_get_alone(engine: LocalEngine) -> None:
    alone = [pixels(engine, seed=seed) for seed in range(4)]
    together: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda s=seed: together.update({s: pixels(engine, seed=s)})) for seed in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((together[seed] == alone[seed]).all() for seed in range(4))


def test_words_weights_and_what_lies_past_77_tokens_all_count(engine: LocalEngine) -> None:
    bare = pixels(engine)
    for negative in ("hat", "(hat:1.5)", "hat " * 60 + "beard", "hat " * 60 + "watch"):
        assert (pixels(engine, negative_prompt=negative) != bare).any()
    assert (pixels(engine, negative_prompt="hat") != pixels(engine, negative_prompt="(hat:1.5)")).any()
    long = pixels(engine, negative_prompt="hat " * 60 + "beard")
    assert (long != pixels(engine, negative_prompt="hat " * 60 + "watch")).any()


def test_a_negative_that_cannot_act_is_said(engine: LocalEngine) -> None:
    unguided = {"guidance_scale": 1.0, "method": "cfg"}
    (line,) = engine.warnings(a_request(engine, negative_prompt="hat", **unguided))
    assert "exclusions have no effect" in line
    assert engine.warnings(a_request(engine, negative_prompt="hat")) == []
    assert (pixels(engine, negative_prompt="hat", **unguided) == pixels(engine, **unguided)).all()


def test_a_negative_joins_at_its_step_and_its_base_guides_until_then(engine: LocalEngine) -> None:
    at_once = pixels(engine, negative_prompt="hat")
    late = pixels(engine, negative_prompt="hat", joining_step=2)
    assert (late != at_once).any()
    assert (late != pixels(engine)).any()
    based = pixels(engine, negative_prompt="hat", base_negative_prompt="frame", joining_step=2)
    assert (based != late).any()
    assert (pixels(engine, negative_prompt="hat", base_negative_prompt="hat", joining_step=2) == at_once).all()
    assert (pixels(engine, negative_prompt="hat", base_negative_prompt="frame") == at_once).all()


def test_a_negative_that_joins_too_late_is_said(engine: LocalEngine) -> None:
    asked = {"negative_prompt": "hat", "joining_step": 3, "num_inference_steps": 3}
    (line,) = engine.warnings(a_request(engine, **asked))
    assert "too late" in line
    assert (pixels(engine, **asked) == pixels(engine)).all()


def test_what_the_stock_reading_cuts_off_is_said(engine: LocalEngine) -> None:
    long = "word " * 40 + "tail"
    (line,) = engine.warnings(a_request(engine, prompt=long, syntax="plain"))
    assert "tail" in line
    assert engine.warnings(a_request(engine, prompt=long)) == []


def test_a_text_is_read_as_fragments_tokens_and_chunks(engine: LocalEngine) -> None:
    reading = engine.tokenize("an (old:1.2) hat")
    assert reading.fragments == (("an ", 1.0), ("old", 1.2), (" hat", 1.0))
    assert (reading.tokens, reading.chunks, reading.unknown) == (len("anoldhat"), 1, ())
    assert engine.tokenize("hat " * 26).chunks == 2
    assert engine.tokenize("one BREAK two").chunks == 2


def test_words_outside_the_models_vocabulary_are_unknown(stable_diffusion: MakeModel) -> None:
    folder = stable_diffusion()
    (folder / "notthat.json").write_text(json.dumps({"vocabulary": ["man", "hat"]}))
    engine = LocalEngine.load(str(folder), device="cpu")
    assert engine.tokenize("a man, (Hat:1.2), dragon and 3 dragons").unknown == ("a", "dragon", "and", "dragons")


def test_a_size_that_the_model_cannot_do_is_refused(engine: LocalEngine) -> None:
    with pytest.raises(InvalidRequestError, match="multiples of 2"):
        generate(engine, a_request(engine, width=40).model_copy(update={"width": 41}))


def test_a_thread_that_forgot_a_picture_is_told_so_instead_of_waiting_for_itself(engine: LocalEngine) -> None:
    forgotten = engine.run(a_request(engine))
    next(forgotten)
    with pytest.raises(GenerationError, match="drawing another picture"):
        generate(engine, a_request(engine))
    forgotten.close()
    generate(engine, a_request(engine))


def test_more_steps_than_the_scheduler_has_are_refused(engine: LocalEngine) -> None:
    with pytest.raises(InvalidRequestError, match="--steps"):
        generate(engine, a_request(engine, num_inference_steps=1000))


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidModelError, match=r"no model_index\.json"):
        LocalEngine.load(str(tmp_path))


def test_a_model_of_another_family_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "WuerstchenPipeline"}')
    with pytest.raises(InvalidModelError, match="WuerstchenPipeline"):
        LocalEngine.load(str(tmp_path))


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_broken_model_is_refused_in_one_line(stable_diffusion: MakeModel, part: str) -> None:
    folder = stable_diffusion()
    weights = next(folder.glob(f"{part}/*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InvalidModelError, match="can't be loaded") as error:
        LocalEngine.load(str(folder))
    assert "\n" not in str(error.value)


def test_a_single_file_is_known_by_its_tensors(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"
    save_file({"some.weight": torch.zeros(1)}, file)
    with pytest.raises(InvalidModelError, match="no complete checkpoint"):
        LocalEngine.load(str(file))
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(InvalidModelError, match="can't be loaded") as error:
        LocalEngine.load(str(file))
    assert "\n" not in str(error.value)
    save_file({"conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias": torch.zeros(1)}, file)
    with pytest.raises(InvalidModelError, match="refiner"):
        LocalEngine.load(str(file))


@pytest.fixture
def single_file(stable_diffusion: MakeModel, tmp_path: Path) -> Path:
    """A checkpoint beside a folder of its name that says how it is configured, and has no weights."""
    folder = stable_diffusion()
    pipeline = import_module("diffusers").StableDiffusionPipeline.from_pretrained(folder)
    save_single_file(folder, tmp_path / "checkpoint.safetensors", pipeline)
    no_weights = shutil.ignore_patterns("*.safetensors")
    shutil.copytree(folder, tmp_path / "checkpoint", ignore=no_weights)
    return tmp_path / "checkpoint.safetensors"


def test_a_single_file_is_configured_by_the_folder_of_its_name(single_file: Path, engine: LocalEngine) -> None:
    one = LocalEngine.load(str(single_file), device="cpu")
    assert one.defaults == engine.defaults
    assert (pixels(one, negative_prompt="hat") == pixels(engine, negative_prompt="hat")).all()


def test_a_single_file_without_a_configuration_says_what_to_do(single_file: Path) -> None:
    shutil.rmtree(single_file.with_suffix(""))
    with pytest.raises(InvalidModelError, match="put a folder checkpoint in diffusers' layout beside it") as error:
        LocalEngine.load(str(single_file), device="cpu")
    assert "\n" not in str(error.value)


def test_a_model_of_the_hub_that_cannot_be_reached_is_told() -> None:
    with pytest.raises(InvalidModelError, match="not complete on this machine, and the hub can't be reached"):
        LocalEngine.load("somebody/something", device="cpu")


@pytest.mark.parametrize("text", ["{", "[]", '{"steps": 3}', '{"num_inference_steps": 0}', '{"vocabulary": 5}'])
def test_a_folder_that_says_nonsense_of_itself_is_refused(stable_diffusion: MakeModel, text: str) -> None:
    folder = stable_diffusion()
    (folder / "notthat.json").write_text(text)
    with pytest.raises(InvalidModelError, match=r"notthat\.json can't be read"):
        LocalEngine.load(str(folder))


@pytest.mark.parametrize("name", ["nothing", "/no/such/folder", "./no", "no.safetensors", "a/b/c"])
def test_a_name_that_is_nothing_is_refused(name: str) -> None:
    with pytest.raises(InvalidModelError, match="no model"):
        LocalEngine.load(name)


def test_a_broken_folder_hides_no_other_model(stable_diffusion: MakeModel) -> None:
    folder = stable_diffusion()
    broken = folder.parent / "broken"
    broken.mkdir()
    (broken / "model_index.json").write_text("{")
    assert [(model.name, model.kind) for model in list_models(folder.parent)][1:] == [
        (str(broken), "unreadable"),
        (str(folder), "StableDiffusionPipeline"),
    ]

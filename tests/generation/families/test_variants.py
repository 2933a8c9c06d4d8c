"""Few-step variants: recognised by configuration, else by name, with their steps, timesteps and guidance."""

import json
import math
import shutil
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

from notthat.generation import LocalEngine
from notthat.generation.families.variants import few_step_defaults, few_step_scheduler, is_few_step
from notthat.generation.model_library import LibraryModel

from ..conftest import on_white

diffusers: Any = import_module("diffusers")  # as it is for type checkers: half of it has no types

SDXL = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}


def euler(**changed):
    return diffusers.EulerDiscreteScheduler(**SDXL, **{"timestep_spacing": "leading", **changed})


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        (euler(), False),
        (euler(timestep_spacing="trailing"), True),
        (euler(timestep_spacing="trailing", prediction_type="v_prediction"), False),
        (euler(timestep_spacing="trailing", rescale_betas_zero_snr=True), False),
        (diffusers.EulerAncestralDiscreteScheduler(**SDXL, timestep_spacing="trailing"), True),
        (diffusers.LCMScheduler(), True),
        (diffusers.TCDScheduler(), True),
        (diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0), False),
        (diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), False),
        (
            diffusers.FlowMatchEulerDiscreteScheduler(
                use_dynamic_shifting=True, base_shift=math.log(3), max_shift=math.log(3)
            ),
            True,
        ),
    ],
)
def test_a_scheduler_tells_a_few_step_model(scheduler, expected):
    assert is_few_step(type(scheduler).__name__, scheduler.config) is expected
    assert bool(few_step_defaults("some-model", scheduler, built_in=False)) is expected


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("stabilityai/sdxl-turbo", 4),
        ("sdxl_lightning_8step.safetensors", 8),
        ("Hyper-SDXL-1step-model", 1),
        ("models\\dreamshaper-xl-lightning-4steps", 4),
        ("my_lcm_model", 4),
        ("sdxl-dmd2-4step.safetensors", 4),
    ],
)
def test_a_name_tells_a_few_step_model_and_its_steps(name, steps):
    found = few_step_defaults(name, euler(), built_in=False)
    assert found == {"num_inference_steps": steps, "guidance_scale": 1.0}


@pytest.mark.parametrize("name", ["turbocharged", "sdxl-base", "trained-30000-steps", "hyperreal", "50steps"])
def test_other_names_tell_none(name):
    assert few_step_defaults(name, euler(), built_in=False) == {}
    assert few_step_scheduler(plain := euler(), name) is plain


@pytest.mark.parametrize("kind", ["EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "DDIMScheduler"])
def test_a_file_of_a_few_step_model_takes_its_timesteps(kind):
    base = getattr(diffusers, kind)(**SDXL, timestep_spacing="leading")
    scheduler = few_step_scheduler(base, "sdxl_lightning_4step.safetensors")
    scheduler.set_timesteps(4)
    assert scheduler.timesteps.tolist() == [999, 749, 499, 249]
    assert type(scheduler) is type(base)


def test_a_file_of_a_consistency_model_takes_its_scheduler():
    scheduler = few_step_scheduler(euler(), "sdxl-dmd2.safetensors")
    assert type(scheduler).__name__ == "LCMScheduler"
    assert scheduler.config.beta_schedule == "scaled_linear"
    flow = diffusers.FlowMatchEulerDiscreteScheduler()
    assert few_step_scheduler(flow, "flux-turbo.safetensors") is flow


def copy_with_scheduler(folder, copy, **changed):
    shutil.copytree(folder, copy)
    file = copy / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))
    return LocalEngine.load(str(copy), device="cpu").defaults, LibraryModel("x", copy, kind_of(copy)).exclusions


def kind_of(folder):
    return json.loads((folder / "model_index.json").read_text())["_class_name"]


def test_a_folder_is_recognised_by_its_scheduler_under_any_name(random_model, tmp_path):
    defaults, exclusions = copy_with_scheduler(
        random_model("sdxl").folder, tmp_path / "sdxl", timestep_spacing="trailing"
    )
    assert (defaults.num_inference_steps, defaults.guidance_scale, exclusions) == (4, 1.0, "attention")
    shift = {"base_shift": math.log(3), "max_shift": math.log(3)}
    defaults, exclusions = copy_with_scheduler(random_model("qwen-image").folder, tmp_path / "qwen", **shift)
    assert (defaults.num_inference_steps, defaults.guidance_scale, exclusions) == (8, 1.0, "attention")


def test_a_flux_without_distilled_guidance_is_schnell_only_with_its_timesteps(random_model, tmp_path):
    defaults, _ = copy_with_scheduler(random_model("schnell").folder, tmp_path / "flux", use_dynamic_shifting=True)
    assert defaults.num_inference_steps == 28


@pytest.mark.parametrize(
    ("kind", "exclusions"),
    [("klein-distilled", "attention"), ("klein", "guidance"), ("krea2-distilled", "attention"), ("sdxl", "guidance")],
)
def test_the_list_of_models_knows_distilled_ones(random_model, kind, exclusions):
    folder = random_model(kind).folder
    assert LibraryModel("x", folder, kind_of(folder)).exclusions == exclusions


def test_sigmas_of_the_author_are_taken_for_their_number_of_steps(random_model, tmp_path):
    model, sigmas = random_model("qwen-image-2.1"), [1.0, 0.7, 0.4]
    shutil.copytree(model.folder, tmp_path / "model")
    index = json.loads((tmp_path / "model" / "model_index.json").read_text())
    (tmp_path / "model" / "model_index.json").write_text(json.dumps({**index, "sample_sigmas": sigmas}))
    engine = LocalEngine.load(str(tmp_path / "model"), device="cpu")
    assert engine.defaults.num_inference_steps == 3
    *_, last = engine.run(model.request(guidance_scale=1.0))
    generator = torch.Generator("cpu").manual_seed(11)
    stock = model.stock("a man on a beach", sigmas=sigmas, width=32, height=32, generator=generator).images[0]
    ours = np.asarray(last.picture.image, np.int16)
    assert abs(ours - np.asarray(on_white(stock), np.int16)).max() <= 1
    assert (ours != model.pixels(guidance_scale=1.0)[0]).any()

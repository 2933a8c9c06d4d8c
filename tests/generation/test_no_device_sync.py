"""The loop never waits for the device: on torch's "meta" device, which has no numbers to wait for, it goes through."""

from importlib import import_module

import pytest
import torch

from notthat.generation import LocalEngine
from notthat.generation.guiding import Guide
from notthat.generation.sampling import denoise

diffusers = import_module("diffusers")

SAMPLERS = [
    "DDIMScheduler",
    "DPMSolverMultistepScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "UniPCMultistepScheduler",
    "LCMScheduler",
]


def steps_without_numbers(folder, request, sampler=None):
    engine = LocalEngine.load(str(folder), device="cpu")
    family = engine._family
    if sampler:
        family.scheduler = getattr(diffusers, sampler)(beta_schedule="scaled_linear")
    family.denoiser.to("meta")
    engine.device = torch.device("meta")
    state = engine._begin(request, 1)
    return list(denoise(Guide(family, request, state, measure="whole"), state))


@pytest.mark.parametrize("kind", ["sd", "sdxl", "sd3", "flux"])
@pytest.mark.parametrize("method", ["cfg", "dynamic", "apg", "perp_neg", "nag"])
def test_no_step_waits(random_model, kind, method):
    model = random_model(kind)
    asked = {"negative_prompt": "hat", "method": method, "guidance_rescale": 0.5, "syntax": "weighted"}
    assert len(steps_without_numbers(model.folder, model.request(**asked))) == 3


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_sampler_makes_it_wait(random_model, sampler):
    model = random_model("sd")
    assert len(steps_without_numbers(model.folder, model.request(negative_prompt="hat"), sampler)) >= 3

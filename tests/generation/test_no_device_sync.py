"""The loop never waits for the device: on torch's "meta" device, which has no numbers to wait for, it goes through."""

from importlib import import_module
from itertools import islice

import pytest
import torch

from .conftest import loaded

diffusers = import_module("diffusers")

SAMPLERS = [
    "DDIMScheduler",
    "DPMSolverMultistepScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "UniPCMultistepScheduler",
    "LCMScheduler",
]


def steps_without_numbers(model, sampler=None, **asked):
    """Three of four steps: the last one ends with a picture, which is looked at."""
    engine, family = loaded(str(model.folder))
    if sampler:
        family.scheduler = getattr(diffusers, sampler)(beta_schedule="scaled_linear")
    family.denoiser.to("meta")
    engine.device = torch.device("meta")
    request = model.request(negative_prompt="hat", num_inference_steps=4, **asked)
    return [progress.step for progress in islice(engine.run(request, measure="whole"), 3)]


@pytest.mark.parametrize("kind", ["sd", "sdxl", "sd3", "flux"])
@pytest.mark.parametrize("method", ["cfg", "lookahead", "apg", "perp_neg", "nag", "vsf"])
def test_no_step_waits(random_model, kind, method):
    model = random_model(kind)
    asked = {"method": method, "guidance_rescale": 0.5, "syntax": "weighted"}
    assert steps_without_numbers(model, **asked) == [1, 2, 3]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_sampler_makes_it_wait(random_model, sampler):
    assert steps_without_numbers(random_model("sd"), sampler) == [1, 2, 3]

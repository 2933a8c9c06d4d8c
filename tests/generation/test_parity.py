"""Our engine against the stock pipeline: the same weights, prompts, seed, steps and guidance."""

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
    UniPCMultistepScheduler,
)

from notthat.generation import GenerationRequest, LocalEngine, generate
from notthat.generation.model_catalog import locate_model

SCHEDULERS = [
    DDIMScheduler,
    PNDMScheduler,
    DPMSolverMultistepScheduler,
    UniPCMultistepScheduler,
    EulerDiscreteScheduler,
    EulerAncestralDiscreteScheduler,
    HeunDiscreteScheduler,
]


def ours(folder, **values):
    engine = LocalEngine.load(str(folder), device="cpu")
    return engine, np.asarray(generate(engine, GenerationRequest.create(model=str(folder), **values)).image, np.int16)


def stock(folder, *, prompt, negative_prompt, seed, num_inference_steps, guidance_scale, width, height, **_):
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    return np.asarray(
        pipeline(
            prompt,
            negative_prompt=negative_prompt,
            num_inference_steps=num_inference_steps,
            guidance_scale=guidance_scale,
            width=width,
            height=height,
            generator=torch.Generator("cpu").manual_seed(seed),
        ).images[0],
        np.int16,
    )


def request(**changed):
    values = {
        "prompt": "a man on a beach",
        "negative_prompt": "",
        "syntax": "plain",
        "seed": 11,
        "num_inference_steps": 4,
        "guidance_scale": 6.0,
        "width": 32,
        "height": 32,
    }
    return {**values, **changed}


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"negative_prompt": "mustache, watermark"},
        {"guidance_scale": 1.0, "negative_prompt": "mustache"},
        {"width": 48, "height": 16},
        {"width": 40, "height": 24, "negative_prompt": "hat"},
        {"prompt": "a long prompt " * 20, "negative_prompt": "short"},
        {"prompt": "a (red:1.3) hat [x]", "negative_prompt": "((y))"},
    ],
    ids=["bare", "negative", "unguided", "oblong", "small", "too-long", "brackets"],
)
def test_pixels_are_those_of_the_stock_pipeline(stable_diffusion, prediction_type, changed):
    folder = stable_diffusion(prediction_type)
    values = request(**changed)
    _, picture = ours(folder, **values)
    assert abs(picture - stock(folder, **values)).max() <= 1


@pytest.mark.parametrize("scheduler", SCHEDULERS, ids=lambda s: s.__name__)
def test_every_scheduler_steps_as_in_the_stock_pipeline(stable_diffusion, scheduler):
    folder = stable_diffusion(scheduler=scheduler)
    values = request(negative_prompt="mustache")
    _, picture = ours(folder, **values)
    assert abs(picture - stock(folder, **values)).max() <= 1


def test_a_weighted_prompt_without_weights_is_a_plain_one(stable_diffusion):
    folder = stable_diffusion()
    engine, plain = ours(folder, **request(negative_prompt="mustache"))
    weighted = GenerationRequest.create(model=str(folder), **request(negative_prompt="mustache", syntax="weighted"))
    assert (np.asarray(generate(engine, weighted).image) == plain).all()


@pytest.mark.parametrize(("width", "height"), [(128, 128), (136, 104)])
@pytest.mark.parametrize("negative_prompt", ["", "mustache, watermark"])
def test_the_built_in_model_is_a_stock_pipeline(width, height, negative_prompt):
    values = request(
        prompt="portrait of a man",
        negative_prompt=negative_prompt,
        width=width,
        height=height,
        num_inference_steps=6,
    )
    engine = LocalEngine.load("mini", device="cpu")
    picture = np.asarray(generate(engine, GenerationRequest.create(model="mini", **values)).image, np.int16)
    assert abs(picture - stock(locate_model("mini"), **values)).max() <= 1

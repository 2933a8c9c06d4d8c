"""Schedulers that differ from the usual ones: drawn with as in the stock pipelines, or refused by name."""

import shutil
from contextlib import contextmanager

import diffusers
import numpy as np
import pytest
import torch

from notthat.generation import InvalidModelError, InvalidRequestError
from notthat.generation.guidance.x0 import from_x0, to_x0, x0_coefficients

from .conftest import loaded

pytestmark = pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")  # from DEIS, with NumPy 2

UNETS = [
    diffusers.EDMEulerScheduler,
    diffusers.EDMDPMSolverMultistepScheduler,
    diffusers.IPNDMScheduler,
    diffusers.DEISMultistepScheduler,
]
FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
FLOWS = [
    ("sd3", diffusers.FlowMatchHeunDiscreteScheduler, {}),
    ("sd3", diffusers.UniPCMultistepScheduler, {**FLOW, "flow_shift": 3.0}),
    ("sd3", diffusers.DPMSolverMultistepScheduler, {**FLOW, "flow_shift": 3.0}),
    ("sd3", diffusers.DEISMultistepScheduler, {**FLOW, "flow_shift": 3.0}),
    ("flux", diffusers.UniPCMultistepScheduler, {**FLOW, "flow_shift": 3.0}),
    ("flux", diffusers.DPMSolverMultistepScheduler, {**FLOW, "use_dynamic_shifting": True}),
    ("lumina2", diffusers.UniPCMultistepScheduler, {**FLOW, "flow_shift": 3.0}),
    ("krea2", diffusers.UniPCMultistepScheduler, {**FLOW, "use_dynamic_shifting": True}),
]


@contextmanager
def scheduled(model, scheduler):
    """A random model that draws with another scheduler, in the stock pipeline and here."""
    before = model.stock.scheduler, model.family.scheduler
    model.stock.scheduler = model.family.scheduler = scheduler
    try:
        yield
    finally:
        model.stock.scheduler, model.family.scheduler = before


@pytest.mark.parametrize("kind", ["sd", "sd-v", "sdxl"])
@pytest.mark.parametrize("scheduler", UNETS, ids=lambda each: each.__name__)
def test_a_unet_is_drawn_as_in_the_stock_pipeline(random_model, kind, scheduler):
    model = random_model(kind)
    settings = {"prediction_type": "v_prediction"} if kind == "sd-v" and scheduler is not UNETS[2] else {}
    with scheduled(model, scheduler(**settings)):
        ours = model.pixels(negative_prompt="mustache")
        assert abs(ours - model.stock_pixels(negative_prompt="mustache")).max() <= 1


@pytest.mark.parametrize(("kind", "scheduler", "settings"), FLOWS, ids=lambda each: getattr(each, "__name__", None))
def test_a_flow_is_drawn_as_in_the_stock_pipeline(random_model, kind, scheduler, settings):
    model = random_model(kind)
    with scheduled(model, scheduler(**settings)):
        ours = model.pixels(negative_prompt="mustache")
        assert abs(ours - model.stock_pixels(negative_prompt="mustache")).max() <= 1


def test_a_flow_that_adds_noise_takes_it_from_the_seed(random_model):
    """The stock pipeline takes it from torch's global generator, so it is given ours here."""

    class Seeded(diffusers.FlowMatchLCMScheduler):
        generator = None

        def step(self, *arguments, generator=None, **named):
            return super().step(*arguments, generator=generator or self.generator, **named)

    model = random_model("sd3")
    with scheduled(model, Seeded()):
        ours = model.pixels(negative_prompt="mustache")
        assert (model.pixels(negative_prompt="mustache") == ours).all()
        model.stock.scheduler.generator = generator = torch.Generator().manual_seed(11)
        picture = model.stock(
            "a man on a beach", negative_prompt="mustache", guidance_scale=4.0, num_inference_steps=3,
            width=32, height=32, generator=generator,
        ).images[0]  # fmt: skip
        assert abs(ours[0] - np.asarray(picture, np.int16)).max() <= 1


@pytest.mark.parametrize("method", ["apg", "lookahead", "perp_neg"])
@pytest.mark.parametrize("scheduler", UNETS[:3], ids=lambda each: each.__name__)
def test_every_method_draws_with_them(random_model, scheduler, method):
    model = random_model("sd")
    with scheduled(model, scheduler()):
        plain = model.pixels(negative_prompt="mustache")
        assert (model.pixels(negative_prompt="mustache", method=method) != plain).any()


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_clean_latents_are_those_that_edm_computes(kind):
    scheduler = diffusers.EDMEulerScheduler(prediction_type=kind)
    scheduler.set_timesteps(4)
    latents, prediction = torch.randn(2, 1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    for sigma, line in zip(scheduler.sigmas, x0_coefficients(scheduler, flow=False), strict=False):
        clean = scheduler.precondition_outputs(latents, prediction, sigma)
        assert torch.allclose(to_x0(latents, prediction, line), clean, atol=1e-4)
        assert torch.allclose(from_x0(latents, clean, line), prediction, atol=1e-3)


@pytest.mark.parametrize(
    ("kind", "scheduler", "settings", "wanted"),
    [
        ("sd", diffusers.FlowMatchHeunDiscreteScheduler, {}, "DDIM"),
        ("sd", diffusers.CMStochasticIterativeScheduler, {}, "DDIM"),
        ("sdxl", diffusers.RePaintScheduler, {}, "DDIM"),
        ("sdxl", diffusers.SCMScheduler, {}, "DDIM"),
        ("flux", diffusers.FlowMatchHeunDiscreteScheduler, {}, "FlowMatchEuler"),
        ("flux", diffusers.DPMSolverMultistepScheduler, {**FLOW, "flow_shift": 3.0}, "FlowMatchEuler"),
        ("z-image", diffusers.DEISMultistepScheduler, FLOW, "FlowMatchEuler"),
        ("sd3", diffusers.DDIMScheduler, {}, "FlowMatchEuler"),
    ],
)
def test_a_scheduler_that_can_not_draw_is_refused_by_name(random_model, tmp_path, kind, scheduler, settings, wanted):
    folder = shutil.copytree(random_model(kind).folder, tmp_path / kind)
    scheduler(**settings).save_pretrained(folder / "scheduler")
    index = folder / "model_index.json"
    before = type(random_model(kind).stock.scheduler).__name__
    index.write_text(index.read_text().replace(before, scheduler.__name__))
    with pytest.raises(InvalidModelError, match=rf"its scheduler, {scheduler.__name__} .* by {wanted}\w*Scheduler$"):
        loaded(str(folder))


def test_too_many_steps_are_refused_with_the_schedulers_name(random_model):
    model = random_model("sd")
    with pytest.raises(InvalidRequestError, match="--steps: the scheduler DDIMScheduler can't make 1000"):
        model.pixels(num_inference_steps=1000)

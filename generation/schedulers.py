"""A model's scheduler: a fresh one for each picture, and whether the engine can draw with it at all."""

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .errors import InvalidModelError, InvalidRequestError
from .failures import first_line
from .guidance.x0 import x0_coefficients
from .request import GenerationRequest

if TYPE_CHECKING:
    from .families.base import Family

_FAILURES = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What schedulers raise where they can't do what is asked; NotImplementedError is a RuntimeError."""
_STEP_ARGUMENTS = {"model_output", "timestep", "sample"}
"""What the stock pipelines pass to a step; everything else has to be optional."""


def check_scheduler(family: "Family") -> None:
    """Refuse a scheduler that this family's stock pipeline can't draw with, by a first step.

    Raises:
        InvalidModelError: it is for other models, or takes other timesteps.
    """
    scheduler, defaults = family.scheduler, family.defaults
    request = GenerationRequest(
        model="-",
        prompt="",
        seed=0,
        num_inference_steps=defaults.num_inference_steps,
        guidance_scale=1.0,
        width=defaults.width,
        height=defaults.height,
    )
    try:
        if not _is_for(family):
            raise TypeError("it is for other models")
        latents = family.pack(torch.zeros(family.noise_shape(request)))
        fresh = _set_timesteps(family, latents, request)
        x0_coefficients(fresh, flow=family.flow)
        generator = torch.Generator()
        named = {"generator": generator} if "generator" in inspect.signature(fresh.step).parameters else {}
        fresh.step(latents, fresh.timesteps[0], latents, **named, return_dict=False)
    except _FAILURES as error:
        wanted = "FlowMatchEulerDiscreteScheduler" if family.flow else "DDIMScheduler"
        raise InvalidModelError(
            f"this model can't use its scheduler, {type(scheduler).__name__} ({first_line(error):.100}): "
            f"replace it, for example by {wanted}"
        ) from error


def start_scheduler(family: "Family", latents: Tensor, request: GenerationRequest) -> Any:
    """A fresh scheduler with its timesteps set, on the CPU.

    Raises:
        InvalidRequestError: it can't make that many steps.
    """
    steps, name = request.num_inference_steps, type(family.scheduler).__name__
    try:
        scheduler = _set_timesteps(family, latents, request)
    except _FAILURES as error:
        raise InvalidRequestError(f"--steps: the scheduler {name} can't make {steps}: {first_line(error)}") from error
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)  # so that the first step does not search for its index on the device
    return scheduler


def _set_timesteps(family: "Family", latents: Tensor, request: GenerationRequest) -> Any:
    scheduler = type(family.scheduler).from_config(family.scheduler.config)
    family.set_timesteps(scheduler, latents, request)
    if not family.flow and scheduler.timesteps.max() >= scheduler.config.get("num_train_timesteps", 1000):
        raise ValueError("there are fewer training steps")
    return scheduler


def _is_for(family: "Family") -> bool:
    """Whether the scheduler is of the family's kind, and has what the stock pipeline uses of it."""
    scheduler = family.scheduler
    flows = type(scheduler).__name__.startswith("FlowMatch") or scheduler.config.get("use_flow_sigmas", False)
    if bool(flows) != family.flow or not (flows or hasattr(scheduler, "init_noise_sigma")):
        return False
    arguments = inspect.signature(scheduler.step).parameters.values()
    return {each.name for each in arguments if each.default is each.empty and each.kind in _NAMED} <= _STEP_ARGUMENTS


_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

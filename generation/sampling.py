"""The denoising loop for every model family, as a generator of steps."""

import copy
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

Memory = TypeVar("Memory")


@dataclass
class DenoisingState(Generic[Memory]):
    """Everything that the remaining steps depend on. A copy of it is a checkpoint.

    `done` counts the finished timesteps. `generators` has one generator for each picture of the batch; samplers
    that add noise between steps draw it from them. `memory` is what the guidance keeps from step to step. It is
    immutable: a step replaces it, so that copies of a state share it. `after_step` changes the latents after each step,
    given the scheduler and the number of finished timesteps. `condition` is what an inpainting model reads behind the
    latents.
    """

    latents: Tensor
    scheduler: Any
    generators: list[torch.Generator]
    memory: Memory
    done: int = 0
    after_step: Callable[[Tensor, Any, int], Tensor] | None = None
    condition: Tensor | None = None

    def copy(self) -> "DenoisingState[Memory]":
        """A deep copy."""
        generators = [generator.clone_state() for generator in self.generators]
        return replace(
            self, latents=self.latents.clone(), scheduler=copy.deepcopy(self.scheduler), generators=generators
        )

    @property
    def total(self) -> int:
        """The number of timesteps."""
        return len(self.scheduler.timesteps)


@dataclass(frozen=True)
class Step:
    """A finished step: `index` of `total`, counted from 1, the latents before it, and the guided prediction."""

    index: int
    total: int
    latents: Tensor
    prediction: Tensor


Predict = Callable[[Tensor, Tensor, Tensor, DenoisingState[Memory]], Tensor]
"""(latents, latents scaled for the model, timestep, state) -> the guided prediction, of the latents' shape."""


def denoise(predict: Predict[Memory], state: DenoisingState[Memory], until: int | None = None) -> Iterator[Step]:
    """Denoise the state's latents step by step, in place, until that many steps are done (by default, all).

    The state's scheduler is a diffusers scheduler with its timesteps set on the CPU. It uses them for lookups, which on
    the device would make every step wait. Closing the iterator stops.
    """
    scheduler, generators = state.scheduler, state.generators
    accepted = inspect.signature(scheduler.step).parameters
    extra: dict[str, Any] = {"eta": 0.0} if "eta" in accepted else {}
    if "generator" in accepted:
        extra["generator"] = generators if len(generators) > 1 else generators[0]
    on_device = scheduler.timesteps.to(state.latents.device)
    while state.done < (state.total if until is None else until):
        latents, timestep = state.latents, scheduler.timesteps[state.done]
        scaled = scheduler.scale_model_input(latents, timestep) if hasattr(scheduler, "scale_model_input") else latents
        prediction = predict(latents, scaled, on_device[state.done], state)
        state.latents = scheduler.step(prediction, timestep, latents, **extra, return_dict=False)[0]
        state.done += 1
        if state.after_step is not None:
            state.latents = state.after_step(state.latents, scheduler, state.done)
        yield Step(state.done, state.total, latents, prediction)

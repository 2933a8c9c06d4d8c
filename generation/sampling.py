"""The denoising loop for every model family, as a generator of steps."""

import copy
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .guidance.term_tracking import LookaheadResult, TermTracker


@dataclass
class GuidanceMemory:
    """What guidance keeps from step to step.

    The momentum of `apg`, the tracked terms and the result of the look-ahead, and whether guidance has ended for good.
    """

    momentum: Tensor | None = None
    watch: TermTracker | None = None
    look: LookaheadResult | None = None
    ended: bool = False


@dataclass
class DenoisingState:
    """Everything that the remaining steps depend on. A copy of it is a checkpoint.

    `done` counts the finished timesteps. `generators` has one generator for each picture of the batch; samplers
    that add noise between steps draw it from them.
    """

    latents: Tensor
    scheduler: Any
    generators: list[torch.Generator]
    done: int = 0
    memory: GuidanceMemory = field(default_factory=GuidanceMemory)

    def copy(self) -> "DenoisingState":
        """A deep copy."""
        generators = [generator.clone_state() for generator in self.generators]
        scheduler, memory = copy.deepcopy(self.scheduler), copy.deepcopy(self.memory)
        return DenoisingState(self.latents.clone(), scheduler, generators, self.done, memory)

    def replace_with(self, other: "DenoisingState") -> None:
        """Take over the other state, which must not be used afterwards."""
        self.latents, self.scheduler, self.generators = other.latents, other.scheduler, other.generators
        self.done, self.memory = other.done, other.memory

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


Predict = Callable[[Tensor, Tensor, Tensor, DenoisingState], Tensor]
"""(latents, latents scaled for the model, timestep, state) -> the guided prediction, of the latents' shape."""


def denoise(predict: Predict, state: DenoisingState) -> Iterator[Step]:
    """Denoise the state's latents step by step, in place.

    The state's scheduler is a diffusers scheduler with its timesteps set on the CPU. It uses them for lookups, which on
    the device would make every step wait. Between steps, the caller may replace the state by another with the same
    timesteps. Closing the iterator stops.
    """
    accepted = inspect.signature(state.scheduler.step).parameters
    extra: dict[str, Any] = {"eta": 0.0} if "eta" in accepted else {}
    on_device = state.scheduler.timesteps.to(state.latents.device)
    while state.done < state.total:
        latents, scheduler, generators = state.latents, state.scheduler, state.generators
        timestep = scheduler.timesteps[state.done]
        scaled = scheduler.scale_model_input(latents, timestep) if hasattr(scheduler, "scale_model_input") else latents
        prediction = predict(latents, scaled, on_device[state.done], state)
        if "generator" in accepted:
            extra["generator"] = generators if len(generators) > 1 else generators[0]
        state.latents = scheduler.step(prediction, timestep, latents, **extra, return_dict=False)[0]
        state.done += 1
        yield Step(state.done, state.total, latents, prediction)

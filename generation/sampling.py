"""The denoising loop, written once for every family, as a generator of steps."""

import copy
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .watching import Look, Watch


@dataclass
class Memory:
    """What guidance remembers from step to step.

    `apg`'s momentum, what `dynamic` has seen, its look ahead where it takes one, and whether the second pass has ended.
    """

    momentum: Tensor | None = None
    watch: Watch | None = None
    look: Look | None = None
    ended: bool = False


@dataclass
class State:
    """All that the steps to come depend on: a copy of it is a checkpoint.

    `done` timesteps of the scheduler are done. `generators` are one for each picture of the batch; samplers
    that draw noise between steps draw it from them.
    """

    latents: Tensor
    scheduler: Any
    generators: list[torch.Generator]
    done: int = 0
    memory: Memory = field(default_factory=Memory)

    def copy(self) -> "State":
        """One that shares nothing with this one."""
        generators = [generator.clone_state() for generator in self.generators]
        scheduler, memory = copy.deepcopy(self.scheduler), copy.deepcopy(self.memory)
        return State(self.latents.clone(), scheduler, generators, self.done, memory)

    def become(self, other: "State") -> None:
        """Go on as the other, which is then not to be used any more."""
        self.latents, self.scheduler, self.generators = other.latents, other.scheduler, other.generators
        self.done, self.memory = other.done, other.memory

    @property
    def total(self) -> int:
        """How many timesteps there are."""
        return len(self.scheduler.timesteps)


@dataclass(frozen=True)
class Step:
    """One step done: `index` of `total`, counted from 1; the latents before it, and what was predicted of them."""

    index: int
    total: int
    latents: Tensor
    prediction: Tensor


Predict = Callable[[Tensor, Tensor, Tensor, State], Tensor]
"""(latents, the same at the model's scale, timestep, state) -> the guided prediction, of the latents' shape."""


def denoise(predict: Predict, state: State) -> Iterator[Step]:
    """Go from the state's latents to those of a picture, a step at a time, changing the state.

    The scheduler is a diffusers scheduler whose timesteps are set, on the CPU: it looks things up by them, which on
    the device would have every step wait for it. Between two steps the state may become another of the same timesteps.
    Closing the iterator stops the work.
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

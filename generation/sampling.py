"""The denoising loop, written once for every family, as a generator of steps."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Predict = Callable[[Tensor, Tensor, int], Tensor]
"""(scaled latents, timestep, steps done before) -> the guided prediction, of the latents' shape."""


@dataclass(frozen=True)
class Step:
    """One denoising step done: `index` of `total`, counted from 1, and the latents after it."""

    index: int
    total: int
    latents: Tensor


def denoise(predict: Predict, scheduler: Any, latents: Tensor, generator: torch.Generator) -> Iterator[Step]:
    """Go from noise to latents of a picture, a step at a time.

    `scheduler` is a fresh diffusers scheduler whose timesteps are set; `latents` are of shape (batch,
    channels, height, width) at its initial noise's scale; `generator` is used by schedulers that draw
    noise between steps. Closing the iterator stops the work.
    """
    accepted = inspect.signature(scheduler.step).parameters
    extra: dict[str, Any] = {"generator": generator} if "generator" in accepted else {}
    if "eta" in accepted:
        extra["eta"] = 0.0
    total = len(scheduler.timesteps)
    for done, timestep in enumerate(scheduler.timesteps):
        prediction = predict(scheduler.scale_model_input(latents, timestep), timestep, done)
        latents = scheduler.step(prediction, timestep, latents, **extra, return_dict=False)[0]
        yield Step(done + 1, total, latents)

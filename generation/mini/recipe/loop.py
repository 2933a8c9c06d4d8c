"""The one training loop that every stage shares: AdamW, a cosine, an average of the weights, checkpoints."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor, nn

Loss = Callable[[random.Random, float], Tensor]
"""The loss of one step, drawn by a generator of its own; the float is the share of the training done."""


@dataclass(frozen=True)
class Plan:
    """How long and how fast one stage trains."""

    steps: int
    learning_rate: float
    weight_decay: float = 0.01
    ema: float = 0.998
    checkpoint_every: int = 200


def fit(
    stage: str,
    model: nn.Module,
    loss: Loss,
    plan: Plan,
    folder: Path,
    *,
    seed: int = 0,
    on_checkpoint: Callable[[int], None] | None = None,
) -> None:
    """Train `model` in place, and leave the moving average of its weights in it.

    Goes on from `folder/STAGE.pt` where there is one; the random numbers of a step depend on the seed
    and the step alone, so that an interrupted run goes on as if nothing had happened. With
    `on_checkpoint`, the model carries the averaged weights while it is called.
    """
    optimizer = torch.optim.AdamW(model.parameters(), plan.learning_rate, (0.9, 0.99), weight_decay=plan.weight_decay)
    average = {name: value.clone() for name, value in model.state_dict().items()}
    path, first = folder / f"{stage}.pt", 0
    if path.exists():
        saved = torch.load(path, weights_only=True, map_location=next(model.parameters()).device)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        average, first = saved["average"], saved["step"]
    losses: list[float] = []
    model.train()
    with _progress() as progress:
        task = progress.add_task(stage, total=plan.steps, completed=first, loss="")
        for step in range(first, plan.steps):
            _set_learning_rate(optimizer, plan, step)
            rng = random.Random(f"{seed}-{stage}-{step}")
            torch.manual_seed(rng.getrandbits(32))
            value = loss(rng, step / plan.steps)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(value)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            decay = min(plan.ema, (step + 1) / (step + 10))
            for name, current in model.state_dict().items():
                average[name].lerp_(current, 1 - decay) if current.is_floating_point() else average[name].copy_(current)
            losses = [*losses[-49:], float(value.detach())]
            progress.update(task, advance=1, loss=f"loss {sum(losses) / len(losses):.4f}")
            if (step + 1) % plan.checkpoint_every == 0 or step + 1 == plan.steps:
                state = {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "average": average,
                    "step": step + 1,
                }
                torch.save(state, path.with_suffix(".tmp"))
                path.with_suffix(".tmp").replace(path)
                print(f"{stage} {step + 1}/{plan.steps} loss {sum(losses) / len(losses):.4f}", flush=True)
                if on_checkpoint:
                    raw = {name: value.clone() for name, value in model.state_dict().items()}
                    model.load_state_dict(average)
                    model.eval()
                    on_checkpoint(step + 1)
                    model.load_state_dict(raw)
                    model.train()
    model.load_state_dict(average)
    model.eval()


def _set_learning_rate(optimizer: torch.optim.Optimizer, plan: Plan, step: int) -> None:
    """A short linear warm-up, then half a cosine down to a fiftieth."""
    warm = min(1.0, (step + 1) / max(1, min(200, plan.steps // 10)))
    cosine = 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * step / plan.steps))
    for group in optimizer.param_groups:
        group["lr"] = plan.learning_rate * warm * cosine


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:>12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )

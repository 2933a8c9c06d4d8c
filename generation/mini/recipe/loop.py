"""The training loop of all stages: Muon and AdamW, averaged weights, checkpoints."""

import random
import time
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

from .muon import Muon

Loss = Callable[[random.Random, float], Tensor]
"""The loss of one step, from its own random generator and the finished share of the training."""


@dataclass(frozen=True)
class Plan:
    """The schedule of one stage.

    `learning_rate` is that of Muon, for the weights inside the network. `edge_rate` is that of AdamW, for all others:
    biases, norms, embeddings, and the first and last layers.
    """

    steps: int
    learning_rate: float = 0.02
    edge_rate: float = 1e-3
    ema: float = 0.998
    checkpoint_every: int = 100
    bfloat16: bool = False
    """Whether to train in bfloat16, which saves time on CPUs that support it."""


_EDGES = ("embed", "conv_in", "conv_out", "quant_conv", "head", "projection", "attn", "critic")


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

    Continues from `folder/STAGE.pt` if it exists. The random numbers of a step depend only on the seed and the step,
    so an interrupted run gives the same result as an uninterrupted one. While `on_checkpoint` is called, the model
    has the averaged weights.
    """
    optimizers = _optimizers(model, plan)
    average = {name: value.clone() for name, value in model.state_dict().items()}
    path, first, seconds = folder / f"{stage}.pt", 0, 0.0
    device = next(model.parameters()).device
    if path.exists():
        saved = torch.load(path, weights_only=True, map_location=device)
        model.load_state_dict(saved["model"])
        for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        average, first, seconds = saved["average"], saved["step"], saved["seconds"]
    losses: list[float] = []
    started = time.monotonic() - seconds
    model.train()
    with _progress() as progress:
        task = progress.add_task(stage, total=plan.steps, completed=first, loss="")
        for step in range(first, plan.steps):
            for optimizer in optimizers:
                _set_learning_rate(optimizer, plan, step)
            rng = random.Random(f"{seed}-{stage}-{step}")
            torch.manual_seed(rng.getrandbits(32))
            with torch.autocast(device.type, torch.bfloat16, enabled=plan.bfloat16):
                value = loss(rng, step / plan.steps)
            model.zero_grad(set_to_none=True)
            torch.autograd.backward(value)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
            decay = min(plan.ema, (step + 1) / (step + 10))
            for name, current in model.state_dict().items():
                average[name].lerp_(current, 1 - decay) if current.is_floating_point() else average[name].copy_(current)
            losses = [*losses[-49:], float(value.detach())]
            progress.update(task, advance=1, loss=f"loss {sum(losses) / len(losses):.4f}")
            if (step + 1) % plan.checkpoint_every == 0 or step + 1 == plan.steps:
                state = {
                    "model": model.state_dict(),
                    "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                    "average": average,
                    "step": step + 1,
                    "seconds": time.monotonic() - started,
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


def _optimizers(model: nn.Module, plan: Plan) -> tuple[torch.optim.Optimizer, ...]:
    inner: list[nn.Parameter] = []
    edges: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        on_edge = parameter.ndim < 2 or any(edge in name for edge in _EDGES)
        (edges if on_edge else inner).append(parameter)
    adam = torch.optim.AdamW(edges, plan.edge_rate, (0.9, 0.99), weight_decay=0.0)
    for optimizer in (found := (adam, Muon(inner, plan.learning_rate))[: 1 + bool(inner)]):
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return found


def _set_learning_rate(optimizer: torch.optim.Optimizer, plan: Plan, step: int) -> None:
    """A short linear warm-up, constant for half of the time, then linear decay to a hundredth."""
    warm = min(1.0, (step + 1) / max(1, min(50, plan.steps // 10)))
    down = min(1.0, max(0.01, 2 * (1 - step / plan.steps)))
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * warm * down


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:>12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )

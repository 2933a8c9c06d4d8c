"""Muon: momentum whose every step is made orthogonal, so that all directions of a weight are learned alike."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_A, _B, _C = 3.4445, -4.7750, 2.0315
"""The quintic of the Newton-Schulz iteration: steep at zero, so that five rounds bring all singular values near 1."""


class Muon(torch.optim.Optimizer):
    """For weights of two dimensions or more; a convolution counts as a matrix of (out, in x height x width).

    Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks",
    https://kellerjordan.github.io/posts/muon/
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along the gradients."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        momentum = state.setdefault("momentum", torch.zeros_like(parameter))
        momentum.lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(momentum, group["momentum"])
        update = orthogonal(ahead.flatten(1))
        rows, columns = update.shape
        parameter.add_(update.reshape_as(parameter), alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """Nearly the nearest orthogonal matrix: singular values between about 0.7 and 1.2, same singular vectors.

    The polynomial is worked out on the small square `M M^T` and applied once, which for the flat
    matrices of convolutions takes a third of the time that iterating on `M` itself does.
    """
    rows, columns = matrix.shape
    if rows > columns:
        return orthogonal(matrix.T).T
    matrix = matrix / (matrix.norm() + 1e-7)
    square, total = matrix @ matrix.T, torch.eye(rows, device=matrix.device)
    identity = total
    for _ in range(5):
        factor = _A * identity + _B * square + _C * (square @ square)
        square, total = factor @ square @ factor, factor @ total
    return total @ matrix

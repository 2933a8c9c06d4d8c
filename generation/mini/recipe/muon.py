"""Muon: momentum with orthogonalised steps, so that all directions of a weight matrix are learned equally."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_A, _B, _C = 3.4445, -4.7750, 2.0315
"""Coefficients of the quintic Newton-Schulz iteration, steep at zero: five rounds bring all singular values near 1."""


class Muon(torch.optim.Optimizer):
    """For weights with two or more dimensions; a convolution counts as a matrix (out, in x height x width).

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
    """Approximately the nearest orthogonal matrix: the same singular vectors, singular values of about 0.7 to 1.2.

    The polynomial is computed on the small square matrix `M M^T` and applied once. For the flat matrices of
    convolutions this takes a third of the time of iterating on `M` itself.
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

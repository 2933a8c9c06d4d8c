"""How a LoRA changes a layer: by a sum with its weights, or beside weights that are quantised."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class LayerChange:
    """What a file changes in a layer: scale * up @ down, of shapes (outputs, rank) and (rank, inputs).

    Without `down`, `up` is the whole change.
    """

    layer: Any
    down: Tensor | None
    up: Tensor
    scale: float

    @property
    def fits(self) -> bool:
        """Whether the product has the layer's shape. Quantised weights may have another one."""
        inputs = self.up if self.down is None else self.down
        return self.up.shape[0] * inputs.flatten(1).shape[1] == _elements(self.layer)

    def product(self) -> Tensor:
        """What is added to the weights, in single precision."""
        weights: Tensor = self.layer.weight
        if self.down is None:
            return self.scale * self.up.view(weights.shape)
        product = self.scale * (self.up.flatten(1).float() @ self.down.flatten(1).float())
        return product.view(weights.shape)


class LowRankBranch:
    """A forward hook that adds strength * scale * up(down(input)) to a layer's output, in the output's format."""

    def __init__(self, change: LayerChange, strength: float) -> None:
        if change.down is None:
            raise ValueError("a branch needs two matrices")
        layer, down, up = change.layer, change.down.flatten(1), change.up.flatten(1)
        self._is_convolution = isinstance(layer, torch.nn.Conv2d)
        if self._is_convolution:
            down = down.view(len(down), -1, *layer.kernel_size)
        self._down = down.float()
        self._up = strength * change.scale * up.float()

    def __call__(self, layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        self._down, self._up = self._down.to(output), self._up.to(output)
        given = inputs[0].to(output.dtype)
        if self._is_convolution:
            reduced = functional.conv2d(given, self._down, None, layer.stride, layer.padding, layer.dilation)
            return output + functional.conv2d(reduced, self._up[..., None, None])
        return output + functional.linear(functional.linear(given, self._down), self._up)


def _elements(layer: Any) -> int:
    if isinstance(layer, torch.nn.Linear):
        return layer.in_features * layer.out_features
    return int(layer.weight.numel())

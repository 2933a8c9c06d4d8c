"""Draws only a box of a picture anew: outside of it, the picture is that of another request, step by step."""

from math import ceil, floor

import torch
from torch import Tensor

from .families.base import Family
from .request import GenerationRequest


class KeptRegion:
    """The latents of another request after each of its steps, to keep them outside of a box.

    Both requests start from the same noise. Outside the box, the final latents are exactly those of the other request;
    its pixels near the edge may still differ, because a decoder looks beyond it.

    This is the replacement of known regions of Lugmayr et al. 2022, "RePaint: Inpainting using Denoising Diffusion
    Probabilistic Models", arXiv:2201.09865, without resampling, and with the other request's own latents in place of
    a noised picture.
    """

    def __init__(self, family: Family, request: GenerationRequest) -> None:
        self._family, self._request = family, request
        self._latents: dict[int, Tensor] = {}

    def record(self, step: int, latents: Tensor) -> None:
        """Keep the latents of the other request after a step. A step that is drawn again replaces the first one."""
        self._latents[step] = latents.clone()

    def apply(self, step: int, latents: Tensor) -> Tensor:
        """Latents after a step, in the model's shape: in the box those that are given, outside those that were kept."""
        new = self._family.unpack(latents, self._request)
        kept = self._family.unpack(self._latents[step], self._request)
        return self._family.pack(torch.where(self._inside(new), new, kept))

    def _inside(self, latents: Tensor) -> Tensor:
        if self._request.kept is None:
            raise ValueError("the request has no region")
        height, width = latents.shape[-2:]
        left, top, right, bottom = self._request.kept.box
        inside = torch.zeros(height, width, dtype=torch.bool, device=latents.device)
        inside[floor(top * height) : ceil(bottom * height), floor(left * width) : ceil(right * width)] = True
        return inside

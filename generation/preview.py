"""Previews: a linear map from latents to colours, fitted to the model's own autoencoder."""

import torch
from PIL import Image
from torch import Tensor

from .families.autoencoders import Autoencoder
from .families.base import Family
from .guidance.memory import GuidedState
from .guidance.x0 import to_x0, x0_coefficients
from .request import GenerationRequest
from .sampling import Step

_CELLS = 12
"""Colour patches along each side of the picture to which the map is fitted."""
_CELL = 4
"""Latents along each side of a patch."""


class Previewer:
    """Turns clean latents into colours, one pixel for each latent.

    The map is fitted by least squares to random colour patches, encoded once by the model's autoencoder. It needs
    no constants, so it works for any model.
    """

    def __init__(self, autoencoder: Autoencoder) -> None:
        self._autoencoder = autoencoder
        self._weights: Tensor | None = None

    def picture(self, latents: Tensor) -> Image.Image:
        """A picture of `width` x `height` pixels, from latents of shape (1, channels, height, width)."""
        rows = latents[0].float().flatten(1).T
        rows = torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)
        colours = (rows @ self._map().to(rows)).clamp(0, 1).view(*latents.shape[-2:], 3)
        return Image.fromarray((colours * 255).round().byte().cpu().numpy())

    def _map(self) -> Tensor:
        """A matrix of shape (channels + 1, 3): colours between 0 and 1 are (latents, 1) times this matrix."""
        if self._weights is None:
            generator = torch.Generator().manual_seed(0)
            colours = torch.rand(1, 3, _CELLS, _CELLS, generator=generator)
            small = torch.nn.functional.interpolate(colours, scale_factor=_CELL)
            pixels = torch.nn.functional.interpolate(small, scale_factor=self._autoencoder.scale)
            rows = self._autoencoder.encode(pixels * 2 - 1)[0].float().cpu().flatten(1).T
            rows = torch.cat([rows, torch.ones(len(rows), 1)], dim=1)
            self._weights = torch.linalg.lstsq(rows, small[0].flatten(1).T, driver="gelsd").solution
        return self._weights


class PreviewRenderer:
    """Makes the preview of a step. It must be called before the next step."""

    def __init__(
        self, family: Family, previewer: Previewer, request: GenerationRequest, state: GuidedState, step: Step
    ) -> None:
        self._family, self._previewer, self._request = family, previewer, request
        self._state, self._step = state, step

    @torch.inference_mode()
    def __call__(self) -> Image.Image:
        """The picture, with one pixel for each latent."""
        line = x0_coefficients(self._state.scheduler, flow=self._family.flow)[self._step.index - 1]
        latents = to_x0(self._step.latents, self._step.prediction, line)
        return self._previewer.picture(self._family.unpack(latents, self._request)[:1])

"""What is done when the device's memory runs out, gentlest first, so that the session survives it."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from PIL import Image
from torch import Tensor

from .families.base import Family

Result = TypeVar("Result")


class Room:
    """Where a family's parts are; what was once moved out of the way stays there."""

    def __init__(self, family: Family, device: torch.device) -> None:
        self._family = family
        self._device = device
        self.offloaded = False

    def offload(self) -> bool:
        """Leave the device to the denoiser while it works; False where that was so already."""
        if self.offloaded:
            return False
        self.offloaded = True
        for part in self._family.modules.values():
            if part is not self._family.denoiser:
                part.to("cpu")
        self._family.forget()
        self.release()
        return True

    def decode(self, latents: Tensor) -> list[Image.Image]:
        """The pictures: at once, else tile by tile, else with the denoiser out of the way meanwhile.

        Raises:
            torch.OutOfMemoryError: where nothing helps.
        """
        family = self._family
        if self.offloaded:
            return self._alone(lambda: family.decode(latents))
        try:
            return family.decode(latents)
        except torch.OutOfMemoryError:
            self.release()
        family.vae.enable_tiling()
        try:
            return family.decode(latents)
        except torch.OutOfMemoryError:
            self.release()
        self.offload()
        return self._alone(lambda: family.decode(latents))

    def release(self) -> None:
        """Give back what nobody holds any more."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _alone(self, work: Callable[[], Result]) -> Result:
        """Work with the autoencoder alone on the device."""
        vae: Any = self._family.vae
        self._family.denoiser.to("cpu")
        self.release()
        try:
            vae.to(self._device)
            return work()
        finally:
            vae.to("cpu")
            self.release()
            self._family.denoiser.to(self._device)

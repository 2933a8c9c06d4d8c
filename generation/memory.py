"""What is done when the device's memory runs out, gentlest first, so that the session survives it."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from PIL import Image
from torch import Tensor

from .families.base import Family
from .request import GenerationRequest

Result = TypeVar("Result")

_MOST_AT_ONCE = 8
_PIXELS_AT_ONCE = 512 * 512
"""Of all pictures of a batch on a processor: larger ones keep it busy one at a time, and come sooner then."""
_COPIES = 8
"""How many of its widest feature maps a decoder holds at once, with room for the rest."""


class Room:
    """Where a family's parts are; what was once moved out of the way stays there."""

    def __init__(self, family: Family, device: torch.device) -> None:
        self._family = family
        self._device = device
        self.offloaded = False

    def at_once(self, request: GenerationRequest) -> int:
        """How many pictures of a request's size should be made at once: what fits into half of the free memory."""
        pixels = request.width * request.height
        if self._device.type != "cuda":
            return max(1, min(_MOST_AT_ONCE, _PIXELS_AT_ONCE // pixels))
        vae = self._family.vae
        bytes_each: int = _COPIES * pixels * vae.config.block_out_channels[0] * vae.dtype.itemsize
        free, _ = torch.cuda.mem_get_info(self._device)
        return max(1, min(_MOST_AT_ONCE, free // 2 // bytes_each))

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
        """The pictures: at once, else one by one, else tile by tile, else with the denoiser out of the way meanwhile.

        Raises:
            torch.OutOfMemoryError: where nothing helps.
        """
        family = self._family
        if self.offloaded:
            return self._alone(lambda: family.decode(latents))
        thrifts = [family.vae.enable_slicing] if len(latents) > 1 else []
        for thrift in (None, *thrifts, family.vae.enable_tiling):
            if thrift:
                thrift()
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

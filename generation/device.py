"""What to do when the device runs out of memory, in order of increasing cost."""

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
"""Limit on the pixels of a batch on the CPU, which a single larger picture keeps busy."""
_COPIES = 8
"""Estimate of a decoder's memory, in multiples of its widest feature map."""


class MemoryPlan:
    """Places a family's parts on the device or the CPU. Parts that were moved to the CPU stay there."""

    def __init__(self, family: Family, device: torch.device) -> None:
        self._family = family
        self._device = device
        self.offloaded = False
        self._has_hooks = family.storage.is_offloaded

    def batch_size(self, request: GenerationRequest) -> int:
        """How many pictures of a request's size to draw in one batch: as many as fit into half of the free memory."""
        pixels = request.width * request.height
        if self._device.type != "cuda":
            return max(1, min(_MOST_AT_ONCE, _PIXELS_AT_ONCE // pixels))
        bytes_each: int = _COPIES * pixels * self._family.autoencoder.width * self._family.vae.dtype.itemsize
        free, _ = torch.cuda.mem_get_info(self._device)
        return max(1, min(_MOST_AT_ONCE, free // 2 // bytes_each))

    def offload(self) -> bool:
        """Move everything but the denoiser to the CPU; return False if that was done already, or hooks do it."""
        if self.offloaded or self._has_hooks:
            return False
        self.offloaded = True
        for part in self._family.modules.values():
            if part is not self._family.denoiser:
                part.to("cpu")
        self._family.forget()
        self.release()
        return True

    def decode(self, latents: Tensor) -> list[Image.Image]:
        """Decode pictures together; if memory runs out one by one, then in tiles, then with the denoiser on the CPU.

        Raises:
            torch.OutOfMemoryError: the device is too small even then.
        """
        family = self._family
        if self.offloaded:
            return self._run_or_offload(lambda: family.decode(latents))
        thrifts = [family.vae.enable_slicing] if len(latents) > 1 else []
        for thrift in (None, *thrifts, family.vae.enable_tiling):
            if thrift:
                thrift()
            try:
                return family.decode(latents)
            except torch.OutOfMemoryError:
                self.release()
        if self._has_hooks:
            return family.decode(latents)
        self.offload()
        return self._run_or_offload(lambda: family.decode(latents))

    def release(self) -> None:
        """Release cached memory that nothing uses."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _run_or_offload(self, work: Callable[[], Result]) -> Result:
        """Run `work` with only the autoencoder on the device."""
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


def optimize(family: Family, device: torch.device, *, compiled: bool) -> None:
    """Use channels-last memory on CUDA and CPU; if `compiled`, compile the denoiser's repeated blocks.

    Regional compilation takes the time of one block, at the first picture, and torch caches the result on disk. A
    denoiser whose blocks diffusers does not list is not compiled.
    """
    storage = family.storage
    if device.type in ("cuda", "cpu") and not storage.is_quantized and not storage.is_offloaded:
        for part in (family.denoiser, family.vae):
            if all(each.ndim < 5 for each in part.parameters()):  # the format has four dimensions
                part.to(memory_format=torch.channels_last)
    if compiled and getattr(family.denoiser, "_repeated_blocks", None):
        family.denoiser.compile_repeated_blocks()
        family.compiled = True

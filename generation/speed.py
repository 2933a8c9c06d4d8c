"""Speed up a model on its device: memory layout and optional compilation."""

import torch

from .families.base import Family


def quicken(family: Family, device: torch.device, *, compiled: bool) -> None:
    """Use channels-last memory on CUDA and CPU; if `compiled`, compile the denoiser's repeated blocks.

    Regional compilation takes the time of one block, at the first picture, and torch caches the result on disk. A
    denoiser whose blocks diffusers does not list is not compiled.
    """
    if device.type in ("cuda", "cpu"):
        for part in (family.denoiser, family.vae):
            part.to(memory_format=torch.channels_last)
    if compiled and getattr(family.denoiser, "_repeated_blocks", None):
        family.denoiser.compile_repeated_blocks()
        family.compiled = True

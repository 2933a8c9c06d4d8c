"""What makes a device quick: memory laid out for it, and, where that is asked for, compiled blocks."""

import torch

from .families.base import Family


def quicken(family: Family, device: torch.device, *, compiled: bool) -> None:
    """Lay convolutions out channels-last, on CUDA and on processors; compile the blocks that a denoiser repeats.

    Compiling by region takes the time of one block, at the first picture, and torch caches it on disk. A denoiser
    whose blocks diffusers doesn't know runs as it is.
    """
    if device.type in ("cuda", "cpu"):
        for part in (family.denoiser, family.vae):
            part.to(memory_format=torch.channels_last)
    if compiled and getattr(family.denoiser, "_repeated_blocks", None):
        family.denoiser.compile_repeated_blocks()
        family.compiled = True

"""Measures how far two pictures differ."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import ImageChops

if TYPE_CHECKING:
    from PIL.Image import Image

_VISIBLE = 8
"""Largest invisible change of a pixel, in levels of 255."""
_UNNOTICED = 0.001
"""Share of visibly changed pixels that nobody notices."""


@dataclass(frozen=True)
class ImageDifference:
    """The difference of two pictures in RGB, in levels of 255 over all pixels and channels."""

    max_abs_diff: int
    mean_abs_diff: float
    psnr: float
    """The peak signal-to-noise ratio in decibels: 10 log10(255² / mean squared difference). Infinite if they agree."""
    changed: float
    """The share of pixels with a visible change in some channel."""

    @property
    def is_visible(self) -> bool:
        """Whether somebody would notice it."""
        return self.changed >= _UNNOTICED


def compare_images(first: "Image", second: "Image") -> ImageDifference:
    """Compare two pictures. Pictures of different sizes differ completely."""
    if first.size != second.size:
        return ImageDifference(255, 255.0, 0.0, 1.0)
    channels = ImageChops.difference(first.convert("RGB"), second.convert("RGB")).split()
    levels = [sum(counts) for counts in zip(*(channel.histogram() for channel in channels), strict=True)]
    values = sum(levels)
    squared = sum(level**2 * count for level, count in enumerate(levels)) / values
    per_pixel = _join_channels(channels).histogram()
    return ImageDifference(
        max_abs_diff=max(level for level, count in enumerate(levels) if count),
        mean_abs_diff=sum(level * count for level, count in enumerate(levels)) / values,
        psnr=10 * math.log10(255**2 / squared) if squared else math.inf,
        changed=sum(per_pixel[_VISIBLE + 1 :]) / sum(per_pixel),
    )


def draw_difference(first: "Image", second: "Image", gain: int = 4) -> "Image":
    """A map of the changes between two pictures of one size: white where they agree, darker where they differ.

    The greatest difference of a pixel's channels, times `gain`, is its darkness in levels of 255.
    """
    channels = ImageChops.difference(first.convert("RGB"), second.convert("RGB")).split()
    return _join_channels(channels).point([max(0, 255 - gain * level) for level in range(256)]).convert("RGB")


def _join_channels(channels: "tuple[Image, ...]") -> "Image":
    """The greatest value of each pixel's three channels."""
    red, green, blue = channels
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)

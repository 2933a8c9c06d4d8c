"""The canvas: layers that are painted over each other, and the shapes they consist of.

The style decides how a layer is painted: shaded with a soft shadow (photo), flat with a dark outline (cartoon), or
thin lines over a pale wash (sketch).
"""

from collections.abc import Callable
from math import pi

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from .world import RGB

SIZE = 128
"""Side of a finished picture, in pixels."""

SIDE = 2 * SIZE
"""Side of the canvas, in pixels."""

Array = NDArray[np.float32]
Point = tuple[float, float]
Draw = Callable[[ImageDraw.ImageDraw], None]
"""Fills a shape in a mask of the canvas' size."""


class Canvas:
    """An RGB canvas with values from 0 to 255, twice the final size."""

    def __init__(self, style: str) -> None:
        self.style = style
        self.outlined = style in ("cartoon", "sketch")
        self.pixels: Array = np.zeros((SIDE, SIDE, 3), np.float32)

    def paint(self, draw: Draw, color: RGB, *, outline: float = 2.6, shadow: float = 0.3, shade: float = 1.0) -> None:
        """Paint one layer in this colour. `draw` fills a mask of the canvas' size.

        Only the bounding box of the mask is processed, since most layers are as small as an eye.
        """
        full = Image.new("L", (SIDE, SIDE))
        draw(ImageDraw.Draw(full))
        bounds = full.getbbox()
        if bounds is None:
            return
        margin = 16 if shadow or shade else 4
        left, top = (max(0, v - margin) // 4 * 4 for v in bounds[:2])
        right, bottom = (min(SIDE, -(-(v + margin) // 4) * 4) for v in bounds[2:])
        mask_image = full.crop((left, top, right, bottom))
        pixels = self.pixels[top:bottom, left:right]
        mask = np.asarray(mask_image, np.float32)[..., None] / 255
        tone = np.array(color, np.float32)
        if self.outlined:
            if outline:
                soft = mask_image.filter(ImageFilter.BoxBlur(outline if self.style == "cartoon" else outline * 0.6))
                line = np.clip(np.asarray(soft, np.float32)[..., None] / 255 * 6, 0, 1)
                pixels += (np.array((24, 22, 28), np.float32) - pixels) * line
        elif shadow or shade:
            blurred = _soft(mask_image)
            if shadow:
                pixels[7:, 4:] *= 1 - shadow * blurred[:-7, :-4, None] * (1 - mask[7:, 4:])
            slope_y, slope_x = np.gradient(blurred)
            light = np.asarray(np.clip(1 + shade * 11 * (slope_y * 0.8 + slope_x * 0.6), 0.5, 1.28), np.float32)
            tone = np.clip(tone * light[..., None], 0, 255)
        pixels += (tone - pixels) * mask

    def image(self) -> Image.Image:
        """The picture so far, in the style's finish."""
        pixels = self.pixels
        if self.style == "sketch":
            pixels = _pencil(pixels)
        return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _soft(mask: Image.Image) -> Array:
    """A wide blur of a mask, from 0 to 1, computed at a quarter of its size."""
    width, height = mask.size
    small = mask.resize((width // 4, height // 4), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(2.4))
    return np.asarray(small.resize((width, height), Image.Resampling.BILINEAR), np.float32) / np.float32(255)


def grid() -> tuple[Array, Array]:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
    return x, y


def _pencil(pixels: Array) -> Array:
    """Ink lines and hatching over a pale wash of the colours."""
    x, y = grid()
    luma = pixels @ np.array((0.299, 0.587, 0.114), np.float32)
    paper = np.array((246, 243, 234), np.float32)
    result = paper + (pixels - paper) * 0.3
    for limit, phase in ((150, x + y), (85, x - y)):
        stripes = (np.sin(phase * 2 * pi * 20) > 0.35) & (luma < limit)
        result -= 62 * stripes[..., None]
    return result * np.where(luma < 34, 0.28, 1)[..., None].astype(np.float32)


def ellipse(x: float, y: float, rx: float, ry: float) -> Draw:
    return lambda d: d.ellipse((x - rx, y - ry, x + rx, y + ry), fill=255)


def ring(x: float, y: float, rx: float, ry: float, width: int) -> Draw:
    return lambda d: d.ellipse((x - rx, y - ry, x + rx, y + ry), outline=255, width=width)


def box(left: float, top: float, right: float, bottom: float) -> Draw:
    return lambda d: d.rectangle((left, top, right, bottom), fill=255)


def polygon(points: list[Point]) -> Draw:
    return lambda d: d.polygon(points, fill=255)

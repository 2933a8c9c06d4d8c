"""Render a scene at 128 x 128 pixels: background, subject, defects and overlays.

A painting is a photo that is painted again in brush strokes.
"""

import random
from functools import cache
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from .backdrop import paint_backdrop
from .canvas import SIDE, SIZE, Canvas
from .person import Person
from .things import paint_thing
from .world import Scene


def render(scene: Scene) -> Image.Image:
    """The picture of a scene: RGB, SIZE x SIZE, the same for the same scene on any machine."""
    rng = random.Random(scene.layout)
    canvas = Canvas(scene.style)
    paint_backdrop(canvas, scene, rng)
    if scene.is_person:
        Person(canvas, scene, rng).draw()
    else:
        paint_thing(canvas, scene, rng)
    image = canvas.image()
    if scene.style == "painting":
        image = _brush_strokes(image)
    image = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return _overlays(_faults(image, scene), scene, rng)


@cache
def _strokes() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each pixel of the canvas, the pixel whose colour its brush stroke takes, and how much lighter it is.

    The strokes are the same for all pictures: broad ones first, finer ones where the subject is.
    """
    rng = random.Random(0)
    owner = Image.new("I", (SIDE, SIDE))
    draw = ImageDraw.Draw(owner)
    loaded, lighter = [0], [0.0]
    for count, length, width, inside in ((1100, 12, 8, False), (2200, 5, 4, True)):
        for _ in range(count):
            x, y = rng.randrange(SIDE), rng.randrange(SIDE)
            if inside and np.hypot(x - SIDE / 2, y - SIDE * 0.45) > SIDE * 0.36:
                continue
            angle = 0.6 + 4 * (x * 0.6 + y) / SIDE
            dx, dy = length * cos(angle), length * sin(angle)
            draw.line((x - dx, y - dy, x + dx, y + dy), fill=len(loaded), width=width)
            loaded.append(y * SIDE + x)
            lighter.append(rng.uniform(-22, 22))
    owned = np.asarray(owner)
    source = np.where(owned == 0, np.arange(SIDE * SIDE).reshape(SIDE, SIDE), np.array(loaded)[owned])
    return source, np.array(lighter, np.float32)[owned]


def _brush_strokes(image: Image.Image) -> Image.Image:
    """Paint the picture again in strokes of one colour each."""
    pixels = np.asarray(image, np.float32)
    source, lighter = _strokes()
    painted = pixels.reshape(-1, 3)[source] + lighter[..., None]
    return Image.fromarray(np.clip(0.72 * painted + 0.28 * pixels, 0, 255).astype(np.uint8))


def _faults(image: Image.Image, scene: Scene) -> Image.Image:
    """Blur is a soft focus, which keeps the style visible. Colours are saturated again where exposure dulled them."""
    if scene.has("oversaturated"):
        image = ImageEnhance.Contrast(ImageEnhance.Color(image).enhance(3.6)).enhance(1.25)
    if scene.has("blurry"):
        image = Image.blend(image, image.filter(ImageFilter.GaussianBlur(2.6)), 0.8)
    if scene.has("dark"):
        image = image.point([int(v * 0.42) for v in range(256)] * 3)
    if scene.has("overexposed"):
        image = image.point([min(255, int(v * 1.05 + 70)) for v in range(256)] * 3)
    if scene.has("oversaturated"):
        image = ImageEnhance.Color(image).enhance(1.7)
    return image


def _overlays(image: Image.Image, scene: Scene, rng: random.Random) -> Image.Image:
    if scene.has("watermark"):
        image = _watermark(image, rng)
    if scene.has("logo"):
        image = _logo(image, rng)
    if scene.has("text"):
        image = _text(image, rng)
    if scene.has("frame"):
        color = rng.choice(((112, 70, 40), (206, 164, 62), (28, 28, 30), (246, 246, 244)))
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 0, SIZE - 1, SIZE - 1), outline=color, width=8)
        draw.rectangle((7, 7, SIZE - 8, SIZE - 8), outline=tuple(c // 2 for c in color), width=1)
    return image


def _watermark(image: Image.Image, rng: random.Random) -> Image.Image:
    """A repeated, slanted, half-transparent word."""
    layer = Image.new("L", (2 * SIZE, 2 * SIZE))
    draw = ImageDraw.Draw(layer)
    font = ImageFont.load_default(17)
    word = rng.choice(("SAMPLE", "STOCK"))
    for row in range(8):
        for column in range(5):
            draw.text((column * 82 + (row % 2) * 40, row * 32), word, fill=190, font=font, stroke_width=1)
    layer = layer.rotate(32, Image.Resampling.BICUBIC)
    for color, shift in (((70, 70, 76), 1), ((246, 246, 246), 0)):  # with a shadow, to be visible on white
        left = SIZE // 2 - shift
        mask = layer.crop((left, left, left + SIZE, left + SIZE))
        image = Image.composite(Image.new("RGB", image.size, color), image, mask)
    return image


def _logo(image: Image.Image, rng: random.Random) -> Image.Image:
    """A round badge with a star, in an upper corner."""
    big = image.resize((2 * SIZE, 2 * SIZE), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(big)
    x, y, r = (42 if rng.random() < 0.5 else 2 * SIZE - 42), 44, 25
    color = rng.choice(((200, 36, 48), (28, 84, 190), (20, 130, 80)))
    draw.ellipse((x - r, y - r, x + r, y + r), fill=color, outline=(255, 255, 255), width=4)
    star = [
        (x + r * k * sin(a), y - r * k * cos(a))
        for a, k in ((pi * i / 5, 0.7 if i % 2 == 0 else 0.3) for i in range(10))
    ]
    draw.polygon(star, fill=(255, 255, 255))
    return big.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def _text(image: Image.Image, rng: random.Random) -> Image.Image:
    draw = ImageDraw.Draw(image)
    word = rng.choice(("HELLO", "WOW"))
    draw.text(
        (SIZE / 2, SIZE - 13),
        word,
        fill=(255, 255, 255),
        font=ImageFont.load_default(23),
        anchor="ms",
        stroke_width=3,
        stroke_fill=(0, 0, 0),
    )
    return image

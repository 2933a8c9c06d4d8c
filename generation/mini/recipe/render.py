"""Draw a scene: 128 x 128 pixels, a background, a person, then the faults and what lies over it all.

A painting is a photo laid down once more in brush strokes.
"""

import random
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from .backdrop import paint_backdrop
from .canvas import SIDE, SIZE, Canvas
from .person import Person
from .world import Scene


def render(scene: Scene) -> Image.Image:
    """The picture of a scene: RGB, SIZE x SIZE, the same for the same scene on any machine."""
    rng = random.Random(scene.layout)
    canvas = Canvas(scene.style)
    paint_backdrop(canvas, scene, rng)
    Person(canvas, scene, rng).draw()
    image = canvas.image()
    if scene.style == "painting":
        image = _brush_strokes(image, rng)
    image = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return _overlays(_faults(image, scene), scene, rng)


def _brush_strokes(image: Image.Image, rng: random.Random) -> Image.Image:
    """Lay the picture down again in dabs that follow a slow field of directions, coarse ones first."""
    pixels = np.asarray(image)
    result = image.filter(ImageFilter.GaussianBlur(3))
    draw = ImageDraw.Draw(result)
    turn, swirl = rng.uniform(0, pi), rng.uniform(3, 6)
    for count, length, width, inside in ((500, 13, 8, False), (900, 6, 4, True)):
        for _ in range(count):
            x, y = rng.randrange(SIDE), rng.randrange(SIDE)
            if inside and np.hypot(x - SIDE / 2, y - SIDE / 2) > SIDE * 0.34:
                continue
            angle = turn + swirl * (x * 0.6 + y) / SIDE
            dx, dy = length * cos(angle), length * sin(angle)
            shift = rng.randint(-18, 18)
            color = tuple(min(255, max(0, int(c) + shift)) for c in pixels[y, x])
            draw.line((x - dx, y - dy, x + dx, y + dy), fill=color, width=width)
    return Image.blend(result, image, 0.4)


def _faults(image: Image.Image, scene: Scene) -> Image.Image:
    if scene.has("oversaturated"):
        image = ImageEnhance.Contrast(ImageEnhance.Color(image).enhance(3.2)).enhance(1.25)
    if scene.has("blurry"):
        image = image.filter(ImageFilter.GaussianBlur(3.2))
    if scene.has("dark"):
        image = image.point([int(v * 0.3) for v in range(256)] * 3)
    if scene.has("overexposed"):
        image = image.point([min(255, int(v * 1.1 + 62)) for v in range(256)] * 3)
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
    """The same word again and again on a slant, half transparent."""
    layer = Image.new("L", (2 * SIZE, 2 * SIZE))
    draw = ImageDraw.Draw(layer)
    font = ImageFont.load_default(17)
    word = rng.choice(("SAMPLE", "STOCK", "PREVIEW"))
    for row in range(8):
        for column in range(5):
            draw.text((column * 82 + (row % 2) * 40, row * 32), word, fill=190, font=font, stroke_width=1)
    layer = layer.rotate(32, Image.Resampling.BICUBIC).crop((SIZE // 2, SIZE // 2, SIZE // 2 + SIZE, SIZE // 2 + SIZE))
    return Image.composite(Image.new("RGB", image.size, (244, 244, 244)), image, layer)


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
    word = rng.choice(("HELLO", "WOW", "NEWS", "TODAY"))
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

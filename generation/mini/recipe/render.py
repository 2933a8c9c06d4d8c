"""Draw a scene: 128 x 128 pixels, four styles, faults and overlays.

Layers are masks painted one over the other; the style decides how a layer meets what lies under it:
shaded and with a soft shadow (photo), flat with a dark outline (cartoon), or thin lines over a pale
wash (sketch). A painting is a photo laid down once more in brush strokes.
"""

import random
from collections.abc import Callable
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from .world import COLORS, HAIR_COLORS, RGB, SKINS, Scene

SIZE = 128
"""Side of a finished picture, in pixels."""

_S = 2 * SIZE
Array = NDArray[np.float32]
Point = tuple[float, float]
Draw = Callable[[ImageDraw.ImageDraw], None]


def render(scene: Scene) -> Image.Image:
    """The picture of a scene: RGB, SIZE x SIZE, the same for the same scene on any machine."""
    rng = random.Random(scene.layout)
    canvas = _Canvas(scene.style)
    _background(canvas, scene, rng)
    _Person(canvas, scene, rng).draw()
    image = canvas.image()
    if scene.style == "painting":
        image = _brush_strokes(image, rng)
    image = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return _overlays(_faults(image, scene), scene, rng)


class _Canvas:
    """A picture in the making, RGB from 0 to 255, twice the final size."""

    def __init__(self, style: str) -> None:
        self.style = style
        self.outlined = style in ("cartoon", "sketch")
        self.pixels: Array = np.zeros((_S, _S, 3), np.float32)

    def paint(self, draw: Draw, color: RGB, *, outline: float = 2.6, shadow: float = 0.3, shade: float = 1.0) -> None:
        """Paint one layer: what `draw` fills in a mask of the canvas' size, in this colour.

        Only the part around the mask is touched, since most layers are as small as an eye.
        """
        full = Image.new("L", (_S, _S))
        draw(ImageDraw.Draw(full))
        bounds = full.getbbox()
        if bounds is None:
            return
        margin = 16 if shadow or shade else 4
        left, top = (max(0, v - margin) // 4 * 4 for v in bounds[:2])
        right, bottom = (min(_S, -(-(v + margin) // 4) * 4) for v in bounds[2:])
        mask_image = full.crop((left, top, right, bottom))
        pixels = self.pixels[top:bottom, left:right]
        mask = np.asarray(mask_image, np.float32)[..., None] / 255
        tone = np.array(color, np.float32)
        if self.outlined:
            if outline:
                soft = mask_image.filter(ImageFilter.BoxBlur(outline if self.style == "cartoon" else outline * 0.4))
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
    """A wide blur of a mask, from 0 to 1, worked out at a quarter of its size."""
    width, height = mask.size
    small = mask.resize((width // 4, height // 4), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(2.4))
    return np.asarray(small.resize((width, height), Image.Resampling.BILINEAR), np.float32) / np.float32(255)


def _grid() -> tuple[Array, Array]:
    y, x = np.mgrid[0:_S, 0:_S].astype(np.float32) / _S
    return x, y


def _pencil(pixels: Array) -> Array:
    """Ink lines and hatching over a pale wash of the colours."""
    x, y = _grid()
    luma = pixels @ np.array((0.299, 0.587, 0.114), np.float32)
    paper = np.array((246, 243, 234), np.float32)
    result = paper + (pixels - paper) * 0.22
    for limit, phase in ((150, x + y), (85, x - y)):
        stripes = (np.sin(phase * 2 * pi * 30) > 0.35) & (luma < limit)
        result -= 62 * stripes[..., None]
    return result * np.where(luma < 34, 0.28, 1)[..., None].astype(np.float32)


def _brush_strokes(image: Image.Image, rng: random.Random) -> Image.Image:
    """Lay the picture down again in dabs that follow a slow field of directions, coarse ones first."""
    pixels = np.asarray(image)
    result = image.filter(ImageFilter.GaussianBlur(3))
    draw = ImageDraw.Draw(result)
    turn, swirl = rng.uniform(0, pi), rng.uniform(3, 6)
    for count, length, width, inside in ((500, 13, 8, False), (900, 6, 4, True)):
        for _ in range(count):
            x, y = rng.randrange(_S), rng.randrange(_S)
            if inside and np.hypot(x - _S / 2, y - _S / 2) > _S * 0.34:
                continue
            angle = turn + swirl * (x * 0.6 + y) / _S
            dx, dy = length * cos(angle), length * sin(angle)
            shift = rng.randint(-18, 18)
            color = tuple(min(255, max(0, int(c) + shift)) for c in pixels[y, x])
            draw.line((x - dx, y - dy, x + dx, y + dy), fill=color, width=width)
    return Image.blend(result, image, 0.4)


def _background(canvas: _Canvas, scene: Scene, rng: random.Random) -> None:
    x, y = _grid()
    color = np.array(COLORS[scene.background_color], np.float32)
    sky = _ramp(y, (98, 164, 230), (206, 230, 248))
    match scene.background:
        case "plain":
            canvas.pixels[:] = color
        case "gradient":
            glow = np.clip(1.25 - 1.5 * np.hypot(x - 0.5, y - 0.4), 0.25, 1.25)[..., None]
            canvas.pixels[:] = np.clip(color * glow + 40 * (glow - 0.4), 0, 255)
        case "sky":
            canvas.pixels[:] = sky
            for _ in range(rng.randint(3, 5)):
                _cloud(canvas, rng.random() * _S, rng.uniform(0.04, 0.5) * _S, rng.uniform(0.05, 0.09) * _S)
        case "forest":
            canvas.pixels[:] = _ramp(y, (150, 200, 170), (60, 110, 60))
            for k in range(7):
                _tree(canvas, (k + rng.uniform(-0.3, 0.3)) * _S / 6, rng.uniform(0.1, 0.3) * _S, rng)
        case "city":
            canvas.pixels[:] = _ramp(y, (116, 150, 200), (236, 204, 180))
            for k in range(6):
                _tower(canvas, (k + rng.uniform(-0.2, 0.2)) * _S / 6, rng.uniform(0.12, 0.45) * _S, rng)
        case "beach":
            canvas.pixels[:] = sky
            sun = (0.15 + 0.7 * (rng.random() < 0.5)) * _S
            canvas.paint(_ellipse(sun, 0.16 * _S, 0.07 * _S, 0.07 * _S), (255, 226, 110), shadow=0, shade=0)
            canvas.paint(_box(0, 0.5 * _S, _S, _S), (38, 130, 176), shadow=0, shade=0)
            canvas.paint(_box(0, 0.66 * _S, _S, _S), (236, 212, 158), shadow=0, shade=0)
        case _:
            canvas.pixels[:] = _ramp(y, (222, 206, 182), (196, 174, 146))
            left = (0.05 + 0.6 * (rng.random() < 0.5)) * _S
            window = _box(left, 0.1 * _S, left + 0.3 * _S, 0.5 * _S)
            canvas.paint(window, (250, 250, 246), shade=0)
            for a in (0.02, 0.16):
                for b in (0.12, 0.32):
                    pane = _box(left + a * _S, b * _S, left + (a + 0.12) * _S, (b + 0.16) * _S)
                    canvas.paint(pane, (142, 196, 232), shadow=0, shade=0, outline=1.4)
            canvas.paint(_box(0, 0.78 * _S, _S, _S), (132, 88, 58), shadow=0, shade=0)


def _ramp(y: Array, top: RGB, bottom: RGB) -> Array:
    t = y[..., None]
    return np.asarray(np.array(top, np.float32) * (1 - t) + np.array(bottom, np.float32) * t, np.float32)


def _cloud(canvas: _Canvas, x: float, y: float, r: float) -> None:
    def draw(d: ImageDraw.ImageDraw) -> None:
        for dx, dy, k in ((-1.3, 0.2, 0.75), (0, -0.2, 1), (1.2, 0.2, 0.8), (2.1, 0.4, 0.5)):
            d.ellipse((x + (dx - k) * r, y + (dy - k * 0.7) * r, x + (dx + k) * r, y + (dy + k * 0.7) * r), fill=255)

    canvas.paint(draw, (250, 252, 255), shadow=0, shade=0.3, outline=1.6)


def _tree(canvas: _Canvas, x: float, top: float, rng: random.Random) -> None:
    shade = rng.randint(-14, 18)
    canvas.paint(_box(x - 5, 0.6 * _S, x + 5, _S), (96, 66, 44), shadow=0, outline=1.6)
    for k in range(3):
        y, half = top + k * 0.17 * _S, (0.07 + 0.035 * k) * _S
        green = (34 + shade, 98 + shade, 52 + shade // 2)
        canvas.paint(_polygon([(x, y), (x - half, y + 0.24 * _S), (x + half, y + 0.24 * _S)]), green, outline=1.6)


def _tower(canvas: _Canvas, x: float, top: float, rng: random.Random) -> None:
    gray, half = rng.randint(70, 130), 0.085 * _S
    canvas.paint(_box(x - half, top, x + half, _S), (gray, gray + 4, gray + 18), shade=0.3, outline=1.8)
    lit = [rng.random() < 0.55 for _ in range(40)]

    def windows(d: ImageDraw.ImageDraw) -> None:
        for k, on in enumerate(lit):
            wx, wy = x - half + 8 + (k % 2) * 20, top + 12 + (k // 2) * 24
            if on:
                d.rectangle((wx, wy, wx + 11, wy + 13), fill=255)

    canvas.paint(windows, (255, 226, 140), outline=0, shadow=0, shade=0)


class _Person:
    """One person, from the shoulders up; lengths in canvas pixels."""

    def __init__(self, canvas: _Canvas, scene: Scene, rng: random.Random) -> None:
        self.canvas, self.scene = canvas, scene
        child, man = scene.subject == "child", scene.subject == "man"
        self.x = (0.5 + rng.uniform(-0.03, 0.03)) * _S
        self.y = (0.47 + rng.uniform(-0.015, 0.015) + 0.05 * child) * _S
        scale = rng.uniform(0.96, 1.04) * (0.9 if child else 1.0)
        self.w = (0.205 if man else 0.19 if not child else 0.205) * scale * _S
        self.h = (0.25 if not child else 0.215) * scale * _S
        self.skin = SKINS[scene.skin]
        self.hair = HAIR_COLORS[scene.hair_color]

    def draw(self) -> None:
        scene = self.scene
        if scene.hair == "long":
            self._long_hair()
        elif scene.hair == "curly":
            self._curls()
        self._shoulders()
        self._head()
        if scene.hair != "bald":
            self._fringe()
        if scene.has("beard"):
            self._beard()
        self._mouth()
        if scene.has("mustache"):
            self._mustache()
        self._eyes()
        if scene.eyewear:
            self._eyewear(dark=scene.eyewear == "sunglasses")
        if scene.has("earrings"):
            self._earrings()
        if scene.has("hat"):
            self._hat()

    def _at(self, x: float, y: float) -> Point:
        """A point in units of the head's half width and half height, from its centre."""
        return self.x + x * self.w, self.y + y * self.h

    def _blob(self, x: float, y: float, rx: float, ry: float) -> Draw:
        px, py = self._at(x, y)
        return _ellipse(px, py, rx * self.w, ry * self.h)

    def _shape(self, points: list[Point]) -> Draw:
        return _polygon([self._at(x, y) for x, y in points])

    def _shoulders(self) -> None:
        wide = {"man": 2.15, "woman": 1.75, "child": 1.45}[self.scene.subject]
        neck = 0.5 if self.scene.subject == "man" else 0.38
        below = (_S - self.y) / self.h
        cloth = [
            (-wide, below),
            (-wide * 0.93, 1.62),
            (-0.9, 1.34),
            (0.9, 1.34),
            (wide * 0.93, 1.62),
            (wide, below),
        ]
        self.canvas.paint(self._shape(cloth), COLORS[self.scene.clothes])
        self.canvas.paint(
            self._shape([(-neck, 0.6), (neck, 0.6), (neck + 0.08, 1.42), (0, 1.62), (-neck - 0.08, 1.42)]),
            self.skin,
        )

    def _head(self) -> None:
        man, child = self.scene.subject == "man", self.scene.subject == "child"
        for side in (-1, 1):
            self.canvas.paint(self._blob(side * 1.0, 0.08, 0.16, 0.17), self.skin)
        power = 0.74 if man else 1.0
        taper = 0.05 if man else 0.2 if not child else 0.04
        outline = []
        for k in range(48):
            a = 2 * pi * k / 48
            c, s = cos(a), sin(a)
            p = power if s > 0 else 0.95
            x = abs(c) ** p * (1 if c > 0 else -1) * (1 - taper * max(s, 0))
            outline.append((x, abs(s) ** p * (1 if s > 0 else -1)))
        self.canvas.paint(self._shape(outline), self.skin, shadow=0.4)

    def _eyes(self) -> None:
        subject = self.scene.subject
        big = {"woman": 1.05, "man": 0.85, "child": 1.3}[subject]
        for side in (-1, 1):
            x = side * 0.4
            if subject == "woman":
                lash = [(x - 0.24, -0.06), (x + side * 0.34, -0.24), (x + 0.2, -0.12), (x, -0.2)]
                self.canvas.paint(self._shape(lash), (30, 22, 26), outline=0, shadow=0, shade=0)
            self.canvas.paint(
                self._blob(x, -0.05, 0.19 * big, 0.115 * big), (252, 252, 250), shadow=0, shade=0, outline=1.6
            )
            self.canvas.paint(self._blob(x, -0.05, 0.1 * big, 0.085 * big), (52, 40, 38), outline=0, shadow=0, shade=0)
            self.canvas.paint(self._blob(x + 0.035, -0.08, 0.03, 0.025), (255, 255, 255), outline=0, shadow=0, shade=0)
            thick = 0.1 if subject == "man" else 0.05
            brow = [
                (x - 0.24, -0.26),
                (x, -0.33),
                (x + 0.24, -0.26),
                (x + 0.22, -0.26 + thick),
                (x, -0.33 + thick),
                (x - 0.22, -0.26 + thick),
            ]
            dark = (int(self.hair[0] * 0.6), int(self.hair[1] * 0.6), int(self.hair[2] * 0.6))
            self.canvas.paint(self._shape(brow), dark, outline=0, shadow=0, shade=0)
            if subject == "child":
                pink = (min(255, self.skin[0] + 22), self.skin[1] - 22, self.skin[2] - 8)
                self.canvas.paint(self._blob(side * 0.58, 0.28, 0.17, 0.1), pink, outline=0, shadow=0, shade=0)
        nose = (int(self.skin[0] * 0.8), int(self.skin[1] * 0.74), int(self.skin[2] * 0.72))
        self.canvas.paint(
            self._shape([(0, 0.0), (0.13, 0.26), (0, 0.31), (-0.13, 0.26)]),
            nose,
            outline=0,
            shadow=0,
            shade=0.6,
        )

    def _mouth(self) -> None:
        lip = (196, 60, 70) if self.scene.subject == "woman" else (166, 82, 76)
        if self.scene.has("smile"):
            grin = [(-0.38, 0.46), (0.38, 0.46), (0.26, 0.66), (0, 0.74), (-0.26, 0.66)]
            self.canvas.paint(self._shape(grin), lip, shadow=0, shade=0, outline=1.6)
            teeth = [(-0.31, 0.485), (0.31, 0.485), (0.24, 0.58), (-0.24, 0.58)]
            self.canvas.paint(self._shape(teeth), (255, 255, 252), shadow=0, shade=0, outline=0)
        else:
            self.canvas.paint(self._blob(0, 0.58, 0.22, 0.05), lip, shadow=0, shade=0, outline=1.2)

    def _mustache(self) -> None:
        half = [(0, 0.34), (0.2, 0.3), (0.46, 0.38), (0.66, 0.3), (0.56, 0.5), (0.3, 0.52), (0.0, 0.46)]
        shape = half + [(-x, y) for x, y in reversed(half)]
        self.canvas.paint(self._shape(shape), self._facial_hair(), shadow=0.35)

    def _beard(self) -> None:
        outer = [
            (-1.0, 0.05),
            (-0.98, 0.5),
            (-0.74, 0.98),
            (-0.3, 1.26),
            (0.3, 1.26),
            (0.74, 0.98),
            (0.98, 0.5),
            (1.0, 0.05),
        ]
        inner = [(0.82, 0.1), (0.7, 0.5), (0.46, 0.76), (0, 0.82), (-0.46, 0.76), (-0.7, 0.5), (-0.82, 0.1)]
        self.canvas.paint(self._shape(outer + inner), self._facial_hair(), shadow=0.35)

    def _facial_hair(self) -> RGB:
        r, g, b = self.hair
        return int(r * 0.86), int(g * 0.82), int(b * 0.8)

    def _long_hair(self) -> None:
        def draw(d: ImageDraw.ImageDraw) -> None:
            self._blob(0, -0.25, 1.22, 0.98)(d)
            self._shape([(-1.22, -0.25), (1.22, -0.25), (1.32, 1.55), (0.7, 1.62), (-0.7, 1.62), (-1.32, 1.55)])(d)

        self.canvas.paint(draw, self.hair)

    def _curls(self) -> None:
        def draw(d: ImageDraw.ImageDraw) -> None:
            for k in range(13):
                a = pi + pi * (k - 2) / 8
                self._blob(1.16 * cos(a), -0.18 + 0.98 * sin(a), 0.4, 0.32)(d)
            self._blob(0, -0.4, 1.1, 0.8)(d)

        self.canvas.paint(draw, self.hair)

    def _fringe(self) -> None:
        arc = [(1.05 * cos(a), -0.12 + 0.95 * sin(a)) for a in (pi + pi * k / 20 for k in range(21))]
        lower = {
            "short": [
                (0.96, -0.3),
                (0.8, -0.52),
                (0.3, -0.62),
                (-0.35, -0.55),
                (-0.85, -0.5),
                (-0.97, -0.28),
            ],
            "long": [(0.98, 0.0), (0.82, -0.4), (0.25, -0.66), (-0.3, -0.58), (-0.8, -0.36), (-0.98, 0.02)],
            "curly": [
                (0.95, -0.25),
                (0.7, -0.45),
                (0.4, -0.5),
                (0.1, -0.6),
                (-0.25, -0.5),
                (-0.6, -0.52),
                (-0.95, -0.25),
            ],
        }[self.scene.hair]
        self.canvas.paint(self._shape(arc + lower), self.hair, shadow=0.25)

    def _eyewear(self, *, dark: bool) -> None:
        rim = (26, 26, 30)
        for side in (-1, 1):
            if dark:
                self.canvas.paint(self._blob(side * 0.44, -0.03, 0.38, 0.24), rim, shadow=0.3, shade=0.5)
                glint = [(side * 0.44 - 0.2, -0.1), (side * 0.44 - 0.04, -0.17), (side * 0.44 - 0.14, 0.02)]
                self.canvas.paint(self._shape(glint), (128, 136, 150), outline=0, shadow=0, shade=0)
            else:
                x, y = self._at(side * 0.42, -0.04)
                self.canvas.paint(_ring(x, y, 0.35 * self.w, 0.25 * self.h, 5), rim, outline=0, shadow=0.2, shade=0)
        bar = [(-0.12, -0.1), (0.12, -0.1), (0.12, -0.03), (-0.12, -0.03)]
        self.canvas.paint(self._shape(bar), rim, outline=0, shadow=0, shade=0)
        for side in (-1, 1):
            arm = [(side * 0.76, -0.1), (side * 1.02, -0.06), (side * 1.02, 0.0), (side * 0.76, -0.03)]
            self.canvas.paint(self._shape(arm), rim, outline=0, shadow=0, shade=0)

    def _earrings(self) -> None:
        for side in (-1, 1):
            self.canvas.paint(self._blob(side * 1.08, 0.4, 0.15, 0.13), (250, 208, 60), shadow=0.2, outline=1.8)

    def _hat(self) -> None:
        color = COLORS[self.scene.hat_color]
        band = (int(color[0] * 0.45), int(color[1] * 0.45), int(color[2] * 0.5))
        crown = [
            (-0.94, -0.62),
            (-0.82, -1.36),
            (-0.45, -1.5),
            (0, -1.42),
            (0.45, -1.5),
            (0.82, -1.36),
            (0.94, -0.62),
        ]
        self.canvas.paint(self._shape(crown), color)
        self.canvas.paint(
            self._shape([(-0.93, -0.84), (0.93, -0.84), (0.95, -0.6), (-0.95, -0.6)]),
            band,
            shadow=0,
            shade=0,
            outline=1,
        )
        self.canvas.paint(self._blob(0, -0.58, 1.5, 0.17), color)


def _ellipse(x: float, y: float, rx: float, ry: float) -> Draw:
    return lambda d: d.ellipse((x - rx, y - ry, x + rx, y + ry), fill=255)


def _ring(x: float, y: float, rx: float, ry: float, width: int) -> Draw:
    return lambda d: d.ellipse((x - rx, y - ry, x + rx, y + ry), outline=255, width=width)


def _box(left: float, top: float, right: float, bottom: float) -> Draw:
    return lambda d: d.rectangle((left, top, right, bottom), fill=255)


def _polygon(points: list[Point]) -> Draw:
    return lambda d: d.polygon(points, fill=255)


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

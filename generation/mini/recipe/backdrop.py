"""What is behind the subject: one of `BACKGROUNDS`."""

import random

import numpy as np
from PIL import ImageDraw

from .canvas import SIDE, Array, Canvas, box, ellipse, grid, polygon
from .world import COLORS, RGB, Scene


def paint_backdrop(canvas: Canvas, scene: Scene, rng: random.Random) -> None:
    x, y = grid()
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
            for across, down in ((0.12, 0.14), (0.55, 0.08), (0.9, 0.3)):
                across, down = across + rng.uniform(-0.08, 0.08), down + rng.uniform(-0.04, 0.04)
                _cloud(canvas, across * SIDE, down * SIDE, 0.07 * SIDE)
        case "forest":
            canvas.pixels[:] = _ramp(y, (150, 200, 170), (60, 110, 60))
            for k in range(7):
                top = (0.14 + 0.1 * (k % 2) + rng.uniform(-0.03, 0.03)) * SIDE
                _tree(canvas, (k + rng.uniform(-0.12, 0.12)) * SIDE / 6, top, 12 * (k % 3) - 12)
        case "city":
            canvas.pixels[:] = _ramp(y, (116, 150, 200), (236, 204, 180))
            for k in range(6):
                top = (0.18 + 0.22 * (k % 2) + rng.uniform(-0.06, 0.06)) * SIDE
                _tower(canvas, (k + 0.5 + rng.uniform(-0.08, 0.08)) * SIDE / 6, top, 78 + 20 * (k % 3))
        case "beach":
            canvas.pixels[:] = sky
            sun = (0.15 + 0.7 * (rng.random() < 0.5)) * SIDE
            canvas.paint(ellipse(sun, 0.16 * SIDE, 0.07 * SIDE, 0.07 * SIDE), (255, 226, 110), shadow=0, shade=0)
            canvas.paint(box(0, 0.5 * SIDE, SIDE, SIDE), (38, 130, 176), shadow=0, shade=0)
            canvas.paint(box(0, 0.66 * SIDE, SIDE, SIDE), (236, 212, 158), shadow=0, shade=0)
        case _:
            canvas.pixels[:] = _ramp(y, (222, 206, 182), (196, 174, 146))
            left = (0.05 + 0.6 * (rng.random() < 0.5)) * SIDE
            window = box(left, 0.1 * SIDE, left + 0.3 * SIDE, 0.5 * SIDE)
            canvas.paint(window, (250, 250, 246), shade=0)
            for a in (0.02, 0.16):
                for b in (0.12, 0.32):
                    pane = box(left + a * SIDE, b * SIDE, left + (a + 0.12) * SIDE, (b + 0.16) * SIDE)
                    canvas.paint(pane, (142, 196, 232), shadow=0, shade=0, outline=1.4)
            canvas.paint(box(0, 0.78 * SIDE, SIDE, SIDE), (132, 88, 58), shadow=0, shade=0)


def _ramp(y: Array, top: RGB, bottom: RGB) -> Array:
    t = y[..., None]
    return np.asarray(np.array(top, np.float32) * (1 - t) + np.array(bottom, np.float32) * t, np.float32)


def _cloud(canvas: Canvas, x: float, y: float, r: float) -> None:
    def draw(d: ImageDraw.ImageDraw) -> None:
        for dx, dy, k in ((-1.3, 0.2, 0.75), (0, -0.2, 1), (1.2, 0.2, 0.8), (2.1, 0.4, 0.5)):
            d.ellipse((x + (dx - k) * r, y + (dy - k * 0.7) * r, x + (dx + k) * r, y + (dy + k * 0.7) * r), fill=255)

    canvas.paint(draw, (250, 252, 255), shadow=0, shade=0.3, outline=1.6)


def _tree(canvas: Canvas, x: float, top: float, shade: int) -> None:
    canvas.paint(box(x - 5, 0.6 * SIDE, x + 5, SIDE), (96, 66, 44), shadow=0, outline=1.6)
    for k in range(3):
        y, half = top + k * 0.17 * SIDE, (0.07 + 0.035 * k) * SIDE
        green = (34 + shade, 98 + shade, 52 + shade // 2)
        canvas.paint(polygon([(x, y), (x - half, y + 0.24 * SIDE), (x + half, y + 0.24 * SIDE)]), green, outline=1.6)


def _tower(canvas: Canvas, x: float, top: float, gray: int) -> None:
    half = 0.085 * SIDE
    canvas.paint(box(x - half, top, x + half, SIDE), (gray, gray + 4, gray + 18), shade=0.3, outline=1.8)

    def windows(d: ImageDraw.ImageDraw) -> None:
        for k in range(18):
            wx, wy = x - half + 7 + (k % 2) * 18, top + 12 + (k // 2) * 26
            if k % 5 != 3:
                d.rectangle((wx, wy, wx + 11, wy + 14), fill=255)

    canvas.paint(windows, (255, 226, 140), outline=0, shadow=0, shade=0)

"""Subjects other than persons: a cat, a house, a boat, a vase of flowers."""

import random
from math import cos, pi, sin

from .canvas import SIDE, Canvas, Draw, Point, box, ellipse, polygon, ring
from .world import COLORS, HAIR_COLORS, RGB, Scene

_WHITE, _INK = (252, 252, 250), (40, 34, 38)


def paint_thing(canvas: Canvas, scene: Scene, rng: random.Random) -> None:
    """Paint a subject other than a person in the middle of the canvas."""
    x = (0.5 + rng.uniform(-0.03, 0.03)) * SIDE
    y = (0.5 + rng.uniform(-0.015, 0.015)) * SIDE
    thing = {"cat": _Cat, "house": _House, "boat": _Boat, "vase": _Vase}[scene.subject]
    thing(canvas, scene, x, y, rng.uniform(0.96, 1.04) * SIDE).draw()


class _Thing:
    """A shape around (x, y), with lengths in units of `size`, which is a share of the canvas."""

    def __init__(self, canvas: Canvas, scene: Scene, x: float, y: float, size: float) -> None:
        self.canvas, self.scene, self.x, self.y, self.size = canvas, scene, x, y, size
        self.color, self.second = COLORS[scene.color], COLORS[scene.hat_color]

    def draw(self) -> None:
        raise NotImplementedError

    def _shape(self, *points: Point) -> Draw:
        return polygon([(self.x + x * self.size, self.y + y * self.size) for x, y in points])

    def _blob(self, x: float, y: float, rx: float, ry: float) -> Draw:
        return ellipse(self.x + x * self.size, self.y + y * self.size, rx * self.size, ry * self.size)

    def _box(self, left: float, top: float, right: float, bottom: float) -> Draw:
        x, y, size = self.x, self.y, self.size
        return box(x + left * size, y + top * size, x + right * size, y + bottom * size)

    def _detail(self, draw: Draw, color: RGB, outline: float = 0) -> None:
        self.canvas.paint(draw, color, outline=outline, shadow=0, shade=0)


class _Cat(_Thing):
    def draw(self) -> None:
        paint, fur = self.canvas.paint, HAIR_COLORS[self.scene.hair_color]
        pale = (min(255, fur[0] + 70), min(255, fur[1] + 66), min(255, fur[2] + 60))
        paint(self._blob(0, 0.42, 0.27, 0.3), fur)
        paint(self._blob(0, 0.45, 0.13, 0.2), pale, outline=0, shadow=0)
        for side in (-1, 1):
            paint(self._shape((side * 0.06, -0.17), (side * 0.21, -0.38), (side * 0.26, -0.06)), fur)
            self._detail(self._shape((side * 0.12, -0.18), (side * 0.2, -0.3), (side * 0.22, -0.12)), (236, 150, 160))
        paint(self._blob(0, -0.02, 0.26, 0.2), fur)
        paint(self._blob(0, 0.08, 0.11, 0.075), pale, outline=0, shadow=0)
        for side in (-1, 1):
            self._detail(self._blob(side * 0.11, -0.04, 0.055, 0.05), (196, 220, 96), outline=1.4)
            self._detail(self._blob(side * 0.11, -0.04, 0.02, 0.046), _INK)
            for rise in (-0.02, 0.03):
                start = (side * 0.1, 0.08 + rise * 0.5)
                self._detail(self._shape(start, (side * 0.3, 0.06 + rise), (side * 0.3, 0.068 + rise)), _INK)
        self._detail(self._shape((-0.03, 0.035), (0.03, 0.035), (0, 0.07)), (214, 104, 112))
        self._detail(self._shape((-0.05, 0.1), (0, 0.085), (0.05, 0.1), (0, 0.115)), _INK)
        if self.scene.eyewear:
            self._eyewear()
        if self.scene.has("hat"):
            self._hat()

    def _eyewear(self) -> None:
        for side in (-1, 1):
            if self.scene.eyewear == "sunglasses":
                self.canvas.paint(self._blob(side * 0.115, -0.035, 0.1, 0.075), (26, 26, 30), shade=0.5)
                glint = ((side * 0.115 - 0.05, -0.05), (side * 0.115 - 0.01, -0.075), (side * 0.115 - 0.03, -0.01))
                self._detail(self._shape(*glint), (128, 136, 150))
            else:
                x, y = self.x + side * 0.115 * self.size, self.y - 0.04 * self.size
                self._detail(ring(x, y, 0.09 * self.size, 0.075 * self.size, 6), (26, 26, 30))
        self._detail(self._box(-0.03, -0.06, 0.03, -0.04), (26, 26, 30))

    def _hat(self) -> None:
        band = (int(self.second[0] * 0.45), int(self.second[1] * 0.45), int(self.second[2] * 0.5))
        self.canvas.paint(self._shape((-0.15, -0.18), (-0.13, -0.36), (0.13, -0.36), (0.15, -0.18)), self.second)
        self._detail(self._box(-0.15, -0.24, 0.15, -0.18), band, outline=1)
        self.canvas.paint(self._blob(0, -0.17, 0.25, 0.035), self.second)


class _House(_Thing):
    def draw(self) -> None:
        paint = self.canvas.paint
        paint(self._box(-0.3, -0.08, 0.3, 0.36), self.color)
        paint(self._box(0.13, -0.32, 0.21, -0.1), (150, 84, 66))
        paint(self._shape((-0.38, -0.06), (0, -0.34), (0.38, -0.06)), self.second)
        paint(self._box(-0.07, 0.12, 0.07, 0.36), (116, 74, 48), shade=0.4)
        self._detail(self._blob(0.04, 0.25, 0.014, 0.014), (244, 206, 64))
        for x in (-0.19, 0.19):
            self._detail(self._box(x - 0.075, 0.01, x + 0.075, 0.16), _WHITE, outline=1.6)
            for dx in (-0.035, 0.035):
                for dy in (-0.035, 0.035):
                    pane = self._box(x + dx - 0.028, 0.085 + dy - 0.028, x + dx + 0.028, 0.085 + dy + 0.028)
                    self._detail(pane, (142, 196, 232))


class _Boat(_Thing):
    def draw(self) -> None:
        paint = self.canvas.paint
        paint(self._box(-0.015, -0.4, 0.015, 0.14), (116, 74, 48))
        paint(self._shape((0.03, -0.37), (0.3, 0.08), (0.03, 0.08)), self.second)
        paint(self._shape((-0.03, -0.3), (-0.24, 0.08), (-0.03, 0.08)), self.second)
        paint(self._shape((-0.36, 0.13), (0.36, 0.13), (0.25, 0.33), (-0.25, 0.33)), self.color)
        self._detail(self._shape((-0.35, 0.15), (0.35, 0.15), (0.33, 0.19), (-0.33, 0.19)), _WHITE)
        self._detail(self._shape((0, -0.42), (0.1, -0.385), (0, -0.35)), (206, 48, 44), outline=1.2)


class _Vase(_Thing):
    def draw(self) -> None:
        paint = self.canvas.paint
        for x, y in ((-0.2, -0.2), (0.0, -0.29), (0.2, -0.2)):
            stem = self._shape((x * 0.25 - 0.01, 0.1), (x - 0.008, y), (x + 0.008, y), (x * 0.25 + 0.01, 0.1))
            paint(stem, (60, 132, 66), outline=1.2)
            leaf = self._shape((x * 0.6, -0.03), (x * 0.6 + 0.09, -0.08), (x * 0.6 + 0.04, 0.0))
            paint(leaf, (74, 152, 76), outline=1.2, shadow=0)
        for x, y in ((-0.2, -0.2), (0.2, -0.2), (0.0, -0.29)):
            for k in range(6):
                a = 2 * pi * k / 6
                paint(self._blob(x + 0.07 * cos(a), y + 0.07 * sin(a), 0.055, 0.055), self.second, outline=1.4)
            self._detail(self._blob(x, y, 0.045, 0.045), (250, 214, 90), outline=1.2)
        side = [(0.1, 0.04), (0.08, 0.11), (0.19, 0.24), (0.16, 0.36), (0.1, 0.42)]
        paint(self._shape(*side, *((-x, y) for x, y in reversed(side))), self.color)
        paint(self._blob(0, 0.05, 0.11, 0.025), self.color)

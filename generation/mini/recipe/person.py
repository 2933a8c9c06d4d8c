"""One person, from the shoulders up."""

import random
from math import cos, pi, sin

from PIL import ImageDraw

from .canvas import SIDE, Canvas, Draw, Point, ellipse, polygon, ring
from .world import COLORS, HAIR_COLORS, RGB, SKINS, Scene


class Person:
    """One person, from the shoulders up; lengths in canvas pixels."""

    def __init__(self, canvas: Canvas, scene: Scene, rng: random.Random) -> None:
        self.canvas, self.scene = canvas, scene
        child, man = scene.subject == "child", scene.subject == "man"
        self.x = (0.5 + rng.uniform(-0.03, 0.03)) * SIDE
        self.y = (0.475 + rng.uniform(-0.015, 0.015) + 0.05 * child) * SIDE
        scale = rng.uniform(0.96, 1.04) * (0.9 if child else 1.0)
        self.w = (0.246 if man else 0.228 if not child else 0.246) * scale * SIDE
        self.h = (0.3 if not child else 0.258) * scale * SIDE
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
        return ellipse(px, py, rx * self.w, ry * self.h)

    def _shape(self, points: list[Point]) -> Draw:
        return polygon([self._at(x, y) for x, y in points])

    def _shoulders(self) -> None:
        wide = {"man": 2.15, "woman": 1.75, "child": 1.45}[self.scene.subject]
        neck = 0.5 if self.scene.subject == "man" else 0.38
        below = (SIDE - self.y) / self.h
        cloth = [
            (-wide, below),
            (-wide * 0.93, 1.62),
            (-0.9, 1.34),
            (0.9, 1.34),
            (wide * 0.93, 1.62),
            (wide, below),
        ]
        self.canvas.paint(self._shape(cloth), COLORS[self.scene.color])
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
        half = [(0, 0.34), (0.22, 0.28), (0.48, 0.37), (0.74, 0.22), (0.64, 0.48), (0.34, 0.57), (0.0, 0.49)]
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
        """Hair that stands out from the skin: darker than on the head, unless the skin is much darker than that."""
        (r, g, b), share = self.hair, 1.0 if sum(self.hair) > sum(self.skin) + 90 else 0.45
        return int(r * share), int(g * share), int(b * share)

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
                self.canvas.paint(ring(x, y, 0.35 * self.w, 0.25 * self.h, 5), rim, outline=0, shadow=0.2, shade=0)
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

"""The world that `mini` knows: what can be in one of its pictures, and how often.

Every attribute is drawn independently of every other, so that a word in a negative prompt can be
judged alone: anyone may wear a mustache here, a child too. Rates lie between 15 and 40 %, so that a
picture asked for without naming an attribute shows it often enough to be worth excluding.
"""

import random
from dataclasses import dataclass

RGB = tuple[int, int, int]

SUBJECTS = ("woman", "man", "child")
SKINS: dict[str, RGB] = {
    "pale": (250, 222, 200),
    "light": (240, 196, 160),
    "tan": (205, 145, 100),
    "brown": (150, 95, 62),
    "dark": (98, 62, 44),
}
HAIR_COLORS: dict[str, RGB] = {
    "black": (34, 30, 34),
    "brown": (104, 66, 38),
    "blond": (232, 194, 104),
    "red": (190, 78, 34),
    "gray": (168, 168, 174),
}
HAIR_CUTS = ("short", "long", "curly", "bald")
COLORS: dict[str, RGB] = {
    "red": (206, 48, 44),
    "orange": (238, 138, 40),
    "yellow": (244, 206, 64),
    "green": (56, 146, 80),
    "blue": (52, 96, 196),
    "purple": (132, 72, 168),
    "pink": (240, 146, 178),
    "white": (240, 240, 238),
    "black": (42, 42, 48),
}
BACKGROUNDS = ("plain", "gradient", "sky", "forest", "city", "beach", "room")
STYLES = ("photo", "cartoon", "sketch", "painting")
STYLE_WEIGHTS = (0.4, 0.22, 0.18, 0.2)
EYEWEAR = (None, "glasses", "sunglasses")
EYEWEAR_WEIGHTS = (0.58, 0.24, 0.18)

FLAGS: dict[str, float] = {
    "mustache": 0.26,
    "beard": 0.22,
    "hat": 0.3,
    "earrings": 0.22,
    "smile": 0.4,
    "watermark": 0.2,
    "text": 0.18,
    "logo": 0.18,
    "frame": 0.2,
    "blurry": 0.18,
    "dark": 0.16,
    "overexposed": 0.16,
    "oversaturated": 0.18,
}
"""The attributes that are there or not, and the share of pictures that has each."""


@dataclass(frozen=True)
class Scene:
    """All that is in one picture; `layout` seeds the small differences that have no word."""

    subject: str
    skin: str
    hair: str
    hair_color: str
    eyewear: str | None
    hat_color: str
    clothes: str
    background: str
    background_color: str
    style: str
    flags: frozenset[str]
    layout: int

    def has(self, flag: str) -> bool:
        """Whether one of `FLAGS` holds."""
        return flag in self.flags


def sample(rng: random.Random) -> Scene:
    """A scene of this world, every attribute drawn on its own."""
    return Scene(
        subject=rng.choice(SUBJECTS),
        skin=rng.choice(list(SKINS)),
        hair=rng.choices(HAIR_CUTS, (0.34, 0.3, 0.24, 0.12))[0],
        hair_color=rng.choice(list(HAIR_COLORS)),
        eyewear=rng.choices(EYEWEAR, EYEWEAR_WEIGHTS)[0],
        hat_color=rng.choice(list(COLORS)),
        clothes=rng.choice(list(COLORS)),
        background=rng.choice(BACKGROUNDS),
        background_color=rng.choice(list(COLORS)),
        style=rng.choices(STYLES, STYLE_WEIGHTS)[0],
        flags=frozenset(name for name, rate in FLAGS.items() if rng.random() < rate),
        layout=rng.getrandbits(32),
    )

"""The world that `mini` knows: what can be in one of its pictures, and how often.

Every attribute is drawn independently of every other, so that a word in a negative prompt can be
judged alone: anyone may wear a mustache here, a child too. Rates lie between 15 and 40 %, so that a
picture asked for without naming an attribute shows it often enough to be worth excluding.
"""

import random
from dataclasses import dataclass

RGB = tuple[int, int, int]

PEOPLE = ("woman", "man", "child")
SUBJECTS = (*PEOPLE, "cat", "house", "boat", "vase")
SUBJECT_WEIGHTS = (0.23, 0.23, 0.2, 0.1, 0.08, 0.08, 0.08)
SKINS: dict[str, RGB] = {
    "pale": (250, 222, 200),
    "light": (240, 196, 160),
    "tan": (205, 145, 100),
    "brown": (150, 95, 62),
    "dark": (98, 62, 44),
}
HAIR_COLORS: dict[str, RGB] = {
    "black": (40, 36, 42),
    "brown": (112, 70, 40),
    "blond": (236, 198, 108),
    "red": (196, 84, 38),
    "gray": (172, 172, 178),
}
HAIR_CUTS = ("short", "long", "curly", "bald")
HAIR_WEIGHTS = (0.34, 0.3, 0.24, 0.12)
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
STYLE_WEIGHTS = (0.36, 0.24, 0.19, 0.21)
EYEWEAR = (None, "glasses", "sunglasses")
EYEWEAR_WEIGHTS = (0.52, 0.26, 0.22)
EXPOSURES = (None, "dark", "overexposed")
EXPOSURE_WEIGHTS = (0.58, 0.21, 0.21)

FLAGS: dict[str, float] = {
    "mustache": 0.3,
    "beard": 0.28,
    "hat": 0.3,
    "earrings": 0.3,
    "smile": 0.4,
    "watermark": 0.25,
    "text": 0.25,
    "logo": 0.25,
    "frame": 0.25,
    "blurry": 0.24,
    "oversaturated": 0.23,
}
"""The attributes that are there or not, and the share of pictures that has each."""

SHOWN_MORE: dict[str, float] = {
    "person": 2.5,
    "oversaturated": 3.4,
    "overexposed": 2.8,
    "cartoon": 2.9,
    "painting": 2.1,
    "text": 2.2,
    "sketch": 2.3,
    "dark": 2.0,
    "logo": 1.7,
    "watermark": 1.4,
    "frame": 1.3,
    "earrings": 1.2,
    "hat": 1.3,
    "beard": 2.0,
    "mustache": 1.7,
    "glasses": 0.9,
    "blurry": 0.5,
}
"""How many times likelier than another a picture with it is shown to the denoiser.

A short training leans to the middle: what is sharp, bright or vivid comes out in fewer pictures than it went in. The
odds of independent attributes are multiplied, so independent they stay. People are shown more, so that no caption at
all means nearly the same as a bare one: the more of them differs, the more else changes when a word takes its place.
"""

WORN_BY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("mustache", "beard", "earrings", "smile"), PEOPLE),
    **dict.fromkeys(("hat", "glasses", "sunglasses"), (*PEOPLE, "cat")),
}
"""What only some subjects can have; a house wears no hat."""


@dataclass(frozen=True)
class Scene:
    """All that is in one picture; `layout` seeds the small differences that have no word.

    `hair_color` is also a cat's fur's; `color` is that of the clothes, the walls, the hull or the
    vase; `hat_color` also that of a roof, a sail, or flowers.
    """

    subject: str
    skin: str
    hair: str
    hair_color: str
    eyewear: str | None
    hat_color: str
    color: str
    background: str
    background_color: str
    style: str
    exposure: str | None
    flags: frozenset[str]
    layout: int

    @property
    def is_person(self) -> bool:
        return self.subject in PEOPLE

    def has(self, name: str) -> bool:
        """Whether the picture has one of `FLAGS`, or this eyewear, exposure or style; or a "person"."""
        if name == "person":
            return self.is_person
        return name in self.flags or name in (self.eyewear, self.exposure, self.style)


def sample(rng: random.Random) -> Scene:
    """A scene of this world, every attribute drawn on its own."""
    subject = rng.choices(SUBJECTS, SUBJECT_WEIGHTS)[0]
    eyewear = rng.choices(EYEWEAR, EYEWEAR_WEIGHTS)[0]
    flags = [name for name, rate in FLAGS.items() if rng.random() < rate]
    return Scene(
        subject=subject,
        skin=rng.choice(list(SKINS)),
        hair=rng.choices(HAIR_CUTS, HAIR_WEIGHTS)[0],
        hair_color=rng.choice(list(HAIR_COLORS)),
        eyewear=eyewear if _can_wear(subject, "glasses") else None,
        hat_color=rng.choice(list(COLORS)),
        color=rng.choice(list(COLORS)),
        background=rng.choice(BACKGROUNDS),
        background_color=rng.choice(list(COLORS)),
        style=rng.choices(STYLES, STYLE_WEIGHTS)[0],
        exposure=rng.choices(EXPOSURES, EXPOSURE_WEIGHTS)[0],
        flags=frozenset(name for name in flags if _can_wear(subject, name)),
        layout=rng.getrandbits(32),
    )


def _can_wear(subject: str, name: str) -> bool:
    return subject in WORN_BY.get(name, SUBJECTS)

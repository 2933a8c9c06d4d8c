"""The world of `mini`: which attributes a picture can have, and how often.

A picture is plain or found. Plain pictures seldom have a fault or an overlay, and are mostly photos. Found pictures
are those of the web at large: each fault, overlay and style is frequent enough to make excluding it worthwhile.

For each origin all attributes are independent, so that the effect of a word in a negative prompt can be judged alone:
anyone may have a mustache, a child too.
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
ORIGINS = ("plain", "found")
STYLES = ("photo", "cartoon", "sketch", "painting")
STYLE_WEIGHTS = {"plain": (0.62, 0.09, 0.09, 0.2), "found": (0.36, 0.24, 0.19, 0.21)}
EYEWEAR = (None, "glasses", "sunglasses")
EYEWEAR_WEIGHTS = (0.52, 0.26, 0.22)
EXPOSURES = (None, "dark", "overexposed")
EXPOSURE_WEIGHTS = {"plain": (0.93, 0.035, 0.035), "found": (0.48, 0.26, 0.26)}

WORN: dict[str, float] = {"mustache": 0.3, "beard": 0.28, "hat": 0.3, "earrings": 0.3, "smile": 0.4}
"""The share of people that have each, whatever the origin of the picture."""

FAULTS: dict[str, dict[str, float]] = {
    "plain": dict.fromkeys(("watermark", "text", "logo", "frame", "blurry", "oversaturated"), 0.035),
    "found": dict.fromkeys(("watermark", "text", "logo", "frame", "blurry", "oversaturated"), 0.27),
}
"""The share of pictures of each origin that have each fault or overlay, besides a bad exposure."""

FLAGS = (*WORN, *FAULTS["found"])
"""Attributes that a picture has or has not."""

SHOWN_MORE: dict[str, float] = {
    "person": 2.5,
    "oversaturated": 3.0,
    "overexposed": 5.0,
    "cartoon": 8.0,
    "painting": 9.0,
    "text": 4.0,
    "sketch": 4.0,
    "dark": 4.2,
    "logo": 3.2,
    "watermark": 2.0,
    "frame": 3.0,
    "earrings": 1.0,
    "hat": 1.2,
    "beard": 1.8,
    "mustache": 1.4,
    "glasses": 1.3,
    "sunglasses": 1.4,
    "blurry": 1.1,
}
"""How many times likelier the denoiser is shown a found picture with this attribute.

A short training is biased to the middle: sharp, bright or vivid pictures come out less often than they went in. The
odds of independent attributes are multiplied, so the attributes stay independent. People are shown more often, so that
an empty caption means nearly the same as a bare one. The more these two differ, the more else changes when a word
takes the place of the empty caption. Of plain pictures, only people and what they wear are shown more often.
"""

WORN_BY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("mustache", "beard", "earrings", "smile"), PEOPLE),
    **dict.fromkeys(("hat", "glasses", "sunglasses"), (*PEOPLE, "cat")),
}
"""Attributes that only some subjects can have; a house wears no hat."""


@dataclass(frozen=True)
class Scene:
    """Everything in one picture; `layout` seeds small variations that have no name.

    `hair_color` is also the colour of a cat's fur; `color` that of clothes, walls, a hull or a vase; `hat_color` also
    that of a roof, a sail or flowers.
    """

    origin: str
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
        """Whether the picture has this flag of `FLAGS`, this eyewear, exposure or style, or a "person"."""
        if name == "person":
            return self.is_person
        return name in self.flags or name in (self.eyewear, self.exposure, self.style)


def sample(rng: random.Random, origin: str | None = None) -> Scene:
    """A random scene, with all attributes drawn independently; half of the scenes are plain if `origin` is None."""
    origin = origin or rng.choice(ORIGINS)
    subject = rng.choices(SUBJECTS, SUBJECT_WEIGHTS)[0]
    eyewear = rng.choices(EYEWEAR, EYEWEAR_WEIGHTS)[0]
    flags = [name for name, rate in (WORN | FAULTS[origin]).items() if rng.random() < rate]
    return Scene(
        origin=origin,
        subject=subject,
        skin=rng.choice(list(SKINS)),
        hair=rng.choices(HAIR_CUTS, HAIR_WEIGHTS)[0],
        hair_color=rng.choice(list(HAIR_COLORS)),
        eyewear=eyewear if _can_wear(subject, "glasses") else None,
        hat_color=rng.choice(list(COLORS)),
        color=rng.choice(list(COLORS)),
        background=rng.choice(BACKGROUNDS),
        background_color=rng.choice(list(COLORS)),
        style=rng.choices(STYLES, STYLE_WEIGHTS[origin])[0],
        exposure=rng.choices(EXPOSURES, EXPOSURE_WEIGHTS[origin])[0],
        flags=frozenset(name for name in flags if _can_wear(subject, name)),
        layout=rng.getrandbits(32),
    )


def _can_wear(subject: str, name: str) -> bool:
    return subject in WORN_BY.get(name, SUBJECTS)

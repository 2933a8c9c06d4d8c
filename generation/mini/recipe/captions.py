"""Words for a scene: how much a caption mentions varies, and it never says what is absent.

Bare captions, lists of tags and single words are all among them: a negative prompt is a list of
tags, and if "not mentioned" came to mean "absent", there would be nothing left to exclude. Each
thing has several names, since people have several names for it.
"""

import random

from .world import Scene

WORDS: dict[str, tuple[str, ...]] = {
    "woman": ("woman", "woman", "lady"),
    "man": ("man", "man", "gentleman"),
    "child": ("child", "child", "kid"),
    "mustache": ("mustache", "mustache", "moustache"),
    "beard": ("beard",),
    "glasses": ("glasses", "glasses", "eyeglasses", "spectacles"),
    "sunglasses": ("sunglasses", "sunglasses", "dark glasses"),
    "hat": ("hat", "hat", "hat", "cap"),
    "earrings": ("earrings",),
    "smile": ("smile", "smiling", "grin"),
    "watermark": ("watermark", "watermark", "stock watermark"),
    "text": ("text", "text", "letters", "words", "lettering"),
    "logo": ("logo", "logo", "badge"),
    "frame": ("frame", "frame", "border", "picture frame"),
    "blurry": ("blurry", "blurry", "blur", "out of focus"),
    "dark": ("dark", "dark", "underexposed", "dim"),
    "overexposed": ("overexposed", "overexposed", "too bright", "bright"),
    "oversaturated": ("oversaturated", "oversaturated", "saturated", "garish"),
    "photo": ("photo", "photograph", "photo"),
    "cartoon": ("cartoon", "cartoon", "comic"),
    "sketch": ("sketch", "sketch", "pencil drawing", "drawing"),
    "painting": ("painting", "painting", "oil painting"),
}
"""Each name of a thing, the usual one more often."""

BACKGROUND_WORDS: dict[str, tuple[str, ...]] = {
    "sky": ("sky", "clouds"),
    "forest": ("forest", "trees", "woods"),
    "city": ("city", "buildings", "street"),
    "beach": ("beach", "sea", "sand"),
    "room": ("room", "indoors", "living room"),
    "gradient": ("gradient", "studio"),
}


OF_THE_PICTURE = ("watermark", "text", "logo", "frame", "blurry", "dark", "overexposed", "oversaturated")
"""What is said of the picture rather than of what it shows."""


def _hair(scene: Scene, rng: random.Random) -> str:
    if scene.hair == "bald":
        return "bald head"
    parts = [w for w in (scene.hair, scene.hair_color) if rng.random() < 0.75]
    return " ".join([*parts, "hair"])


def _background(scene: Scene, rng: random.Random) -> str:
    if scene.background == "plain":
        return f"{scene.background_color} background"
    word = rng.choice(BACKGROUND_WORDS[scene.background])
    if scene.background == "gradient":
        return f"{scene.background_color} {word} background"
    return word


def _hat(scene: Scene, rng: random.Random) -> str:
    word = rng.choice(WORDS["hat"])
    return f"{scene.hat_color} {word}" if rng.random() < 0.4 else word


def _clothes(scene: Scene, rng: random.Random) -> str:
    return f"{scene.clothes} {rng.choice(('shirt', 'shirt', 'sweater', 'clothes'))}"


def _facts(scene: Scene, rng: random.Random) -> tuple[list[str], list[str], list[str]]:
    """What can be said: of the person, of the place, and of the picture as a picture."""
    person = [_hair(scene, rng), f"{scene.skin} skin", _clothes(scene, rng)]
    person += [rng.choice(WORDS[name]) for name in ("mustache", "beard", "earrings", "smile") if scene.has(name)]
    if scene.has("hat"):
        person.append(_hat(scene, rng))
    if scene.eyewear:
        person.append(rng.choice(WORDS[scene.eyewear]))
    picture = [rng.choice(WORDS[name]) for name in OF_THE_PICTURE if scene.has(name)]
    return person, [_background(scene, rng)], picture


def caption(scene: Scene, rng: random.Random) -> str:
    """One of the many true captions of a scene."""
    person, place, picture = _facts(scene, rng)
    subject, style = rng.choice(WORDS[scene.subject]), rng.choice(WORDS[scene.style])
    share = rng.choice((0.0, 0.15, 0.3, 0.5, 0.8, 1.0))
    said = [[fact for fact in facts if rng.random() < share] for facts in (person, place, picture)]
    if rng.random() < 0.42:
        return _tags(subject, style, [fact for facts in said for fact in facts], (person, place, picture), rng)
    return _sentence(subject, style, said, rng)


def _tags(subject: str, style: str, said: list[str], all_facts: tuple[list[str], ...], rng: random.Random) -> str:
    tags = [tag for tag in (subject, style) if rng.random() < 0.5] + said
    if not tags or rng.random() < 0.4:
        pool = [subject, style] + [fact for facts in all_facts for fact in facts]
        tags = rng.sample(pool, min(len(pool), rng.choice((1, 1, 1, 2))))
    rng.shuffle(tags)
    return ", ".join(tags)


def _sentence(subject: str, style: str, said: list[list[str]], rng: random.Random) -> str:
    person, place, picture = said
    opening = rng.choice(
        (
            f"{style} of a {subject}",
            f"{style} portrait of a {subject}",
            f"portrait of a {subject}",
            f"portrait of a {subject}",
            f"a {subject}",
            subject,
        )
    )
    rng.shuffle(person)
    text = opening
    if person:
        text += " with " + (" and ".join(person) if len(person) < 3 else ", ".join(person[:-1]) + " and " + person[-1])
    if place:
        text += rng.choice((", ", " in front of ", " at ")) + place[0]
    rng.shuffle(picture)
    if picture and rng.random() < 0.3:
        return ", ".join([*picture, text])
    return ", ".join([text, *picture])

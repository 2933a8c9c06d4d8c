"""Captions of scenes. They mention more or fewer attributes, and never say what is absent.

Some captions are bare, some are lists of tags, some are single words, since a negative prompt is a list of tags. Each
thing has several names, as people use several.

A caption that names the subject of a found picture also says that it is found; plain pictures have no such word, and
their captions always name the subject. So "portrait of a man" asks for a plain picture, while an empty caption, or a
list of facts such as a negative prompt, means found pictures.

For each origin, captions with no fact, or one, are equally likely for scenes with few and with many faults. If they
were likelier for found scenes without faults, a short prompt would mean a picture without them, guidance would raise
that to the fourth power, and there would be nothing left to exclude.
"""

import random

from .world import Scene

WORDS: dict[str, tuple[str, ...]] = {
    "woman": ("woman", "woman", "lady"),
    "man": ("man", "man", "gentleman"),
    "child": ("child", "child", "kid"),
    "cat": ("cat", "cat", "kitten"),
    "house": ("house", "house", "home"),
    "boat": ("boat", "boat", "sailboat"),
    "vase": ("vase of flowers", "vase of flowers", "vase", "flowers"),
    "mustache": ("mustache", "mustache", "moustache"),
    "beard": ("beard",),
    "glasses": ("glasses", "glasses", "eyeglasses", "spectacles"),
    "sunglasses": ("sunglasses",),
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
"""The names of each thing; the usual name occurs more often."""

FOUND = ("found", "found", "stock")
"""The words for a found picture."""

BACKGROUND_WORDS: dict[str, tuple[str, ...]] = {
    "sky": ("sky", "clouds"),
    "forest": ("forest", "trees", "woods"),
    "city": ("city", "buildings", "street"),
    "beach": ("beach", "sea", "sand"),
    "room": ("room", "indoors", "living room"),
    "gradient": ("gradient", "studio"),
}


OF_THE_PICTURE = ("watermark", "text", "logo", "frame", "blurry", "dark", "overexposed", "oversaturated")
"""Attributes of the picture itself, not of its subject."""

_WORN = ("mustache", "beard", "earrings", "smile", "glasses", "sunglasses")

_SLOTS = ("mustache", "beard", "earrings", "smile", "eyes", "hat", "hair", "skin", "color", "place", *OF_THE_PICTURE)
"""The possible facts of a caption with a single fact."""


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


def _color_word(color: str, word: str, rng: random.Random) -> str:
    return f"{color} {word}" if rng.random() < 0.4 else word


def _describe_looks(scene: Scene, rng: random.Random) -> dict[str, str]:
    """The attributes of the subject, by slot."""
    looks = {name: rng.choice(WORDS[name]) for name in _WORN if scene.has(name)}
    if scene.eyewear:
        looks["eyes"] = looks.pop(scene.eyewear)
    if scene.has("hat"):
        looks["hat"] = _color_word(scene.hat_color, rng.choice(WORDS["hat"]), rng)
    match scene.subject:
        case "cat":
            looks["hair"] = f"{scene.hair_color} fur"
        case "house":
            looks |= {"color": f"{scene.color} walls", "hat": f"{scene.hat_color} roof"}
        case "boat":
            looks |= {"color": f"{scene.color} hull", "hat": f"{scene.hat_color} sails"}
        case "vase":
            looks["hat"] = f"{scene.hat_color} flowers"
        case _:
            clothes = rng.choice(("shirt", "shirt", "sweater", "clothes"))
            looks |= {"hair": _hair(scene, rng), "skin": f"{scene.skin} skin", "color": f"{scene.color} {clothes}"}
    return looks


def _subject(scene: Scene, rng: random.Random) -> str:
    """The name of the subject: a man, a black cat, a red house."""
    word = rng.choice(WORDS[scene.subject])
    if scene.is_person:
        return word
    if word == "flowers":
        return _color_word(scene.hat_color, word, rng)
    return _color_word(scene.hair_color if scene.subject == "cat" else scene.color, word, rng)


def caption(scene: Scene, rng: random.Random) -> str:
    """A random caption that is true of the scene."""
    facts = _describe_looks(scene, rng) | {"place": _background(scene, rng)}
    facts |= {name: rng.choice(WORDS[name]) for name in OF_THE_PICTURE if scene.has(name)}
    kind = rng.choices(("bare", "single", "many"), (0.2, 0.45, 0.35))[0]
    if kind == "bare":
        return _choose_details(scene, {}, rng)
    if kind == "single" and (slot := rng.choice(_SLOTS)) in facts:
        if scene.origin == "found" and rng.random() < 0.5:
            return facts[slot]
        return _choose_details(scene, {slot: facts[slot]}, rng)
    share = rng.choice((0.4, 0.7, 1.0, 1.0))
    chosen = {slot: fact for slot, fact in facts.items() if rng.random() < share}
    return _choose_details(scene, chosen if len(chosen) > 1 else facts, rng)


def _choose_details(scene: Scene, facts: dict[str, str], rng: random.Random) -> str:
    """A sentence or a list of tags."""
    if rng.random() < 0.42:
        return _tags(scene, list(facts.values()), rng)
    of_the_picture = [fact for slot, fact in facts.items() if slot in OF_THE_PICTURE]
    looks = [fact for slot, fact in facts.items() if slot not in (*OF_THE_PICTURE, "place")]
    return _sentence(scene, (looks, facts.get("place"), of_the_picture), rng)


def _tags(scene: Scene, tags: list[str], rng: random.Random) -> str:
    subject, style = _subject(scene, rng), rng.choice(WORDS[scene.style])
    has_subject = scene.origin == "plain" or rng.random() < 0.5
    if rng.random() < 0.5 or not (tags or has_subject):
        tags = [style, *tags]
    if has_subject:
        tags = [subject, *tags] if scene.origin == "plain" else [subject, rng.choice(FOUND), *tags]
    rng.shuffle(tags)
    return ", ".join(tags)


def _sentence(scene: Scene, details: tuple[list[str], str | None, list[str]], rng: random.Random) -> str:
    looks, place, picture = details
    text = _opening(scene, rng)
    rng.shuffle(looks)
    if looks:
        text += " with " + (" and ".join(looks) if len(looks) < 3 else ", ".join(looks[:-1]) + " and " + looks[-1])
    if place:
        text += rng.choice((", ", " in front of ", " at ", " on the " if place == "beach" else ", ")) + place
    rng.shuffle(picture)
    if picture and rng.random() < 0.3:
        return ", ".join([*picture, text])
    return ", ".join([text, *picture])


def _opening(scene: Scene, rng: random.Random) -> str:
    """The start of a sentence: portrait of a man, found photo of a man, stock portrait of a man."""
    subject, style = _subject(scene, rng), rng.choice(WORDS[scene.style])
    a_subject = subject if subject.endswith("flowers") and "vase" not in subject else f"{_article(subject)} {subject}"
    text = rng.choice(
        (
            f"{style} of {a_subject}",
            f"{style} of {a_subject}",
            f"{style} portrait of {a_subject}",
            f"portrait of {a_subject}",
            f"portrait of {a_subject}",
            a_subject,
            subject,
        )
    )
    if scene.origin == "plain":
        return text
    return f"{rng.choice(FOUND)} {subject if text == a_subject else text}"


def _article(subject: str) -> str:
    return "an" if subject[0] in "aeiou" else "a"

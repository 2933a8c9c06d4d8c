"""Draw the pictures of the README: a session as a strip, with a chosen seed, and a sheet by mini, not cherry-picked.

python docs/make_pictures.py
"""

import random
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from notthat.agent import Conversation, Settings, Studio
from notthat.generation import GenerationRequest, LocalEngine, generate

HERE = Path(__file__).parent
PROMPT = "portrait of a man on the beach"
SEED = 4368
"""Chosen: the first picture shows what the feedback is about."""
FEEDBACK = ("no mustache", "and no glasses", "no earrings either")
SIDE = 256
PLACES = ("forest", "beach", "city", "sky", "room", "blue background")
SUBJECTS = ("man", "woman", "child", "cat", "house", "boat")
WORN = ("hat", "glasses", "smile", "mustache", "sunglasses", "beard", "earrings", "long hair")


def session() -> Image.Image:
    """A picture and three times feedback, each picture above the words that made it."""
    with tempfile.TemporaryDirectory() as home, Studio.open(Settings.load(home=home)) as studio:
        conversation = Conversation.start(PROMPT, studio, seed=SEED)
        later = [conversation.say(words) for words in FEEDBACK]
        turns = [studio.store.turn(conversation.id, 0), *later]
        return _strip([(turn.feedback, turn.negative, Image.open(turn.image).convert("RGB")) for turn in turns])


def prompts(count: int) -> list[str]:
    """Prompts drawn at random, always the same ones."""
    rng = random.Random(0)
    drawn = []
    for k in range(count):
        subject = SUBJECTS[k % 6] if k % 12 in (3, 4, 5) else SUBJECTS[k % 3]
        kind = f"portrait of a {subject} with {rng.choice(WORN)}" if subject in SUBJECTS[:3] else f"a {subject}"
        drawn.append(f"{kind}, {rng.choice(PLACES)}")
    return drawn


def sheet(columns: int = 8, rows: int = 3) -> Image.Image:
    """The first seeds, each with a prompt drawn at random."""
    engine = LocalEngine.load("mini")
    image = Image.new("RGB", (columns * 128, rows * 128))
    for seed, prompt in enumerate(prompts(columns * rows)):
        asked = {"model": "mini", "prompt": prompt, "seed": seed}
        picture = generate(engine, GenerationRequest.with_defaults(asked, lambda: engine.defaults)).image
        row, column = divmod(seed, columns)
        image.paste(picture, (column * 128, row * 128))
    return image


def _strip(turns: list[tuple[str, str, Image.Image]]) -> Image.Image:
    gap, text = 16, 56
    strip = Image.new("RGB", (len(turns) * (SIDE + gap) + gap, SIDE + 2 * gap + text), "white")
    draw = ImageDraw.Draw(strip)
    for k, (words, negative, picture) in enumerate(turns):
        left = gap + k * (SIDE + gap)
        strip.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (left, gap))
        draw.text((left, SIDE + gap + 8), words, fill="black", font=ImageFont.load_default(15))
        excluded = f"excluded: {negative}" if negative else ""
        draw.text((left, SIDE + gap + 32), excluded, fill=(110, 110, 110), font=ImageFont.load_default(13))
    return strip


def main() -> None:
    """Write both pictures beside this file."""
    session().save(HERE / "session.png")
    sheet().save(HERE / "mini.png")


if __name__ == "__main__":
    main()

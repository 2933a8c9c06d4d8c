"""Draw docs/exclusion.png: for 12 attributes a picture that has it, one with "without", and one with it excluded.

    python benchmarks/exclusion_sheet.py [--jobs 2] [--keep FOLDER]

The seeds are chosen: each shows its attribute clearly. `exclusion.py` measures on seeds that are not chosen.
"""

import argparse
import os
from pathlib import Path

from drawing import Drawer, bare, refused
from PIL import Image, ImageDraw, ImageFont

from notthat.generation import GenerationRequest

SHEET = Path(__file__).parents[1] / "docs" / "exclusion.png"
TITLES = ("bare", "“without”", "excluded")
CHOSEN = {
    "mustache": 2001,
    "beard": 2000,
    "glasses": 2011,
    "sunglasses": 2004,
    "hat": 2007,
    "cartoon": 2002,
    "watermark": 2006,
    "text": 2005,
    "logo": 2003,
    "frame": 2009,
    "blurry": 2014,
    "overexposed": 2015,
}
"""The seed of each attribute on the sheet."""

COLUMNS = 2
SIDE, GAP, LABEL, TITLE = 128, 2, 106, 18


def row(drawer: Drawer, name: str) -> tuple[GenerationRequest, ...]:
    """What is drawn for an attribute, in the order of `TITLES`."""
    seed, prompt = CHOSEN[name], bare(0, name)
    return (
        drawer.request(seed, prompt),
        drawer.request(seed, refused(prompt, name)),
        drawer.request(seed, prompt, name),
    )


def draw_sheet(drawer: Drawer) -> Image.Image:
    """The rows of all attributes, in columns, below the titles."""
    rows = [row(drawer, name) for name in CHOSEN]
    drawer.draw([request for requests in rows for request in requests], "sheet")
    height, block = -(-len(rows) // COLUMNS), LABEL + 3 * SIDE
    sheet = Image.new("RGB", (COLUMNS * block, TITLE + height * (SIDE + GAP)), "white")
    canvas, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column in range(COLUMNS):
        for k, title in enumerate(TITLES):
            canvas.text((column * block + LABEL + k * SIDE + 4, 2), title, fill="black", font=font)
    for place, (name, requests) in enumerate(zip(CHOSEN, rows, strict=True)):
        left, top = place // height * block, TITLE + place % height * (SIDE + GAP)
        canvas.text((left + 8, top + SIDE / 2 - 8), name, fill="black", font=font)
        for k, pixels in enumerate(drawer.draw(requests, name)):
            sheet.paste(Image.fromarray(pixels), (left + LABEL + k * SIDE, top))
    return sheet


def main() -> None:
    """Draw, and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes that draw")
    parser.add_argument("--keep", type=Path, help="keep drawn pictures here, and take those that are there")
    args = parser.parse_args()
    draw_sheet(Drawer(args.jobs, args.keep)).save(SHEET, optimize=True)


if __name__ == "__main__":
    main()

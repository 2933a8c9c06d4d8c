"""How well an exclusion removes what a given picture shows, and what it keeps: "no watermark" on mini.

    python benchmarks/image_to_image.py [--seeds 100] [--method lookahead] [--sheet sheet.png]

The given pictures are drawn by mini from "portrait of a man, watermark" (then a woman, then a child), where the judge
sees a watermark. Each is the start for "portrait of a man" at several strengths, once without and once with "watermark"
in the negative prompt. The judge (`judge.py`) was trained on renders, never on pictures drawn by mini. Columns:

    without   the watermark is still seen, although nothing excludes it
    left      the same with the exclusion; rates have 95 % Wilson intervals
    outside   mean change of the pixels, 0 to 255, where renders never have watermark letters
    face      share of the other attributes of faces that came or went, as the judge sees them
    layout    correlation with the given picture in grayscale at 16 x 16 pixels

`outside`, `face` and `layout` compare the picture with the exclusion to the given one. The first row is the round trip
through the autoencoder alone.
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from drawing import bare, stderr, wanted
from judge import ATTRIBUTES, KINDS, Judge, Pixels, through_the_autoencoder
from numpy.typing import NDArray
from PIL import Image
from rates import Rate, SideEffects, print_table
from rich.progress import track

from notthat.generation import GenerationRequest, LocalEngine, generate
from notthat.generation.mini.recipe.render import render
from notthat.generation.mini.recipe.world import sample
from notthat.generation.model_catalog import locate_model
from notthat.storage.images import pixels_sha256

NAME = "watermark"
STRENGTHS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FACE = KINDS["objects"]


class Pictures:
    """Draws from given pictures with mini's defaults, as sessions do."""

    def __init__(self, method: str | None) -> None:
        self.engine = LocalEngine.load("mini")
        self.method = method
        self._sources: dict[str, Image.Image] = {}
        self.engine.read_image = self._sources.__getitem__

    def draw(self, seed: int, prompt: str, negative: str = "", **asked: object) -> Image.Image:
        """A picture with mini's defaults."""
        values = {"model": "mini", "prompt": prompt, "negative_prompt": negative, "seed": seed, **asked}
        if self.method:
            values["method"] = self.method
        request = GenerationRequest.with_defaults(values, lambda: self.engine.defaults)
        return generate(self.engine, request).image

    def keep(self, image: Image.Image) -> str:
        """The hash under which the engine finds a picture."""
        sha256 = pixels_sha256(image)
        self._sources[sha256] = image
        return sha256


def find_given(pictures: Pictures, judge: Judge, seeds: int) -> dict[int, Image.Image]:
    """The pictures with a watermark, by their seeds."""
    drawn = {
        seed: pictures.draw(seed, wanted(bare(seed), NAME))
        for seed in track(range(seeds), "given pictures", console=stderr)
    }
    seen = judge.verdicts(as_pixels(list(drawn.values())))[:, ATTRIBUTES.index(NAME)]
    return {seed: image for (seed, image), is_seen in zip(drawn.items(), seen, strict=True) if is_seen}


def letter_free_area() -> NDArray[np.bool_]:
    """The pixels that no rendered watermark covers; shape (height, width)."""
    rng, covered = random.Random(0), None
    for _ in range(12):  # so that every word of a watermark is among them
        scene = replace(sample(rng, "plain"), flags=frozenset())
        marked = replace(scene, flags=frozenset((NAME,)))
        difference = np.abs(np.asarray(render(marked), np.int16) - np.asarray(render(scene), np.int16)).max(-1) > 8
        covered = difference if covered is None else covered | difference
    if covered is None:
        raise ValueError("nothing was rendered")
    return ~covered


def as_pixels(images: Sequence[Image.Image]) -> Pixels:
    """Pictures as an array of shape (count, height, width, 3)."""
    return np.stack([np.asarray(image) for image in images])


def row(judge: Judge, label: str, given: Pixels, without: Pixels, excluded: Pixels) -> list[str]:
    """A line of the table."""
    k, outside = ATTRIBUTES.index(NAME), letter_free_area()
    effects = SideEffects.between(NAME, (given, excluded), (judge.verdicts(given), judge.verdicts(excluded)))
    unexcluded = judge.verdicts(without)[:, k]
    change = np.abs(given.astype(np.int16) - excluded)[:, outside].mean()
    face = float(np.mean([effects.flips[name] for name in FACE]))
    return [
        label,
        str(Rate(int(unexcluded.sum()), len(unexcluded))),
        str(effects.left),
        f"{change:.1f}",
        f"{100 * face:.1f} %",
        f"{effects.composition:.3f}",
    ]


def main() -> None:
    """Draw, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100, help="given pictures")
    parser.add_argument("--method", help="guidance method; by default mini's")
    parser.add_argument("--strengths", type=float, nargs="+", default=STRENGTHS)
    parser.add_argument("--sheet", type=Path, help="file for a sheet of the first pictures, a row for each strength")
    args = parser.parse_args()
    judge, pictures = Judge.load(), Pictures(args.method)
    images = find_given(pictures, judge, args.seeds)
    given = as_pixels(list(images.values()))
    print(f"\n{len(given)} of {args.seeds} given pictures show a watermark; the letter-free area is ", end="")
    print(f"{100 * letter_free_area().mean():.0f} % of the picture")
    decoded = through_the_autoencoder(given, locate_model("mini"))
    rows, sheet = [row(judge, "autoencoder", given, decoded, decoded)], [given]
    for strength in args.strengths:
        columns = []
        for negative in ("", NAME):
            drawn = [
                pictures.draw(seed, bare(seed), negative, init_image=pictures.keep(image), strength=strength)
                for seed, image in track(images.items(), f"{strength:g} {negative}", console=stderr)
            ]
            columns.append(as_pixels(drawn))
        rows.append(row(judge, f"{strength:g}", given, *columns))
        sheet.append(columns[1])
        stderr.print(" | ".join(rows[-1]))
    print_table(["strength", "without", "left", "outside", "face", "layout"], rows)
    if args.sheet:
        Image.fromarray(np.concatenate([np.concatenate(list(each[:12]), axis=1) for each in sheet])).save(args.sheet)


if __name__ == "__main__":
    main()

"""The judge of the exclusion benchmark: a small classifier of the attributes in a picture of `mini`'s world.

    python benchmarks/judge.py --pictures runs/mini/pictures

trains it on rendered pictures only, as rendered and after mini's autoencoder, and writes `judge.safetensors` beside
this file. It is never trained on pictures drawn by mini. The benchmark prints its accuracy on held-out renders, in both
forms, next to the results.
"""

import argparse
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from notthat.generation.mini.recipe.canvas import SIZE
from notthat.generation.mini.recipe.data import Pictures
from notthat.generation.mini.recipe.loop import Plan, fit
from notthat.generation.mini.recipe.render import render
from notthat.generation.mini.recipe.world import PEOPLE, Scene, sample
from notthat.generation.model_catalog import locate_model

WEIGHTS = Path(__file__).with_name("judge.safetensors")
KINDS = {
    "objects": ("mustache", "beard", "glasses", "sunglasses", "hat", "earrings", "smile"),
    "styles": ("cartoon", "sketch", "painting"),
    "overlays": ("watermark", "text", "logo", "frame"),
    "faults": ("blurry", "dark", "overexposed", "oversaturated"),
}
ATTRIBUTES = tuple(name for names in KINDS.values() for name in names)
"""The attributes, in the order of the judge's outputs."""

Pixels = NDArray[np.uint8]
"""Pictures of shape (count, height, width, 3)."""

Verdicts = NDArray[np.bool_]
"""Attributes of each picture; shape (count, len(ATTRIBUTES))."""


class Judge(nn.Module):
    """Five convolutions; each feature is pooled as global maximum, global mean and mean by region."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 16, 32, 64, 128, 160)
        blocks: list[nn.Module] = []
        for k, (a, b) in enumerate(pairwise(widths)):
            blocks += [
                nn.Conv2d(a, b, 3, stride=2 if k < 4 else 1, padding=1, bias=False),
                nn.BatchNorm2d(b),
                nn.ReLU(),
            ]
        self.features = nn.Sequential(*blocks)
        self.head = nn.Linear(160 * (2 + 16), len(ATTRIBUTES))

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits of shape (batch, len(ATTRIBUTES)) for pictures from -1 to 1."""
        found = self.features(pictures)
        regions = functional.avg_pool2d(found, found.shape[-1] // 4).flatten(1)
        logits: Tensor = self.head(torch.cat([found.amax((2, 3)), found.mean((2, 3)), regions], dim=1))
        return logits

    @classmethod
    def load(cls) -> "Judge":
        """Load the trained judge."""
        judge = cls()
        judge.load_state_dict(load_file(WEIGHTS))
        return judge.eval()

    @torch.inference_mode()
    def verdicts(self, pixels: Pixels) -> Verdicts:
        """The attributes in each picture."""
        parts = [self(as_tensor(pixels[k : k + 64])) > 0 for k in range(0, len(pixels), 64)]
        return np.asarray(torch.cat(parts).numpy())


def as_tensor(pixels: Pixels) -> Tensor:
    """Pictures as floats from -1 to 1; shape (count, 3, height, width)."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def truth(scenes: Sequence[Scene]) -> Verdicts:
    """The attributes of each scene."""
    return np.array([[scene.has(name) for name in ATTRIBUTES] for scene in scenes])


def held_out(count: int) -> tuple[Pixels, Verdicts]:
    """Newly rendered found portraits that neither the judge nor mini was trained on, with their attributes."""
    rng = random.Random("held out")
    scenes = [scene for scene in (sample(rng, "found") for _ in range(3 * count)) if scene.subject in PEOPLE][:count]
    return np.stack([np.asarray(render(scene)) for scene in scenes]), truth(scenes)


@torch.inference_mode()
def through_the_autoencoder(pixels: Pixels, weights: Path | str) -> Pixels:
    """Pictures after a round trip through mini's autoencoder: the best that mini could draw."""
    vae = AutoencoderKL.from_pretrained(weights, subfolder="vae", torch_dtype=torch.float32)
    vae = vae.to(memory_format=torch.channels_last)
    parts = []
    for k in track(range(0, len(pixels), 16), "through the autoencoder"):
        given = as_tensor(pixels[k : k + 16]).to(memory_format=torch.channels_last)
        decoded = vae.decode(vae.encode(given).latent_dist.mode()).sample
        parts.append(decoded.add(1).mul(127.5).clamp(0, 255).round().byte().permute(0, 2, 3, 1))
    return np.asarray(torch.cat(parts).numpy())


def train(pictures: Pictures, decoded: Pixels, steps: int, folder: Path) -> Judge:
    """Train on `pictures` and on `decoded`, the first of them after the autoencoder.

    Each is a little shifted, blurred, noisy or pale, since a drawn picture is never quite one.
    """
    targets = torch.from_numpy(truth(pictures.scenes)).float()
    judge = Judge().to(memory_format=torch.channels_last)

    def loss(rng: random.Random, _: float) -> Tensor:
        plain = [rng.randrange(len(targets)) for _ in range(32)]
        again = [rng.randrange(len(decoded)) for _ in range(32)]
        seen = torch.cat([pictures.batch(plain), as_tensor(decoded[again])])
        return functional.binary_cross_entropy_with_logits(judge(_worn(seen, rng)), targets[plain + again])

    fit("judge", judge, loss, Plan(steps, learning_rate=0.01, ema=0.99), folder)
    return judge


def _worn(pictures: Tensor, rng: random.Random) -> Tensor:
    """Augmented pictures: degradations that drawing may cause without changing the attributes."""
    dx, dy = rng.randint(-4, 4), rng.randint(-4, 4)
    padded = functional.pad(pictures, (4, 4, 4, 4), mode="replicate")
    pictures = padded[:, :, 4 + dy : 4 + dy + SIZE, 4 + dx : 4 + dx + SIZE]
    soft = functional.avg_pool2d(functional.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    share = torch.rand(len(pictures), 1, 1, 1)
    pictures = pictures.lerp(soft, share)
    pale, lighter = 1 + 0.12 * torch.randn(len(pictures), 1, 1, 1), 0.04 * torch.randn(len(pictures), 3, 1, 1)
    return pictures * pale + lighter + 0.06 * torch.rand(len(pictures), 1, 1, 1) * torch.randn_like(pictures)


def accuracy(judge: Judge, pixels: Pixels, true: Verdicts) -> dict[str, tuple[float, float]]:
    """Sensitivity and specificity for each attribute."""
    seen = judge.verdicts(pixels)
    return {
        name: (float(seen[true[:, k], k].mean()), float((~seen[~true[:, k], k]).mean()))
        for k, name in enumerate(ATTRIBUTES)
    }


def main() -> None:
    """Train, write the weights and print the accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--pictures", type=Path, required=True, help="folder of the pictures that the recipe has rendered"
    )
    parser.add_argument("--model", default=locate_model("mini"), help="model whose autoencoder is used")
    parser.add_argument("--count", type=int, default=40_000)
    parser.add_argument("--steps", type=int, default=4500)
    args = parser.parse_args()
    pictures = Pictures(args.pictures, args.count, seed=0)
    decoded = through_the_autoencoder(pictures.pixels[: args.count // 3], args.model)
    judge = train(pictures, decoded, args.steps, args.pictures.parent)
    save_file({name: value.contiguous() for name, value in judge.state_dict().items()}, WEIGHTS)
    pixels, true = held_out(600)
    for what, seen in (("rendered", pixels), ("decoded", through_the_autoencoder(pixels, args.model))):
        for name, (found, spared) in accuracy(Judge.load(), seen, true).items():
            print(f"{name:<15}{what:<10}{found:7.1%} seen where it is, {spared:7.1%} not seen where it is not")


if __name__ == "__main__":
    main()

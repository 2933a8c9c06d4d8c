"""The training pictures: rendered once, kept as one array on disk beside the scenes they show."""

import multiprocessing
import os
import random
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from .canvas import SIZE
from .render import render
from .world import Scene, sample

_SHARD = 500


class Pictures:
    """`count` scenes and their pictures, determined by the seed.

    `scenes[k]` belongs to `pixels[k]`, uint8 of shape (SIZE, SIZE, 3).
    """

    def __init__(self, folder: Path, count: int, seed: int) -> None:
        rng = random.Random(seed)
        self.scenes: list[Scene] = [sample(rng) for _ in range(count)]
        self.pixels = np.concatenate([np.load(path, mmap_mode="r") for path in self._render(folder, seed)])

    def _render(self, folder: Path, seed: int) -> list[Path]:
        """Render the missing shards, one task each. A shard on disk is always complete."""
        folder.mkdir(parents=True, exist_ok=True)
        shards = [self.scenes[k : k + _SHARD] for k in range(0, len(self.scenes), _SHARD)]
        paths = [folder / f"{seed}-{k:04d}-{len(shard)}.npy" for k, shard in enumerate(shards)]
        missing = [(path, shard) for path, shard in zip(paths, shards, strict=True) if not path.exists()]
        if missing:
            with multiprocessing.Pool(os.cpu_count()) as pool:
                done = pool.imap_unordered(_render_shard, missing)
                for _ in track(done, "rendering pictures", total=len(missing)):
                    pass
        return paths

    def batch(self, indices: list[int]) -> torch.Tensor:
        """Pictures as floats from -1 to 1, of shape (len(indices), 3, SIZE, SIZE)."""
        pixels = torch.from_numpy(self.pixels[indices])
        return pixels.permute(0, 3, 1, 2).float().div(127.5).sub(1)


def _render_shard(task: tuple[Path, list[Scene]]) -> None:
    path, scenes = task
    pixels = np.stack([np.asarray(render(scene)) for scene in scenes])
    assert pixels.shape[1:] == (SIZE, SIZE, 3)
    partial = path.with_suffix(".tmp")
    with partial.open("wb") as file:
        np.save(file, pixels)
    partial.replace(path)

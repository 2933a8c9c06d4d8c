"""Pictures as input of a vision model, by the `preprocessor_config.json` of its folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

_FILES = ("preprocessor_config.json", "processor_config.json")
"""Where transformers writes the values: the second one has them under `image_processor`."""


@dataclass(frozen=True)
class Preprocessing:
    """Resize to `height` x `width` pixels, scale to 0..1, then subtract `mean` and divide by `std` for each channel.

    With `pad`, the picture is padded at its right or bottom to a square before it is resized, so that nothing is
    stretched.
    """

    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    pad: bool = False

    @classmethod
    def from_folder(cls, folder: Path, defaults: "Preprocessing") -> "Preprocessing":
        """The values of a model's folder; those that it does not name are in `defaults`.

        Raises:
            ValueError: the file can't be read.
        """
        values = _read_values(folder)
        size = values.get("size") or {}
        return cls(
            height=int(size.get("height", defaults.height)),
            width=int(size.get("width", defaults.width)),
            mean=tuple(values.get("image_mean") or defaults.mean),
            std=tuple(values.get("image_std") or defaults.std),
            pad=bool(values.get("do_pad", defaults.pad)),
        )

    def __call__(self, picture: Image.Image) -> Tensor:
        """The picture as a float tensor of shape (1, 3, height, width)."""
        picture = picture.convert("RGB")
        if self.pad and picture.width != picture.height:
            side = max(picture.size)
            square = Image.new("RGB", (side, side), tuple(round(255 * value) for value in self.mean))
            square.paste(picture)
            picture = square
        picture = picture.resize((self.width, self.height), Image.Resampling.BICUBIC)
        values = torch.from_numpy(np.array(picture)).float().div(255)
        return values.sub(torch.tensor(self.mean)).div(torch.tensor(self.std)).permute(2, 0, 1)[None].contiguous()


def _read_values(folder: Path) -> dict[str, Any]:
    for name in _FILES:
        try:
            values = json.loads((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ValueError(f"{name} can't be read: {error.strerror}") from error
        if not isinstance(values, dict):
            raise ValueError(f"{name} has no values")
        return dict(values.get("image_processor", values))
    return {}

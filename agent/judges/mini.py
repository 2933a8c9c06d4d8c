"""The judge of pictures by `mini`: a small network on the latents of the model's autoencoder."""

import hashlib
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL.Image import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ...generation.mini.recipe.captions import WORDS
from ...generation.model_catalog import locate_model
from ..terms import normalize_term
from .base import Box, JudgeError, Presence, Thresholds
from .network import NetworkJudge
from .pictures import Preprocessing
from .source import JudgeSource

MINI = "mini"
WEIGHTS = Path(__file__).with_name("mini_judge.safetensors")
ATTRIBUTES = (
    *("mustache", "beard", "glasses", "sunglasses", "hat", "earrings", "smile"),
    *("cartoon", "sketch", "painting", "photo"),
    *("watermark", "text", "logo", "frame"),
    *("blurry", "dark", "overexposed", "oversaturated"),
)
"""The attributes, in the order of the network's outputs."""
OF_THE_WHOLE = frozenset(ATTRIBUTES[7:11] + ATTRIBUTES[14:])
"""Attributes that have no place in a picture: styles, faults and the frame."""
UNRELIABLE = ("smile",)
"""Attributes with a precision or recall below 85 % on held-out renders: this judge can't tell them."""

_SIDE = 128
"""Pixels of the pictures that the network was trained on."""
_HALF = (0.5, 0.5, 0.5)
_WIDTHS = (8, 48, 96, 128, 128)


class AttributeNetwork(nn.Module):
    """Four convolutions. Each attribute has evidence at each place and from the mean of the picture.

    The logit is logsumexp(evidence by place) + evidence from the mean, a soft maximum over 8 x 8 places.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for k, (inputs, outputs) in enumerate(pairwise(_WIDTHS)):
            stride = 2 if k == 1 else 1
            blocks += [nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.features = nn.Sequential(*blocks)
        self.places = nn.Conv2d(_WIDTHS[-1], len(ATTRIBUTES), 1)
        self.whole = nn.Linear(_WIDTHS[-1], len(ATTRIBUTES))
        self.register_buffer("mean", torch.zeros(1, _WIDTHS[0], 1, 1))
        self.register_buffer("std", torch.ones(1, _WIDTHS[0], 1, 1))

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of shape (batch, attributes), and the evidence by place, of shape (batch, attributes, 8, 8).

        `latents` are scaled, of shape (batch, 8, 16, 16).
        """
        found = self.features((latents - self.mean) / self.std)
        places = self.places(found)
        return places.flatten(2).logsumexp(2) + self.whole(found.mean((2, 3))), places

    def save(self, path: Path, autoencoder: str) -> None:
        """Write the weights in half precision, with the SHA-256 of the autoencoder that they belong to."""
        weights = {name: _convert(value, torch.float16).contiguous() for name, value in self.state_dict().items()}
        save_file(weights, path, {"autoencoder": autoencoder})

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "AttributeNetwork":
        """Read the weights that `save` wrote."""
        network = cls()
        network.load_state_dict({name: _convert(value, torch.float32) for name, value in load_file(path).items()})
        return network


class MiniJudge(NetworkJudge):
    """Tells the attributes of `mini`'s world, in the words of its captions.

    The network was trained on rendered pictures, and never on pictures that mini has drawn, by
    `scripts/train_mini_judge.py`. `benchmarks/judges.py` measures it on other renders.
    """

    thresholds: ClassVar[Thresholds] = Thresholds(gone=0.1, there=0.7)
    """Chosen on the 1000 renders that training held out: of what is there, 2 % is taken for gone; of what is not there,
    97 % is said to be gone, and hardly anything to be there. Other temperatures than 1 fit the probabilities worse."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(JudgeSource(MINI, Path(locate_model(MINI)) / "vae", "AutoencoderKL"), device)

    def can_judge(self, term: str) -> bool:
        """Only terms of mini's captions, and only attributes that it tells well enough."""
        return find_attribute(term) not in (None, *UNRELIABLE)

    def load(self) -> Any:
        """The network and the autoencoder."""
        from diffusers import AutoencoderKL

        with safe_open(WEIGHTS, "pt") as file:
            trained_with = file.metadata()["autoencoder"]
        if trained_with != autoencoder_sha256():
            raise JudgeError("the judge mini belongs to another autoencoder: run scripts/train_mini_judge.py")
        autoencoder = AutoencoderKL.from_pretrained(self._source.folder, torch_dtype=torch.float32)
        self._preprocess = Preprocessing(_SIDE, _SIDE, _HALF, _HALF)
        return nn.ModuleDict({"autoencoder": autoencoder, "network": AttributeNetwork.load()})

    def measure(self, picture: Image, term: str) -> Presence:
        """The probability of an attribute; its places, if it has some and is there."""
        attribute = find_attribute(term) or ""
        k = ATTRIBUTES.index(attribute)
        logits, places = self.look(picture, self._see)
        probability = float(logits[0, k].sigmoid())
        has_place = probability >= self.thresholds.there and attribute not in OF_THE_WHOLE
        return Presence(probability, _enclose(places[0, k]) if has_place else None)

    def _see(self, picture: Image) -> tuple[Tensor, Tensor]:
        pixels = self._preprocess(picture).to(self._device)
        found: tuple[Tensor, Tensor] = self._network["network"](encode(self._network["autoencoder"], pixels))
        return found[0].cpu(), found[1].cpu()


def encode(autoencoder: Any, pixels: Tensor) -> Tensor:
    """The scaled latents of pictures from -1 to 1, of shape (batch, 3, 128, 128)."""
    latents: Tensor = autoencoder.encode(pixels).latent_dist.mean * autoencoder.config.scaling_factor
    return latents


def find_attribute(term: str) -> str | None:
    """The attribute that a term names; None if mini's captions don't have the term."""
    return _attributes().get(normalize_term(term))


@cache
def autoencoder_sha256() -> str:
    """The SHA-256 of the weights of mini's autoencoder."""
    file = Path(locate_model(MINI)) / "vae" / "diffusion_pytorch_model.safetensors"
    return hashlib.sha256(file.read_bytes()).hexdigest()


@cache
def _attributes() -> dict[str, str]:
    return {normalize_term(name): attribute for attribute in ATTRIBUTES for name in (attribute, *WORDS[attribute])}


def _convert(value: Tensor, dtype: torch.dtype) -> Tensor:
    """The value in this number format, if it is no whole number."""
    return value.to(dtype) if value.is_floating_point() else value


def _enclose(evidence: Tensor) -> Box:
    """The box around the places with at least half of the strongest evidence, in odds."""
    rows, columns = torch.nonzero(evidence >= evidence.max() - 0.7, as_tuple=True)
    height, width = evidence.shape
    return Box(
        float(columns.min()) / width,
        float(rows.min()) / height,
        float(columns.max() + 1) / width,
        float(rows.max() + 1) / height,
    )

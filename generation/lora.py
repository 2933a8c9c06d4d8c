"""Low-rank adaptations: files that change weights by W + weight (alpha / rank) B A, as long as a request names them.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685. diffusers normalises the
tensor names. The product is added here, all or nothing, and the original weights are restored bit by bit.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from .errors import InvalidRequestError
from .failures import BROKEN, first_line
from .lora_settings import read_settings
from .provenance import Stamp, file_stamp

Loras = Sequence[tuple[str, float]]

_UNSUPPORTED = {
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "hada_w": "LoHa",
    "lokr_w": "LoKr",
    "oft_": "OFT",
    "lora_mid": "LoCon with a Tucker decomposition",
    "bundle_emb": "LoRA with textual inversions",
}
"""Parts of tensor names, and the kinds of files that have them. diffusers would drop some of them silently."""

_TENSOR = re.compile(r"(?P<path>.+?)[._](?:lora_linear_layer\.|lora[._])(?P<side>down|up|A|B)\.weight")
_ALPHA = re.compile(r"(?P<path>.+?)(?:[._]lora\S*|\.down\.weight|\.lora_linear_layer\S*)?\.alpha")


class Adapter:
    """Adds LoRAs to the weights of a model's parts, by name (`unet`, `text_encoder`), and removes them again."""

    def __init__(self, parts: Mapping[str, Any], loader: str) -> None:
        self._parts = parts
        self._loader = loader
        self._added: tuple[tuple[str, float, Stamp | None], ...] = ()
        self._originals: list[tuple[Tensor, Tensor]] = []

    def adapt(self, loras: Loras) -> bool:
        """Apply these files and no others; return whether that changed anything.

        Raises:
            InvalidRequestError: a file cannot be read, or is for another model. Then nothing has changed.
        """
        wanted = tuple((file, weight, file_stamp(file)) for file, weight in loras)
        if wanted == self._added:
            return False
        changes = [(weight, *change) for file, weight, _ in wanted for change in self._changes(file)]
        for weights, original in reversed(self._originals):
            weights.copy_(original)
        self._originals.clear()
        for strength, weights, change in changes:
            self._originals.append((weights, weights.clone()))
            weights.add_((strength * change).to(weights))
        self._added = wanted
        return True

    def _changes(self, file: str) -> list[tuple[Tensor, Tensor]]:
        """Pairs of a weight of the model and what the file adds to it."""
        targets, found = self._targets(), []
        for path, down, up, scale in self._layers(file):
            weights = targets.get(path)
            if weights is None or up.shape[0] * down.flatten(1).shape[1] != weights.numel():
                raise InvalidRequestError(f"--lora: {file} was made for another model: it has no such “{path}”")
            found.append((weights, scale * (up.flatten(1).float() @ down.flatten(1).float()).view(weights.shape)))
        return found

    def _layers(self, file: str) -> Iterator[tuple[str, Tensor, Tensor, float]]:
        """The normalised path of each layer, its two matrices, and alpha / rank."""
        tensors, alphas = self._read(file)
        settings = read_settings(file)
        pairs: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            match = _TENSOR.fullmatch(name)
            if match is None:
                raise InvalidRequestError(f"--lora: {file} is no supported LoRA: it contains “{name:.60}”")
            side = {"A": "down", "B": "up"}.get(match["side"], match["side"])
            pairs.setdefault(_normal(match["path"]), {})[side] = tensor
        if not pairs or any(pair.keys() != {"down", "up"} for pair in pairs.values()):
            raise InvalidRequestError(f"--lora: {file} is no complete LoRA")
        for path, pair in pairs.items():
            rank = pair["down"].shape[0]
            scale = alphas[path] / rank if path in alphas else settings.scale(path, rank)
            yield path, pair["down"], pair["up"], scale

    def _read(self, file: str) -> tuple[dict[str, Tensor], dict[str, float]]:
        """The file's tensors under diffusers' names, and its alphas by normalised path."""
        if not Path(file).is_file():
            raise InvalidRequestError(f"--lora: there is no file {file}")
        try:
            tensors = load_file(file)
        except (OSError, SafetensorError, ValueError) as error:
            raise InvalidRequestError(f"--lora: {file} can't be read as .safetensors: {first_line(error)}") from None
        kinds = (kind for part, kind in _UNSUPPORTED.items() if any(part in name for name in tensors))
        if kind := next(kinds, None):
            raise InvalidRequestError(f"--lora: {file} is a {kind}, which is not supported: use a plain LoRA")
        loader: Any = getattr(import_module("diffusers.loaders"), self._loader)
        options: dict[str, Any] = {"unet_config": self._parts["unet"].config} if "unet" in self._parts else {}
        if self._loader == "FluxLoraLoaderMixin":
            options["return_alphas"] = True
        try:
            read = loader.lora_state_dict(tensors, **options)
        except BROKEN as error:
            raise InvalidRequestError(f"--lora: {file} is no LoRA for this model: {first_line(error)}") from None
        named, alphas = read if isinstance(read, tuple) else (read, None)
        return named, {_alpha_path(name): float(alpha) for name, alpha in (alphas or {}).items()}

    def _targets(self) -> dict[str, Tensor]:
        """The weights of linear and convolution layers, by normalised path."""
        return {
            _normal(f"{part}.{path}"): module.weight
            for part, root in self._parts.items()
            for path, module in root.named_modules()
            if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)
        }


def _normal(path: str) -> str:
    """Normalise a layer's path, which differs between tools."""
    path = path.replace(".processor", "").replace("text_model.", "")
    if ".self_attn." in path:
        path = re.sub(r"to_([qkv])$", r"\1_proj", re.sub(r"to_out$", "out_proj", path))
    return re.sub(r"to_out$", "to_out.0", path)


def _alpha_path(name: str) -> str:
    match = _ALPHA.fullmatch(name)
    return _normal(match["path"] if match else name.removesuffix(".alpha"))

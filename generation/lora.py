"""Low-rank adaptations: files that change weights by W + weight (alpha / rank) B A, as long as a request names them.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685. diffusers normalises the
tensor names. The product is added here, all or nothing, and the original weights are restored bit by bit. Quantised
weights stay as they are: the product acts beside them.
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
from .lora_layers import LayerChange, LowRankBranch
from .lora_products import find_product, split_products
from .lora_settings import read_settings
from .provenance import Stamp, file_stamp

Loras = Sequence[tuple[str, float]]

_UNSUPPORTED = {
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "hada_t": "LoHa with a Tucker decomposition",
    "lokr_t": "LoKr with a Tucker decomposition",
    "oft_": "OFT",
    "lora_mid": "LoCon with a Tucker decomposition",
    "bundle_emb": "LoRA with textual inversions",
}
"""Parts of tensor names, and the kinds of files that have them. diffusers would drop some of them silently."""

_TENSOR = re.compile(r"(?P<path>.+?)[._](?:lora_linear_layer\.|lora[._])(?P<side>down|up|A|B)\.weight")
_ALPHA = re.compile(r"(?P<path>.+?)(?:[._]lora\S*|\.down\.weight|\.lora_linear_layer\S*)?\.alpha")


class Adapter:
    """Applies LoRAs to a model's parts, by name (`unet`, `text_encoder`), and removes them again.

    With `is_quantized`, they act beside the weights, which a sum would corrupt.
    """

    def __init__(self, parts: Mapping[str, Any], loader: str, *, is_quantized: bool = False) -> None:
        self._parts = parts
        self._loader = loader
        self._is_quantized = is_quantized
        self._added: tuple[tuple[str, float, Stamp | None], ...] = ()
        self._originals: list[tuple[Tensor, Tensor]] = []
        self._branches: list[Any] = []

    def adapt(self, loras: Loras) -> bool:
        """Apply these files and no others; return whether that changed anything.

        Raises:
            InvalidRequestError: a file cannot be read, or is for another model. Then nothing has changed.
        """
        wanted = tuple((file, weight, file_stamp(file)) for file, weight in loras)
        if wanted == self._added:
            return False
        changes = [(strength, change) for file, strength, _ in wanted for change in self._changes(file)]
        self._restore()
        for strength, change in changes:
            if self._is_quantized:
                self._branches.append(change.layer.register_forward_hook(LowRankBranch(change, strength)))
            else:
                weights = change.layer.weight
                self._originals.append((weights, weights.clone()))
                weights.add_((strength * change.product()).to(weights))
        self._added = wanted
        return True

    def _restore(self) -> None:
        for weights, original in reversed(self._originals):
            weights.copy_(original)
        self._originals.clear()
        for branch in self._branches:
            branch.remove()
        self._branches.clear()

    def _changes(self, file: str) -> list[LayerChange]:
        """What a file changes, layer by layer."""
        layers, found = self._targets(), []
        for path, down, up, scale in self._layers(file):
            change = LayerChange(layers.get(path), down, up, scale)
            if change.layer is None or not change.fits:
                raise InvalidRequestError(f"--lora: {file} was made for another model: it has no such “{path}”")
            found.append(change)
        return found

    def _layers(self, file: str) -> Iterator[tuple[str, Tensor | None, Tensor, float]]:
        """The normalised path of each layer, its two matrices, and alpha / rank; of a LoHa or LoKr, their product."""
        try:
            plain, stand_ins, products = split_products(self._read(file))
        except (KeyError, RuntimeError) as error:
            raise InvalidRequestError(f"--lora: {file} is incomplete: {first_line(error)}") from None
        if products and self._is_quantized:
            raise InvalidRequestError(
                f"--lora: {file} is a LoHa or LoKr, and this model's weights are quantised: use a plain LoRA, or "
                "half precision weights and --quantize none"
            )
        if plain or not products:
            yield from self._low_rank_layers(file, plain)
        if products:
            for path, down, up, _ in self._low_rank_layers(file, stand_ins):
                yield path, None, find_product(down, up, products), 1.0

    def _low_rank_layers(self, file: str, tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor, Tensor, float]]:
        tensors, alphas = self._normalize(file, tensors)
        settings = read_settings(file)
        pairs: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            match = _TENSOR.fullmatch(name)
            if match is None:
                raise InvalidRequestError(f"--lora: {file} is no supported LoRA: it contains “{name:.60}”")
            side = {"A": "down", "B": "up"}.get(match["side"], match["side"])
            pairs.setdefault(_normal(match["path"]), {})[side] = tensor
        if not pairs:
            raise InvalidRequestError(f"--lora: {file} is no LoRA for this model: none of its layers is known")
        if any(pair.keys() != {"down", "up"} for pair in pairs.values()):
            raise InvalidRequestError(f"--lora: {file} is no complete LoRA")
        for path, pair in pairs.items():
            rank = pair["down"].shape[0]
            scale = alphas[path] / rank if path in alphas else settings.scale(path, rank)
            yield path, pair["down"], pair["up"], scale

    def _read(self, file: str) -> dict[str, Tensor]:
        """The file's tensors."""
        if not Path(file).is_file():
            raise InvalidRequestError(f"--lora: there is no file {file}")
        try:
            tensors = load_file(file)
        except (OSError, SafetensorError, ValueError) as error:
            raise InvalidRequestError(f"--lora: {file} can't be read as .safetensors: {first_line(error)}") from None
        kinds = (kind for part, kind in _UNSUPPORTED.items() if any(part in name for name in tensors))
        if kind := next(kinds, None):
            raise InvalidRequestError(f"--lora: {file} is a {kind}, which is not supported: use a plain LoRA")
        return tensors

    def _normalize(self, file: str, tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Tensors under diffusers' names, and their alphas by normalised path."""
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

    def _targets(self) -> dict[str, Any]:
        """The linear and convolution layers, by normalised path."""
        return {
            _normal(f"{part}.{path}"): module
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

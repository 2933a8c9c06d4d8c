"""The encoder's forward pass in numpy: BERT with heads for edits, words, exclusions and the whole line.

The architecture is that of `BertModel` (arXiv:1810.04805), with the tanh form of GELU. Weights are int8, with one scale
per row, and are turned into float32 when loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from .features import Features

HEADS = 12
FAULTS = ("missing", "cropped", "floating", "fused", "extra", "deformed")
"""What can be wrong with a thing that the feedback names without saying so in one word."""
TAGS = ("other", "exclude", "quality", "prompt", *FAULTS)
"""What a word of the feedback is: nothing, the name of a thing to leave out, a quality of that thing, a word for the
prompt, or the name of a thing with a fault."""
CHANGES = ("keep", "allow", "up", "down")
"""What happens to an exclusion."""
WHOLE_FAULTS = ("cropped", "clipping")
INTENTS = ("change", "undo", "reset", "reroll", "prompt", *WHOLE_FAULTS)
"""What a line as a whole asks for: any change, these edits, or to leave these faults out."""

_REQUIRED = [
    f"head.{head}.{layer}" for head in ("proposal", "word", "replaced", "exclusion", "intent") for layer in (0, 1)
]
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Readings:
    """Probabilities that the encoder gives for a line."""

    proposals: Array
    """That each proposed edit was meant, shape (proposals,)."""
    words: Array
    """Of each word's tag, shape (words, tags), in the order of `TAGS`."""
    prompt_words: Array
    """That each word of the prompt is replaced, shape (prompt words,)."""
    exclusions: Array
    """Of each exclusion's change, shape (exclusions, 4), in the order of `CHANGES`."""
    intents: Array
    """Of each intent, shape (intents,), in the order of `INTENTS`."""


class Network:
    """The encoder and its heads."""

    def __init__(self, weights: Mapping[str, NDArray[np.generic]]) -> None:
        if missing := [f"{name}.weight" for name in _REQUIRED if f"{name}.weight" not in weights]:
            raise ValueError(f"these are not the verifier's weights: {missing[0]} is missing")
        self._words, self._word_scales = weights["words"], weights["words.scale"].astype(np.float32)
        self._weights = {
            name: _dequantize(name, weights) for name in weights if name != "words" and not name.endswith(".scale")
        }
        self._layers = 1 + max(int(name.split(".")[1]) for name in self._weights if name.startswith("layer."))

    def weights(self) -> dict[str, Array]:
        """All weights as float32, by their names in the file."""
        return {**self._weights, "words": self._words * self._word_scales[:, None]}

    @classmethod
    def load(cls, path: Path) -> "Network":
        """Load the weights of a safetensors file."""
        return cls(load_file(path))

    def read(self, features: Features) -> Readings:
        """The probabilities for one encoded line."""
        hidden = self.encode(features)
        at = self._head
        return Readings(
            _sigmoid(at("proposal", hidden[list(features.proposals)])[:, 0]),
            _softmax(at("word", hidden[[word.index for word in features.words]])),
            _sigmoid(at("replaced", hidden[[word.index for word in features.prompt_words]])[:, 0]),
            _softmax(at("exclusion", hidden[[index for _, index in features.exclusions]])),
            _sigmoid(at("intent", hidden[:1])[0]),
        )

    def encode(self, features: Features) -> Array:
        """The state of each word piece after the last layer, shape (length, width)."""
        weights = self._weights
        length = len(features.ids)
        words = self._words[features.ids] * self._word_scales[features.ids][:, None]
        x = words + weights["positions"][:length] + weights["segments"][features.segments]
        x = self._normalize("embedding", x)
        width = x.shape[1]
        for number in range(self._layers):
            name = f"layer.{number}"
            states = self._linear(f"{name}.qkv", x).reshape(length, 3, HEADS, width // HEADS)
            query, key, value = states.transpose(1, 2, 0, 3)
            attention = _softmax(query @ key.transpose(0, 2, 1) * np.float32((width // HEADS) ** -0.5))
            mixed = (attention @ value).transpose(1, 0, 2).reshape(length, width)
            x = self._normalize(f"{name}.attention", x + self._linear(f"{name}.mix", mixed))
            inner = _gelu(self._linear(f"{name}.inner", x))
            x = self._normalize(f"{name}.output", x + self._linear(f"{name}.outer", inner))
        return x

    def _linear(self, name: str, x: Array) -> Array:
        result: Array = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return result

    def _normalize(self, name: str, x: Array) -> Array:
        x = x - x.mean(axis=-1, keepdims=True)
        x /= np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(1e-12))
        return x * self._weights[f"{name}.norm.weight"] + self._weights[f"{name}.norm.bias"]

    def _head(self, name: str, x: Array) -> Array:
        return self._linear(f"head.{name}.1", _gelu(self._linear(f"head.{name}.0", x)))


def _dequantize(name: str, weights: Mapping[str, NDArray[np.generic]]) -> Array:
    values = weights[name].astype(np.float32)
    scale = weights.get(f"{name}.scale")
    return values if scale is None else values * scale.astype(np.float32)[:, None]


def _gelu(x: Array) -> Array:
    inner = np.tanh(np.float32(0.7978845608) * (x + np.float32(0.044715) * x * x * x))
    result: Array = np.float32(0.5) * x * (1 + inner)
    return result


def _softmax(x: Array) -> Array:
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    result: Array = x / x.sum(axis=-1, keepdims=True)
    return result


def _sigmoid(x: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-x))
    return result

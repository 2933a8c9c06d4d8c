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

from .features import Features, Proposals

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

    words: Array
    """Of each word's tag, shape (words, tags), in the order of `TAGS`."""
    prompt_words: Array
    """That each word of the prompt is replaced, shape (prompt words,)."""
    exclusions: Array
    """Of each exclusion's change, shape (exclusions, 4), in the order of `CHANGES`."""
    intents: Array
    """Of each intent, shape (intents,), in the order of `INTENTS`."""


@dataclass(frozen=True)
class Context:
    """What the encoder remembers of a line it has read."""

    states: Array
    """The state of each word piece after the last layer, shape (length, width)."""
    keys: list[Array]
    """Of each layer, shape (heads, length, width / heads)."""
    values: list[Array]


class Network:
    """The encoder and its heads."""

    def __init__(self, weights: Mapping[str, NDArray[np.generic]]) -> None:
        if missing := [f"{name}.weight" for name in _REQUIRED if f"{name}.weight" not in weights]:
            raise ValueError(f"these are not the verifier's weights: {missing[0]} is missing")
        self._words: NDArray[np.int8] = weights["words"].astype(np.int8)
        self._word_scales: Array = weights["words.scale"].astype(np.float32)
        names = [name for name in weights if name != "words" and not name.endswith(".scale")]
        self._weights = {name: _orient(name, _dequantize(name, weights)) for name in names}
        self._layers = 1 + max(int(name.split(".")[1]) for name in self._weights if name.startswith("layer."))

    def weights(self) -> dict[str, Array]:
        """All weights as float32, by their names in the file."""
        weights = {name: _orient(name, values) for name, values in self._weights.items()}
        return {**weights, "words": self._words * self._word_scales[:, None]}

    @classmethod
    def load(cls, path: Path) -> "Network":
        """Load the weights of a safetensors file."""
        return cls(load_file(path))

    def read(self, features: Features) -> Context:
        """Read a line."""
        return self._encode(features.ids, features.segments, None)

    def readings(self, features: Features, context: Context) -> Readings:
        """The probabilities for a line that was read."""
        states, at = context.states, self._head
        return Readings(
            _softmax(at("word", states[[word.index for word in features.words]])),
            _sigmoid(at("replaced", states[[word.index for word in features.prompt_words]])[:, 0]),
            _softmax(at("exclusion", states[[index for _, index in features.exclusions]])),
            _sigmoid(at("intent", states[:1])[0]),
        )

    def judge(self, proposals: Proposals, context: Context) -> Array:
        """The probability that each proposed edit was meant, shape (proposals,)."""
        states = self._encode(proposals.ids, np.ones_like(proposals.ids), context).states
        return _sigmoid(self._head("proposal", states[list(proposals.markers)])[:, 0])

    def _encode(self, ids: NDArray[np.int64], segments: NDArray[np.int64], context: Context | None) -> Context:
        """The states of a part of the sequence, which sees itself and the context before it."""
        weights = self._weights
        length, start = len(ids), len(context.states) if context else 0
        words = self._words[ids] * self._word_scales[ids][:, None]
        x = words + weights["positions"][start : start + length] + weights["segments"][segments]
        x = self._normalize("embedding", x)
        width = x.shape[1]
        keys, values = [], []
        for number in range(self._layers):
            name = f"layer.{number}"
            states = self._linear(f"{name}.qkv", x).reshape(length, 3, HEADS, width // HEADS)
            query, key, value = states.transpose(1, 2, 0, 3)
            if context:
                key = np.concatenate([context.keys[number], key], axis=1)
                value = np.concatenate([context.values[number], value], axis=1)
            keys.append(key)
            values.append(value)
            attention = _softmax(query @ key.transpose(0, 2, 1) * np.float32((width // HEADS) ** -0.5))
            mixed = (attention @ value).transpose(1, 0, 2).reshape(length, width)
            x = self._normalize(f"{name}.attention", x + self._linear(f"{name}.mix", mixed))
            inner = _gelu(self._linear(f"{name}.inner", x))
            x = self._normalize(f"{name}.output", x + self._linear(f"{name}.outer", inner))
        return Context(x, keys, values)

    def _linear(self, name: str, x: Array) -> Array:
        result: Array = x @ self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
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


def _orient(name: str, values: Array) -> Array:
    """A matrix transposed: of shape (inputs, outputs) in memory, it is multiplied with few rows a third faster."""
    return np.ascontiguousarray(values.T) if values.ndim == 2 and name.endswith(".weight") else values


def _gelu(x: Array) -> Array:
    inner = np.tanh(np.float32(0.7978845608) * (x + np.float32(0.044715) * x * x * x))
    result: Array = np.float32(0.5) * x * (1 + inner)
    return result


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    result: Array = powers / powers.sum(axis=-1, keepdims=True)
    return result


def _sigmoid(x: Array) -> Array:
    result: Array = np.reciprocal(1 + np.exp(-x), dtype=np.float32)
    return result

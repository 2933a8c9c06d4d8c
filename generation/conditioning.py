"""Prompts to embeddings, for models with one CLIP text encoder.

A prompt longer than the encoder's window is encoded in chunks of 75 tokens, each between its own start
and end marks, and the chunks' embeddings stand one after the other; the shorter of two prompts is filled
up with empty chunks. No token is dropped, unless stock's reading is asked for, which cuts at the window.
"""

import itertools
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .prompt_syntax import BREAK, Fragment, parse
from .request import Reading, Syntax

_CACHED_CHUNKS = 256


@dataclass(frozen=True)
class Chunk:
    """The token ids of one window of the encoder, marks and padding included, and a weight for each."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


class TextConditioner:
    """One tokenizer and its text encoder; remembers the chunks that it has encoded."""

    def __init__(self, tokenizer: Any, text_encoder: Any, vocabulary: frozenset[str] | None) -> None:
        self.tokenizer = tokenizer
        self.text_encoder = text_encoder
        self.vocabulary = vocabulary
        self.window: int = tokenizer.model_max_length
        self._encoded: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()

    def encode_pair(self, negative_prompt: str, prompt: str, syntax: Syntax) -> Tensor:
        """Embeddings of both, of shape (2, tokens, width): the negative first, as diffusers orders them."""
        negative, positive = (self._chunks(text, syntax) for text in (negative_prompt, prompt))
        empty = self._chunk([])
        pairs = itertools.zip_longest(negative, positive, fillvalue=empty)
        return torch.cat([torch.stack([self._encode(a), self._encode(b)]) for a, b in pairs], dim=1)

    def encode(self, prompt: str, syntax: Syntax) -> Tensor:
        """Embeddings of one prompt, of shape (1, tokens, width)."""
        return torch.cat([self._encode(chunk) for chunk in self._chunks(prompt, syntax)])[None]

    def read(self, text: str, syntax: Syntax = "weighted") -> Reading:
        """How the encoder reads a text: `tokens` without marks and padding."""
        fragments = self._fragments(text, syntax)
        shown = tuple((fragment.text, round(fragment.weight, 6)) for fragment in fragments if fragment.text is not None)
        tokens = sum(len(self._tokens(fragment.text)) for fragment in fragments if fragment.text)
        return Reading(shown, tokens, len(self._chunks(text, syntax)), self.unknown_words(text, syntax))

    def unknown_words(self, text: str, syntax: Syntax = "weighted") -> tuple[str, ...]:
        """The words that the model's list of words doesn't have, in order; none where it has no list."""
        if self.vocabulary is None:
            return ()
        plain = "".join(fragment.text or " " for fragment in self._fragments(text, syntax))
        words = self._words(plain)
        return tuple(dict.fromkeys(word for word in words if word not in self.vocabulary))

    def overflow(self, text: str, syntax: Syntax) -> str:
        """The end of the text that stock's reading cuts off, or nothing."""
        if syntax != "plain":
            return ""
        cut = self._tokens(text)[self.window - 2 :]
        return str(self.tokenizer.decode(cut)).strip() if cut else ""

    def _words(self, text: str) -> list[str]:
        pieces = self.tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text.lower())
        return [text.lower()[start:end] for _, (start, end) in pieces if text.lower()[start:end].isalpha()]

    @staticmethod
    def _fragments(text: str, syntax: Syntax) -> list[Fragment]:
        return parse(text) if syntax == "weighted" else [Fragment(text)]

    def _tokens(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids)

    def _chunks(self, text: str, syntax: Syntax) -> list[Chunk]:
        size = self.window - 2
        runs: list[list[tuple[int, float]]] = [[]]
        for fragment in self._fragments(text, syntax):
            if fragment is BREAK:
                runs.append([])
            elif fragment.text:
                runs[-1] += [(token, fragment.weight) for token in self._tokens(fragment.text)]
        if syntax == "plain":
            return [self._chunk(runs[0][:size])]
        return [self._chunk(run[k : k + size]) for run in runs for k in range(0, max(len(run), 1), size)]

    def _chunk(self, weighted: list[tuple[int, float]]) -> Chunk:
        padding = self.window - 2 - len(weighted)
        ids = (self.tokenizer.bos_token_id, *(t for t, _ in weighted), self.tokenizer.eos_token_id)
        weights = (1.0, *(w for _, w in weighted), 1.0)
        return Chunk(ids + (self.tokenizer.pad_token_id,) * padding, weights + (1.0,) * padding)

    def _encode(self, chunk: Chunk) -> Tensor:
        """Embeddings of shape (window, width); a weight scales its token's embedding."""
        embedding = self._encoded.get(chunk.ids)
        if embedding is None:
            ids = torch.tensor([chunk.ids], device=self.text_encoder.device)
            mask = self._mask(chunk) if getattr(self.text_encoder.config, "use_attention_mask", False) else None
            embedding = self.text_encoder(ids, attention_mask=mask)[0][0]
            self._encoded[chunk.ids] = embedding
            if len(self._encoded) > _CACHED_CHUNKS:
                self._encoded.popitem(last=False)
        else:
            self._encoded.move_to_end(chunk.ids)
        if all(weight == 1 for weight in chunk.weights):
            return embedding
        return embedding * torch.tensor(chunk.weights, device=embedding.device, dtype=embedding.dtype)[:, None]

    def _mask(self, chunk: Chunk) -> Tensor:
        length = chunk.ids.index(self.tokenizer.eos_token_id, 1) + 1
        return torch.tensor([[1] * length + [0] * (self.window - length)], device=self.text_encoder.device)

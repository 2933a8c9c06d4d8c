"""Prompt embeddings from a T5 text encoder, which reads a limited number of tokens."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .clip import Embedding, PromptOptions, apply_weights
from .fragments import plain_text, token_weights, words

_CACHED_TEXTS = 64


class T5Encoder:
    """A tokenizer and its T5 encoder. Texts are padded or cut to `length` tokens, as in stock diffusers."""

    def __init__(self, tokenizer: Any, text_encoder: Any, length: int) -> None:
        self.tokenizer = tokenizer
        self.text_encoder = text_encoder
        self.length = length
        self._encoded: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """Embeddings of texts. A weight applies to the tokens that begin in its fragment."""
        return [self._encode_one(text, options) for text in texts]

    def count(self, text: str, options: PromptOptions) -> int:
        """The number of tokens of a text, without the end token."""
        return len(self._tokens(text, options)[0])

    def count_chunks(self, text: str, options: PromptOptions) -> int:
        """A text of any length is one chunk."""
        return 1

    def split_words(self, text: str) -> list[str]:
        """The words of a text, in lower case."""
        return words(text)

    def overflow(self, text: str, options: PromptOptions) -> str:
        """The comma-separated terms at the end of the text that are not read completely; empty if all are."""
        ids, _, starts = self._tokens(text, options)
        if len(ids) < self.length:
            return ""
        plain, cut = plain_text(text, options)[0], starts[self.length - 1]
        begin = plain.rfind(",", 0, cut + 1) + 1
        return plain[begin:].strip()

    def clear(self) -> None:
        """Clear the cache, after the encoder's weights have changed."""
        self._encoded.clear()

    def _encode_one(self, text: str, options: PromptOptions) -> Embedding:
        ids, weights, _ = self._tokens(text, options)
        ids, weights = ids[: self.length - 1], weights[: self.length - 1]
        padding = self.length - 1 - len(ids)
        ids = [*ids, self.tokenizer.eos_token_id, *[self.tokenizer.pad_token_id] * padding]
        tokens = apply_weights(self._encode(tuple(ids)), [*weights, *[1.0] * (padding + 1)], options.weighting)
        content = torch.arange(self.length, device=tokens.device) < self.length - padding
        return Embedding(tokens, content=content[None])

    def _tokens(self, text: str, options: PromptOptions) -> tuple[list[int], list[float], list[int]]:
        """Token ids, their weights, and their offsets in the text without weights."""
        plain, weights = plain_text(text, options)
        found = self.tokenizer(
            plain, add_special_tokens=False, truncation=False, verbose=False, return_offsets_mapping=True
        )
        starts = [start for start, _ in found.offset_mapping]
        return list(found.input_ids), token_weights(found.offset_mapping, plain, weights), starts

    def _encode(self, ids: tuple[int, ...]) -> Tensor:
        embedding = self._encoded.get(ids)
        if embedding is None:
            embedding = self.text_encoder(torch.tensor([ids], device=self.text_encoder.device))[0]
            self._encoded[ids] = embedding
            if len(self._encoded) > _CACHED_TEXTS:
                self._encoded.popitem(last=False)
        else:
            self._encoded.move_to_end(ids)
        return embedding

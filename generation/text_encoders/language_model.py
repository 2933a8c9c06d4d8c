"""Prompt embeddings from a language model, or from any encoder that reads one sequence of limited length.

A text is put into the model's template, as stock diffusers does, and cut at `length` tokens.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .clip import Embedding, PromptOptions, apply_weights
from .fragments import plain_text, token_weights, words

_CACHED_TEXTS = 64
_MARK = "\ue000"
"""A character for private use, which stands for the text while its template is examined."""

Read = Callable[[Any], Tensor]
"""Selects embeddings of shape (1, length, ...) from a text encoder's output."""


@dataclass(frozen=True)
class Layout:
    """How the encoder reads a text: its template, its limits, and the padding.

    `length` counts the tokens that are read, with the first `skipped` ones, which are dropped from the embedding. The
    `suffix` comes on top of that: it follows the template, and is kept when a text is cut. With `is_padded`, the
    encoder reads padding up to the length, as in models whose transformer reads it too. With `has_normalized_tokens`,
    the transformer normalises each token first, so that scaling an embedding has no effect.
    """

    length: int
    template: Callable[[str], str] = str
    suffix: str = ""
    skipped: int = 0
    is_padded: bool = False
    has_normalized_tokens: bool = False


class LanguageModelEncoder:
    """A tokenizer and its language model, with a cache of encoded texts."""

    def __init__(self, tokenizer: Any, text_encoder: Any, read: Read, layout: Layout) -> None:
        self.tokenizer = tokenizer
        self.text_encoder = text_encoder
        self.layout = layout
        self._read = read
        self._suffix = tokenizer(layout.suffix, add_special_tokens=False).input_ids if layout.suffix else []
        self._begin = layout.template(_MARK).index(_MARK)
        self._encoded: OrderedDict[tuple[tuple[int, ...], tuple[int, ...]], Tensor] = OrderedDict()

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """Embeddings of texts, with zeros up to the longest."""
        found = [self._encode_one(text, options) for text in texts]
        longest = max(each.tokens.shape[1] for each in found)
        return [pad(each, longest) for each in found]

    def count(self, text: str, options: PromptOptions) -> int:
        """The number of tokens of a text, without its template."""
        plain, _ = plain_text(text, options)
        return len(self.tokenizer(plain, add_special_tokens=False, truncation=False, verbose=False).input_ids)

    def count_chunks(self, text: str, options: PromptOptions) -> int:
        """A text of any length is one chunk."""
        return 1

    def split_words(self, text: str) -> list[str]:
        """The words of a text, in lower case."""
        return words(text)

    def overflow(self, text: str, options: PromptOptions) -> str:
        """The comma-separated terms at the end of the text that are not read completely; empty if all are."""
        plain, _ = plain_text(text, options)
        whole = self.tokenizer(
            self.layout.template(plain), truncation=False, verbose=False, return_offsets_mapping=True
        )
        room = self.layout.length - self._count_appended()
        if len(whole.input_ids) <= self.layout.length:
            return ""
        cut = whole.offset_mapping[room][0] - self._begin
        return plain[plain.rfind(",", 0, cut + 1) + 1 :].strip() if cut < len(plain) else ""

    def clear(self) -> None:
        """Clear the cache, after the encoder's weights have changed."""
        self._encoded.clear()

    def _encode_one(self, text: str, options: PromptOptions) -> Embedding:
        """The text's embedding, with the number of its tokens without padding."""
        plain, weights = plain_text(text, options)
        read = self._tokenize(plain)
        skipped = self.layout.skipped
        weighted = token_weights(read["offset_mapping"], plain, weights, self._begin)
        tokens = self._encode(tuple(read["input_ids"]), tuple(read["attention_mask"]))
        length = sum(read["attention_mask"]) - skipped
        if self.layout.has_normalized_tokens:
            tokens = spread_from_mean(tokens, weighted[skipped:])
        else:
            tokens = apply_weights(tokens, weighted[skipped:], options.weighting)
        content = torch.tensor([self._content(read)[skipped:]], device=tokens.device)
        return Embedding(tokens, lengths=(length,), content=content)

    def _content(self, read: dict[str, list[Any]]) -> list[bool]:
        """Which tokens are no padding, and follow what the template has before the text."""
        follows = [start >= self._begin for start, _ in read["offset_mapping"]]
        follows[len(follows) - len(self._suffix) :] = [True] * len(self._suffix)
        return [bool(read) and own for read, own in zip(read["attention_mask"], follows, strict=True)]

    def _tokenize(self, plain: str) -> dict[str, list[Any]]:
        """Token ids, their mask, and their offsets in the template with the text."""
        layout, suffix = self.layout, self._suffix
        found = self.tokenizer(
            layout.template(plain),
            truncation=True,
            max_length=layout.length,
            padding="max_length" if layout.is_padded else False,
            return_offsets_mapping=True,
        )
        return {
            "input_ids": [*found.input_ids, *suffix],
            "attention_mask": [*found.attention_mask, *[1] * len(suffix)],
            "offset_mapping": [*found.offset_mapping, *[(0, 0)] * len(suffix)],
        }

    def _count_appended(self) -> int:
        """How many tokens the tokenizer keeps at the end of a text that is cut."""
        return int(bool(self.tokenizer("", truncation=False).input_ids[-1:] == [self.tokenizer.eos_token_id]))

    def _encode(self, ids: tuple[int, ...], mask: tuple[int, ...]) -> Tensor:
        """Embeddings of shape (1, length, ...), without the skipped tokens."""
        embedding = self._encoded.get((ids, mask))
        if embedding is None:
            embedding = self._encoded[ids, mask] = self._run(ids, mask)[:, self.layout.skipped :]
            if len(self._encoded) > _CACHED_TEXTS:
                self._encoded.popitem(last=False)
        else:
            self._encoded.move_to_end((ids, mask))
        return embedding

    def _run(self, ids: tuple[int, ...], mask: tuple[int, ...]) -> Tensor:
        device = self.text_encoder.device
        return self._read(
            self.text_encoder(
                input_ids=torch.tensor([ids], device=device),
                attention_mask=torch.tensor([mask], device=device),
                output_hidden_states=True,
            )
        )


def hidden_state(index: int) -> Read:
    """The hidden state with this index; 0 is the embedding table's output."""

    def read(output: Any) -> Tensor:
        state: Tensor = output.hidden_states[index]
        return state

    return read


def last_hidden_state(output: Any) -> Tensor:
    """The last hidden layer, after the final norm."""
    state: Tensor = output[0]
    return state


def chat_template(tokenizer: Any, **options: Any) -> Callable[[str], str]:
    """The tokenizer's own chat template, with the text as the user's only message."""

    def fill(text: str) -> str:
        messages = [{"role": "user", "content": text}]
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **options))

    return fill


def spread_from_mean(tokens: Tensor, weights: Sequence[float]) -> Tensor:
    """Token embeddings of shape (1, length, ...), each moved away from their mean m by its weight: m + w (z - m).

    For models that normalise each token's embedding, where scaling has no effect. At a weight of 0 a token says
    nothing of its own.
    """
    if all(weight == 1 for weight in weights):
        return tokens
    scale = torch.tensor(weights, device=tokens.device, dtype=tokens.dtype).view(1, -1, *[1] * (tokens.ndim - 2))
    mean = tokens.mean(dim=1, keepdim=True)
    return mean + scale * (tokens - mean)


def pad(embedding: Embedding, length: int) -> Embedding:
    """An embedding of one text with zeros appended, up to a length."""
    content = embedding.content
    content = None if content is None else pad_tokens(content, length)
    return replace(embedding, tokens=pad_tokens(embedding.tokens, length), content=content)


def pad_tokens(tokens: Tensor, length: int) -> Tensor:
    """Append zeros to embeddings of shape (1, length, ...), up to a length."""
    missing = length - tokens.shape[1]
    return torch.cat([tokens, tokens.new_zeros(1, missing, *tokens.shape[2:])], dim=1) if missing else tokens

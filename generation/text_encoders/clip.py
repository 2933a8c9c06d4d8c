"""Prompt embeddings from CLIP text encoders.

A prompt longer than the encoder's window is encoded in chunks of 75 tokens, each with its own start and end
tokens, and the embeddings of the chunks are concatenated. Shorter prompts of a batch are padded with empty
chunks. No token is dropped, except with the syntax "plain", which cuts at the window as stock diffusers does.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..prompt_syntax import BREAK, Fragment, parse_prompt
from ..request import GenerationRequest, Syntax, Weighting
from .textual_inversion import TextualInversions

_CACHED_CHUNKS = 256


@dataclass(frozen=True)
class Embedding:
    """The embeddings of texts: `tokens` of shape (texts, length, ...), `pooled` of shape (texts, width).

    `lengths` has the number of tokens of each text before the padding; None if the model reads the padding too.
    `content`, of shape (texts, length), is True for the tokens that depend on the text: not for padding, nor for what
    every text begins with.
    """

    tokens: Tensor
    pooled: Tensor | None = None
    lengths: tuple[int, ...] | None = None
    content: Tensor | None = None

    @cached_property
    def length_mask(self) -> Tensor:
        """Which tokens are no padding, of shape (texts, length)."""
        texts, length = self.tokens.shape[:2]
        lengths = torch.tensor(self.lengths or [length] * texts, device=self.tokens.device)
        return torch.arange(length, device=self.tokens.device) < lengths[:, None]

    @property
    def mask(self) -> Tensor | None:
        """`length_mask`, or None if there is no padding."""
        is_full = self.lengths is None or min(self.lengths) == self.tokens.shape[1]
        return None if is_full else self.length_mask


@dataclass(frozen=True)
class PromptOptions:
    """How to encode texts: the syntax, the effect of weights, the files of textual inversions, and CLIP's layer."""

    syntax: Syntax = "weighted"
    weighting: Weighting = "scaled"
    inversions: tuple[str, ...] = ()
    clip_skip: int | None = None

    @classmethod
    def from_request(cls, request: GenerationRequest) -> "PromptOptions":
        """The options of a request."""
        return cls(request.syntax, request.weighting, request.embeddings, request.clip_skip)


@dataclass(frozen=True)
class Chunk:
    """The token ids of one window of the encoder, with start, end and padding tokens, and a weight for each."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


Group = list[tuple[int, float]]
"""Tokens with their weights that must stay in one chunk."""

Read = Callable[[Any], tuple[Tensor, Tensor | None]]
"""Selects token embeddings, and optionally a pooled embedding, from a text encoder's output."""


def last_hidden_state(output: Any) -> tuple[Tensor, None]:
    """The last hidden layer, after the final norm."""
    return output[0], None


def penultimate_hidden_state(output: Any) -> tuple[Tensor, Tensor | None]:
    """The penultimate hidden layer, and the pooled output if the first output is one."""
    return output.hidden_states[-2], output[0] if output[0].ndim == 2 else None


def pooler_output(output: Any) -> tuple[Tensor, Tensor]:
    """The last hidden layer, and its pooled output before any projection."""
    return output.last_hidden_state, output.pooler_output


class ClipEncoder:
    """A tokenizer and its text encoder, with a cache of encoded chunks."""

    def __init__(self, tokenizer: Any, text_encoder: Any, read: Read = last_hidden_state) -> None:
        self.tokenizer = tokenizer
        self.text_encoder = text_encoder
        self.window: int = tokenizer.model_max_length
        self.inversions = TextualInversions(text_encoder)
        self._read = read
        self._encoded: OrderedDict[tuple[tuple[int, ...], int | None], tuple[Tensor, Tensor | None]] = OrderedDict()

    def encode(self, texts: Sequence[str], options: PromptOptions) -> list[Embedding]:
        """Embeddings of texts, padded to the longest. `pooled` comes from a text's first chunk."""
        chunked = [self.chunks(text, options) for text in texts]
        longest = max(map(len, chunked))
        empty = self._chunk([])
        return [self._join_chunks([*chunks, *[empty] * (longest - len(chunks))], options) for chunks in chunked]

    def chunks(self, text: str, options: PromptOptions) -> list[Chunk]:
        """The chunks of a text; at least one."""
        size = self.window - 2
        runs: list[list[Group]] = [[]]
        for fragment in parse_fragments(text, options.syntax):
            if fragment is BREAK:
                runs.append([])
            elif fragment.text:
                groups = self._groups(fragment.text, options.inversions)
                runs[-1] += [[(token, fragment.weight) for token in group] for group in groups]
        if options.syntax == "plain":
            return [self._chunk([token for group in runs[0] for token in group][:size])]
        commas = self.tokenizer(",", add_special_tokens=False).input_ids
        return [self._chunk(part) for run in runs for part in split_groups(run, size, commas)]

    def tokens(self, text: str, inversions: Sequence[str] = ()) -> list[int]:
        """Token ids without start and end tokens. Names of textual inversions become the ids of their vectors."""
        return [token for group in self._groups(text, inversions) for token in group]

    def _groups(self, text: str, inversions: Sequence[str]) -> list[list[int]]:
        """Token ids in groups that must not be split: the vectors of a textual inversion, or one token."""
        groups: list[list[int]] = []
        for piece, own in self.inversions.split(text, inversions):
            ids = self.tokenizer(piece, add_special_tokens=False, truncation=False, verbose=False).input_ids
            groups += [own] if own else [[token] for token in ids]
        return groups

    def add_inversion(self, file: str, vectors: Tensor) -> None:
        """Add a textual inversion's vectors, of shape (tokens, width), under its file's name."""
        self.inversions.add(file, vectors)
        for part in self.text_encoder.modules():
            # An eos_token_id of 2 is an old error in published models. transformers works around it by taking the
            # highest id as the end token, which the added rows would break.
            if getattr(part, "eos_token_id", None) == 2:
                part.eos_token_id = self.tokenizer.eos_token_id

    def overflow(self, text: str, options: PromptOptions) -> str:
        """The end of the text that the syntax "plain" cuts off; empty if nothing is cut."""
        if options.syntax != "plain":
            return ""
        cut = self.tokens(text)[self.window - 2 :]
        return str(self.tokenizer.decode(cut)).strip() if cut else ""

    def clear(self) -> None:
        """Clear the cache, after the encoder's weights have changed."""
        self._encoded.clear()

    def count(self, text: str, options: PromptOptions) -> int:
        """The number of tokens of a text, without start and end tokens."""
        parts = parse_fragments(text, options.syntax)
        return sum(len(self.tokens(each.text, options.inversions)) for each in parts if each.text)

    def count_chunks(self, text: str, options: PromptOptions) -> int:
        """The number of windows that a text takes."""
        return len(self.chunks(text, options))

    def split_words(self, text: str) -> list[str]:
        """The words of a text as the tokenizer splits them, in lower case."""
        text = text.lower()
        pieces = self.tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
        return [text[start:end] for _, (start, end) in pieces if text[start:end].isalpha()]

    def _chunk(self, weighted: list[tuple[int, float]]) -> Chunk:
        padding = self.window - 2 - len(weighted)
        ids = (self.tokenizer.bos_token_id, *(t for t, _ in weighted), self.tokenizer.eos_token_id)
        weights = (1.0, *(w for _, w in weighted), 1.0)
        return Chunk(ids + (self.tokenizer.pad_token_id,) * padding, weights + (1.0,) * padding)

    def _join_chunks(self, chunks: list[Chunk], options: PromptOptions) -> Embedding:
        encoded = [self._encode(chunk.ids, options.clip_skip) for chunk in chunks]
        tokens = [
            apply_weights(e, chunk.weights, options.weighting) for (e, _), chunk in zip(encoded, chunks, strict=True)
        ]
        content = torch.tensor([[own for chunk in chunks for own in self._content(chunk)]], device=tokens[0].device)
        return Embedding(torch.cat(tokens, dim=1), encoded[0][1], content=content)

    def _content(self, chunk: Chunk) -> list[bool]:
        """Which tokens of a chunk are words, or the end token after them; none of an empty chunk."""
        end = chunk.ids.index(self.tokenizer.eos_token_id, 1)
        return [1 <= k <= end and end > 1 for k in range(len(chunk.ids))]

    def _encode(self, ids: tuple[int, ...], layer: int | None) -> tuple[Tensor, Tensor | None]:
        """Token embeddings of shape (1, window, width), and the pooled embedding of shape (1, width)."""
        found = self._encoded.get((ids, layer))
        if found is None:
            device = self.text_encoder.device
            masked = getattr(self.text_encoder.config, "use_attention_mask", False)
            output = self.text_encoder(
                torch.tensor([ids], device=device),
                attention_mask=self._attention_mask(ids) if masked else None,
                output_hidden_states=layer is not None or self._read is penultimate_hidden_state,
            )
            tokens, pooled = self._read(output)
            if layer is not None:
                tokens = self._skipped(output.hidden_states[-layer])
            found = self._encoded[ids, layer] = tokens, pooled
            if len(self._encoded) > _CACHED_CHUNKS:
                self._encoded.popitem(last=False)
        else:
            self._encoded.move_to_end((ids, layer))
        return found

    def _skipped(self, hidden: Tensor) -> Tensor:
        """A hidden layer, with the final norm where the model's own layer has it."""
        if self._read is penultimate_hidden_state:
            return hidden
        encoder = getattr(self.text_encoder, "text_model", self.text_encoder)
        normed: Tensor = encoder.final_layer_norm(hidden)
        return normed

    def _attention_mask(self, ids: tuple[int, ...]) -> Tensor:
        length = ids.index(self.tokenizer.eos_token_id, 1) + 1
        return torch.tensor([[1] * length + [0] * (self.window - length)], device=self.text_encoder.device)


def split_groups(groups: Sequence[Group], size: int, commas: Sequence[int]) -> list[Group]:
    """Split a run of tokens into parts of at most `size`: after the last comma that fits, else between two groups.

    So no term is torn at the border of two chunks, as in AUTOMATIC1111's web UI. Only what is longer than a chunk is.
    """
    parts: list[Group] = []
    current: Group = []
    for group in groups:
        if current and len(current) + len(group) > size:
            ends = [k + 1 for k, (token, _) in enumerate(current) if token in commas]
            cut = ends[-1] if ends else len(current)
            parts.append(current[:cut])
            current = current[cut:]
            if current and len(current) + len(group) > size:
                parts.append(current)
                current = []
        current = current + group
        while len(current) > size:
            parts.append(current[:size])
            current = current[size:]
    return [*parts, current] if current or not parts else parts


def parse_fragments(text: str, syntax: Syntax) -> list[Fragment]:
    """The weighted fragments of a text; with the syntax "plain", the whole text at weight 1."""
    return parse_prompt(text) if syntax == "weighted" else [Fragment(text)]


def apply_weights(tokens: Tensor, weights: Sequence[float], weighting: Weighting) -> Tensor:
    """Token embeddings of shape (1, length, width), each scaled by its weight.

    `restored` then restores the mean of the whole embedding: z' = w z, z' mean(z) / mean(z'). That is the default of
    AUTOMATIC1111's web UI, where it is called "Original", and `scaled` is called "No norm".
    """
    if all(weight == 1 for weight in weights):
        return tokens
    scaled = tokens * torch.tensor(weights, device=tokens.device, dtype=tokens.dtype)[:, None]
    return scaled * (tokens.mean() / scaled.mean()) if weighting == "restored" else scaled

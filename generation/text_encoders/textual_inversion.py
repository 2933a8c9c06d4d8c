"""Textual inversions: additional words, as vectors in a file. Published negative embeddings are textual inversions.

The file's name without its suffix is the word. Its vectors are appended to the text encoder's embedding table and stay
there. Texts without the word are not affected, and only requests that name the file read the word this way.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..errors import InvalidRequestError
from ..provenance import Stamp, file_stamp


class TextualInversions:
    """The textual inversions of one text encoder."""

    def __init__(self, text_encoder: Any) -> None:
        self._text_encoder = text_encoder
        self._ids: dict[str, list[int]] = {}
        self._stamps: dict[str, Stamp | None] = {}

    def split(self, text: str, files: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
        """Split a text into plain pieces, and names of textual inversions with the ids of their rows."""
        words = {Path(file).stem.lower(): file for file in files if file in self._ids}
        if not words:
            yield text, []
            return
        pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
        for piece in re.split(rf"(?<!\w)({pattern})(?!\w)", text, flags=re.IGNORECASE):
            file = words.get(piece.lower())
            if file:
                yield piece, self._ids[file]
            elif piece.strip():
                yield piece, []

    def has_file(self, file: str) -> bool:
        """Whether the file's vectors, as it is now, are in the embedding table."""
        return file in self._ids and self._stamps[file] == file_stamp(file)

    def check(self, file: str, vectors: Tensor) -> None:
        """Raise InvalidRequestError if the width of the vectors is not the encoder's."""
        width = self._text_encoder.get_input_embeddings().weight.shape[1]
        if vectors.shape[1] != width:
            raise InvalidRequestError(
                f"--embedding: {file} was made for a text encoder of width {vectors.shape[1]}, "
                f"and this model's has width {width}"
            )

    def add(self, file: str, vectors: Tensor) -> None:
        """Append the vectors, of shape (tokens, width), to the encoder's embedding table."""
        table = self._text_encoder.get_input_embeddings()
        first = len(table.weight)
        rows = torch.cat([table.weight, vectors.to(table.weight)])
        table.weight = torch.nn.Parameter(rows, requires_grad=False)
        table.num_embeddings = len(rows)
        self._stamps[file] = file_stamp(file)
        self._ids[file] = list(range(first, len(rows)))


def read_vectors(file: str) -> dict[str, Tensor]:
    """The vectors of a `.safetensors` file, of shape (tokens, width), by text encoder.

    The key is "emb_params" for models with one encoder; "clip_l" and "clip_g" for Stable Diffusion XL.

    Raises:
        InvalidRequestError: the file cannot be read, or contains something else.
    """
    try:
        tensors = load_file(file)
    except (OSError, SafetensorError, ValueError) as error:
        reason = "no such file" if not Path(file).is_file() else str(error).splitlines()[0]
        raise InvalidRequestError(f"--embedding: {file} can't be read as .safetensors: {reason}") from None
    shaped = {name: tensor.reshape(-1, tensor.shape[-1]) for name, tensor in tensors.items() if tensor.ndim in (1, 2)}
    if {"clip_l", "clip_g"} <= shaped.keys():
        return {name: shaped[name] for name in ("clip_l", "clip_g")}
    if len(shaped) != 1 or len(tensors) != 1:
        raise InvalidRequestError(f"--embedding: {file} contains no textual inversion")
    return {"emb_params": next(iter(shaped.values()))}

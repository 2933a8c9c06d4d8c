"""Value sign flip (VSF): for one forward pass, attention that reads the negative prompt's tokens with opposite sign.

The negative prompt is the second half of the batch, as with the other attention guidance. There its tokens attend to
themselves and to the picture, but not to the prompt; the prompt's tokens do not see them. So does the authors' code, by
masks in one sequence: https://github.com/weathon/VSF.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from ..errors import GenerationError
from ..guidance.methods import vsf
from ..text_encoders.clip import Embedding


@dataclass(frozen=True)
class FlipSettings:
    """The weight of the flipped values (0 or more), and what their logits are lowered by."""

    scale: float
    offset: float


JOINT_FLIP = FlipSettings(scale=3.5, offset=0.1)
CROSS_FLIP = FlipSettings(scale=1.7, offset=0.2)
"""The authors' settings: for Stable Diffusion 3.5 Turbo, and for Wan 2.1."""


@dataclass(frozen=True)
class TokenLayout:
    """For each text of the batch: which tokens are the picture's, and at which token the text starts."""

    pictures: Sequence[slice]
    text_starts: Sequence[int]


@contextmanager
def flip_values(
    attentions: Iterable[Any], layout: TokenLayout, embedding: Embedding, settings: FlipSettings
) -> Iterator[None]:
    """Let the picture's tokens read the negative prompt's too, with values of opposite sign.

    In cross-attention, where queries and keys differ in number, all queries are the picture's.

    Raises:
        GenerationError: the attention was not computed by torch's `scaled_dot_product_attention`.
    """
    mode = _ValueFlip(layout, embedding, settings)
    with ExitStack() as hooks, mode:
        for attention in attentions:
            hooks.callback(attention.register_forward_pre_hook(mode.start).remove)
            hooks.callback(attention.register_forward_hook(mode.stop, always_call=True).remove)
        yield
    if not mode.flipped:
        raise GenerationError(
            "--method vsf needs the attention of torch, but this model is set to use another: "
            "unset DIFFUSERS_ATTN_BACKEND, or use nag"
        )


class _ValueFlip(TorchFunctionMode):
    """Replaces attention calls between `start` and `stop`."""

    def __init__(self, layout: TokenLayout, embedding: Embedding, settings: FlipSettings) -> None:
        super().__init__()
        self.flipped = False
        self._layout, self._settings, self._half = layout, settings, len(embedding.tokens) // 2
        self._content = embedding.length_mask if embedding.content is None else embedding.content
        self._is_active = False

    def start(self, module: Any, arguments: Any) -> None:
        self._is_active = True

    def stop(self, module: Any, arguments: Any, output: Any) -> None:
        self._is_active = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is not scaled_dot_product_attention or not self._is_active:
            return func(*args, **kwargs)
        return self._attend(*args, **kwargs)

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **options: Any
    ) -> Tensor:
        output = scaled_dot_product_attention(query, key, value, attn_mask=attn_mask, **options).clone()
        for pos in range(self._half):
            neg = pos + self._half
            places = [self._picture(row, query, key) for row in (pos, neg)]
            if query[pos, :, places[0]].shape[1] == 0:
                continue  # a call for the text alone
            start = self._layout.text_starts[neg]
            text = slice(start, start + self._content.shape[1])
            guided = vsf(
                query[pos, :, places[0]][None],
                key[pos][None],
                value[pos][None],
                key[neg, :, text][None],
                value[neg, :, text][None],
                self._content[neg],
                scale=self._settings.scale,
                offset=self._settings.offset,
                mask=_row(attn_mask, pos, places[0]),
                factor=options.get("scale"),
            )
            for row, place in zip((pos, neg), places, strict=True):
                output[row, :, place] = guided[0]
            self.flipped = True
        return output

    def _picture(self, row: int, query: Tensor, key: Tensor) -> slice:
        return self._layout.pictures[row] if query.shape[2] == key.shape[2] else slice(None)


def _row(mask: Tensor | None, row: int, queries: slice) -> Tensor | None:
    """The part of an attention mask, broadcastable to (batch, heads, queries, keys), for some queries of a text."""
    if mask is None:
        return None
    mask = mask[row : row + 1] if mask.shape[0] > 1 else mask
    return mask[:, :, queries] if mask.shape[2] > 1 else mask

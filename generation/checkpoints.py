"""Exact checkpoints: the state after the first steps, shared by requests that differ only afterwards."""

from collections import OrderedDict

from torch import Tensor

from .guidance.memory import GuidedState
from .request import Defaults, GenerationRequest


class Checkpoints:
    """An LRU cache of states before the negative prompt joined.

    A run from a checkpoint is bit-identical to one from the start: latents, scheduler and generators are copies.
    At most `megabytes` (MiB) of latents are kept.
    """

    def __init__(self, megabytes: int = 256) -> None:
        self._room = megabytes * 2**20
        self._kept: OrderedDict[tuple[str, int], GuidedState] = OrderedDict()

    def is_wanted(self, request: GenerationRequest, step: int, defaults: Defaults) -> bool:
        """Whether a later request, with other terms, could continue from the state after this step."""
        alone = step <= request.joining_step or (
            request.negative_prompt == request.base_negative_prompt and request.method != "lookahead"
        )  # the look starts once all terms have joined
        shares = [defaults.joining_share, *(kind.share for kind in defaults.joining)]
        steps = {request.joining_step, *(int(share * request.num_inference_steps) for share in shares)}
        return alone and step in steps

    def find(self, request: GenerationRequest) -> GuidedState | None:
        """A copy of the state at which the request's negative prompt joins, or None if it was not kept."""
        key = _checkpoint_key(request, request.joining_step)
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key].copy()

    def save(self, request: GenerationRequest, state: GuidedState) -> None:
        """Keep a copy of the state, which only the base negative prompt has guided so far."""
        key = _checkpoint_key(request, state.done)
        self._kept[key] = state.copy()
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(_state_bytes(kept) for kept in self._kept.values()) > self._room:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Drop all checkpoints."""
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)


def _checkpoint_key(request: GenerationRequest, step: int) -> tuple[str, int]:
    """The cache key: everything that decides the steps up to this one, before the negative prompt joins.

    `shown` only matters to the look-ahead, which starts afterwards.
    """
    return request.model_dump_json(exclude={"negative_prompt", "joining_step", "shown"}), step


def _state_bytes(state: GuidedState) -> int:
    """Bytes of the latents, with those that a multistep scheduler, the guidance and an inpainting model keep."""
    held: list[object] = [state.latents]
    for value in vars(state.scheduler).values():
        held.extend(value if isinstance(value, list) else [value])
    held.append(state.condition)
    return state.memory.nbytes + sum(x.nbytes for x in held if isinstance(x, Tensor))

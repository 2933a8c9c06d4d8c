"""What guidance keeps from step to step."""

from dataclasses import dataclass

from torch import Tensor

from ..sampling import DenoisingState
from .term_tracking import TermTracker


@dataclass(frozen=True)
class GuidanceMemory:
    """What guidance keeps from step to step; each step makes a new one.

    `momentum` is that of `apg`, `tracker` has the terms that `lookahead` tracks. `agreed_on` is the negative prompt
    whose predictions agreed with the prompt's, which ends guidance by it for good.
    """

    momentum: Tensor | None = None
    tracker: TermTracker | None = None
    agreed_on: str | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of its latents."""
        kept = [self.momentum] if self.momentum is not None else []
        if self.tracker:
            kept += [self.tracker.null, *self.tracker.towards.values()]
        return sum(each.nbytes for each in kept)


GuidedState = DenoisingState[GuidanceMemory]
"""The state of a guided run."""

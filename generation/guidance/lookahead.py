"""The look-ahead: draw most of a picture without exclusions, and start again only if it shows an excluded term.

A picture that shows no excluded term stays as it is. Otherwise only the places that the terms change are drawn anew.
Terms that a picture with the same seed has shown always count as found.
"""

from collections.abc import Collection, Mapping, Sequence
from math import ceil

import torch
from torch import Tensor

from ..prompt_syntax import split_terms
from ..sampling import DenoisingState, GuidanceMemory, Step
from ..text_encoders.clip import Embedding
from .lookahead_math import LOOK
from .term_tracking import LookaheadResult, TermTracker
from .x0 import X0Coefficients, to_x0


class Lookahead:
    """Controls the look-ahead for the `watched` texts. Texts that contain a `shown` term count as found.

    `lines` has the x0 coefficients of each timestep. Guidance acts in the first `steps` of them.
    """

    def __init__(
        self, watched: Sequence[str], shown: Collection[str], lines: Sequence[X0Coefficients], steps: float
    ) -> None:
        self._watched = watched
        self._known = {text for text in watched if not set(shown).isdisjoint(split_terms(text))}
        self._lines, self._steps = lines, steps
        self._ends = 0
        self._before: DenoisingState | None = None
        self._left: list[Embedding] | None = None

    def begin(self, state: DenoisingState) -> None:
        """Begin the look-ahead, if there are terms to look for and it has not run."""
        if self._watched and not state.memory.look:
            self._before, state.memory.look = state.copy(), LookaheadResult()
            self._ends = state.done + ceil(LOOK * (self._steps - state.done))

    def end(self, step: Step, state: DenoisingState) -> None:
        """After a step: if the look-ahead is complete and found something, return to the state where it began."""
        look = state.memory.look
        if not self._before or not look or not look.trackers or state.done < self._ends:
            return
        picture = to_x0(step.latents.float(), step.prediction.float(), self._lines[step.index - 1])
        over = look.conclude(picture, self._watched, self._known)
        if not over.in_vain:
            state.replace_with(self._before)
        state.memory.look, self._before = over, None

    @property
    def extra_steps(self) -> int:
        """How many steps are certain to run again: those of a look-ahead for terms that were shown."""
        return self._ends - self._before.done if self._before and self._known else 0

    def keep_lookahead(self, guided: Tensor, state: DenoisingState) -> Tensor:
        """A step's guided prediction, with the look-ahead's prediction wherever nothing was found."""
        look = state.memory.look
        if not look or look.in_vain:
            return guided
        if look.where is None:
            look.predicted[state.done] = guided
        elif state.done in look.predicted:
            return torch.where(look.where, guided, look.predicted[state.done])
        return guided

    @staticmethod
    def weights(watch: TermTracker, look: LookaheadResult | None) -> Mapping[str, Tensor]:
        """The weight of each text, of shape (batch, 1, ...); 0 during the look-ahead, or if it found nothing."""
        if not look:
            return watch.weights({})
        found = 0.0 if look.found is None else look.found.float()
        return {text: weight * found for text, weight in watch.weights(look.sure).items()}

    def remaining_embeddings(
        self, embeddings: list[Embedding], texts: list[str], memory: GuidanceMemory
    ) -> tuple[list[Embedding], list[str]]:
        """The texts that still need a prediction. If the look-ahead found nothing, these are the first two.

        It then returns the same list every time, since embeddings are cached by the list's identity.
        """
        if not memory.look or not memory.look.in_vain:
            return embeddings, texts
        if self._left is None:
            self._left = embeddings[:2]
        return self._left, texts[:2]

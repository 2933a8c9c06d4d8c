"""Looking ahead: `dynamic` draws a picture with nothing kept out first, and begins again only where it has to be.

A picture that wouldn't have shown what is excluded stays as it is, and so does the rest of one that would have: only
at the places that the terms change is it drawn anew. What a picture of the same seed has shown is sure to be found.
"""

from collections.abc import Collection, Mapping, Sequence
from math import ceil

import torch
from torch import Tensor

from .clean import Line, clean
from .conditioning import Embedding
from .guidance import LOOK
from .prompt_syntax import terms
from .sampling import Memory, State, Step
from .watching import Look, Watch


class Lookout:
    """Looks ahead for the watched texts; those that name something that was `shown` are there.

    `lines` are what predictions mean, for each timestep; guidance has `steps` of them to act in.
    """

    def __init__(self, watched: Sequence[str], shown: Collection[str], lines: Sequence[Line], steps: float) -> None:
        self._watched = watched
        self._known = {text for text in watched if not set(shown).isdisjoint(terms(text))}
        self._lines, self._steps = lines, steps
        self._ends = 0
        self._before: State | None = None
        self._left: list[Embedding] | None = None

    def begin(self, state: State) -> None:
        """Begin the look, where there is something to look for and this wasn't done."""
        if self._watched and not state.memory.look:
            self._before, state.memory.look = state.copy(), Look()
            self._ends = state.done + ceil(LOOK * (self._steps - state.done))

    def end(self, step: Step, state: State) -> None:
        """After a step: if the look is over, and found something, go back to where it began, to keep that out."""
        look = state.memory.look
        if not self._before or not look or not look.watched or state.done < self._ends:
            return
        picture = clean(step.latents.float(), step.prediction.float(), self._lines[step.index - 1])
        over = look.over(picture, self._watched, self._known)
        if not over.in_vain:
            state.become(self._before)
        state.memory.look, self._before = over, None

    @property
    def again(self) -> int:
        """How many steps are sure to be taken once more: those of a look for what was shown."""
        return self._ends - self._before.done if self._before and self._known else 0

    def kept(self, guided: Tensor, state: State) -> Tensor:
        """A step's guided prediction, with that of the look ahead at all places where nothing was found."""
        look = state.memory.look
        if not look or look.in_vain:
            return guided
        if look.where is None:
            look.predicted[state.done] = guided
        elif state.done in look.predicted:
            return torch.where(look.where, guided, look.predicted[state.done])
        return guided

    @staticmethod
    def weights(watch: Watch, look: Look | None) -> Mapping[str, Tensor]:
        """How far texts are pushed away from, of shape (batch, 1, ...): not at all in a look, or after one in vain."""
        if not look:
            return watch.weights({})
        found = 0.0 if look.found is None else look.found.float()
        return {text: weight * found for text, weight in watch.weights(look.sure).items()}

    def left(self, told: list[Embedding], texts: list[str], memory: Memory) -> tuple[list[Embedding], list[str]]:
        """Those that are to be predicted: after a look in vain only the first two, always of the same list."""
        if not memory.look or not memory.look.in_vain:
            return told, texts
        if self._left is None:
            self._left = told[:2]
        return self._left, texts[:2]

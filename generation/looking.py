"""Looking ahead: `dynamic` draws a picture with nothing kept out first, and begins again only where it has to be.

A picture that wouldn't have shown what is excluded stays as it is. What a picture of the same seed has shown isn't
looked for: it will be there again.
"""

from collections.abc import Collection, Mapping, Sequence
from math import ceil

from torch import Tensor

from .clean import Line, clean
from .conditioning import Embedding
from .guidance import LOOK, SEEN
from .prompt_syntax import terms
from .sampling import Memory, State, Step
from .watching import Look


class Lookout:
    """Looks ahead for those of the watched texts that name nothing that was `shown`.

    `lines` are what predictions mean, for each timestep; guidance has `steps` of them to act in.
    """

    def __init__(self, watched: Sequence[str], shown: Collection[str], lines: Sequence[Line], steps: float) -> None:
        known = {text: not set(shown).isdisjoint(terms(text)) for text in watched}
        self._known = dict.fromkeys((text for text, was_shown in known.items() if was_shown), SEEN)
        self._wanted = [text for text, was_shown in known.items() if not was_shown]
        self._lines, self._steps = lines, steps
        self._ends = 0
        self._before: State | None = None
        self._left: tuple[list[Embedding], list[str]] | None = None

    def begin(self, state: State) -> None:
        """Begin the look, where there is something to look for and this wasn't done."""
        if self._wanted and not state.memory.look:
            self._before, state.memory.look = state.copy(), Look()
            self._ends = state.done + ceil(LOOK * (self._steps - state.done))

    def end(self, step: Step, state: State) -> None:
        """After a step: if the look is over, and found something, go back to where it began, to keep that out."""
        look = state.memory.look
        if not self._before or not look or not look.watched or state.done < self._ends:
            return
        picture = clean(step.latents.float(), step.prediction.float(), self._lines[step.index - 1])
        over = look.over(picture, self._wanted)
        if not over.in_vain:
            state.become(self._before)
        state.memory.look, self._before = over, None

    def expected(self, memory: Memory) -> Mapping[str, Tensor | float]:
        """How likely those texts are to come of which something is known."""
        return {**self._known, **(memory.look.expected if memory.look else {})}

    def share(self, text: str, memory: Memory) -> Tensor | float:
        """How much of its push a text gets, of shape (batch, 1, ...): none in a look or after one in vain, else all."""
        if not memory.look or text not in self._wanted:
            return 1.0
        return 0.0 if memory.look.found is None else memory.look.found.float()

    def left(self, told: list[Embedding], texts: list[str], memory: Memory) -> tuple[list[Embedding], list[str]]:
        """Without those that needn't be predicted any more, after a look in vain: always the same lists."""
        if not memory.look or not memory.look.in_vain:
            return told, texts
        if self._left is None:
            kept = [k for k, text in enumerate(texts) if k < 2 or text not in self._wanted]
            self._left = [told[k] for k in kept], [texts[k] for k in kept]
        return self._left

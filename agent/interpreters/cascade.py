"""Interprets with rules where they are sure, and with a language model otherwise."""

from typing import TYPE_CHECKING, Protocol

from ..edits import Edit, State
from .base import Interpretation, Interpreter, prepare, release_memory

if TYPE_CHECKING:
    from PIL.Image import Image


class Reviewer(Protocol):
    """Judges proposed edits against the feedback, whatever proposed them."""

    def review(self, feedback: str, state: State, edits: tuple[Edit, ...]) -> Interpretation:
        """The edits that the feedback asks for; a question instead, if it is in doubt whether it asks for them."""
        ...


class CascadeInterpreter:
    """Asks `rules` first, and `model` if the rules did not understand everything or have a question.

    What the model proposes is done only after `reviewer` has agreed; without a reviewer it is done as it is. If the
    model fails, the interpretation is that of its fallback.
    """

    name = "auto"

    def __init__(self, rules: Interpreter, model: Interpreter, reviewer: Reviewer | None = None) -> None:
        self._rules, self._model, self._reviewer = rules, model, reviewer

    def warm_up(self) -> None:
        """Prepare both interpreters in the background."""
        prepare(self._rules)
        prepare(self._model)

    def release_memory(self) -> None:
        """Let both interpreters free the accelerator's memory until the next feedback."""
        release_memory(self._rules)
        release_memory(self._model)

    def interpret(self, feedback: str, state: State, picture: "Image | None" = None) -> Interpretation:
        """The edits of the first interpreter that is sure, or a question about those in doubt."""
        certain = self._rules.interpret(feedback, state, picture)
        if certain.understood and certain.question is None:
            return certain
        proposed = self._model.interpret(feedback, state, picture)
        if self._reviewer is None or proposed.fallback or not proposed.edits:
            return proposed
        reviewed = self._reviewer.review(feedback, state, proposed.edits)
        record = {"raw": proposed.raw, "usage": proposed.usage}
        is_confirmed = reviewed.question is None and reviewed.edits == proposed.edits
        return reviewed.model_copy(update=record | ({"reply": proposed.reply} if is_confirmed else {}))

"""What feedback means: an interpreter is asked with the state, the picture and the last turns of a session."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ..storage import StorageError, TurnRecord
from .edits import State
from .exclusions import NegativePrompt
from .interpreters import Interpretation
from .line_interpretation import InterpretedLines, LineInterpreter, interpret_first_lines, interpret_lines
from .questions import OpenQuestion
from .studio import Studio
from .turn_execution import feedback_lines

if TYPE_CHECKING:
    from PIL.Image import Image

_RECENT_TURNS = 3
"""How many turns the interpreter is told of."""


class TurnInterpreter:
    """Interprets the feedback of one session.

    `policies` are the names of the session's policies, `policy` has their exclusions as of turn 0.
    """

    def __init__(self, studio: Studio, session: str, policies: tuple[str, ...], policy: NegativePrompt) -> None:
        self._studio, self._session = studio, session
        self._policies, self._policy = policies, policy

    def state(self, turn: TurnRecord) -> State:
        """The state that the turn's picture was made from."""
        return State(turn.prompt, NegativePrompt.from_records(turn.exclusions), turn.seed, self._policy)

    def interpret(self, words: str, turn: TurnRecord) -> Interpretation:
        """Interpret one line of feedback on a turn's picture."""
        path = self._studio.store.path(self._session, turn.number, last=_RECENT_TURNS)
        state = replace(self.state(turn), recent=_recent(path))
        return self._studio.interpreter.interpret(words, state, self._picture(turn))

    def interpret_lines(self, lines: Sequence[str], turn: TurnRecord, number: int) -> InterpretedLines:
        """Interpret several lines of feedback on a turn's picture, in order, for the turn with this number."""
        interpreter = self.line_interpreter(turn, number)
        interpret_lines(lines, interpreter)
        return interpreter.finish()

    def line_interpreter(self, turn: TurnRecord, number: int, opened: OpenQuestion | None = None) -> LineInterpreter:
        """An interpreter of lines of feedback on a turn's picture, for the turn with this number.

        If a question is open, it goes on from that question.
        """
        path = self._studio.store.path(self._session, turn.number)
        picture = self._picture(turn)

        def interpret(words: str, state: State) -> Interpretation:
            return self._studio.interpreter.interpret(words, state, picture)

        recent = () if opened is None else _recent(path[-_RECENT_TURNS:])
        states = [self.state(earlier) for earlier in path]
        interpreter = LineInterpreter(states, number, interpret, self.check_prompt, recent)
        if opened is not None:
            interpreter.resume(opened)
        return interpreter

    def interpret_again(self, turn: TurnRecord) -> Interpretation:
        """Interpret a stored turn's words with today's interpreter, in the state they were said in.

        Raises:
            InvalidInputError: where a first prompt would be refused today.
        """
        lines = feedback_lines(turn)
        if turn.parent is None:
            blank = State("", self._policy, turn.seed, self._policy)
            return interpret_first_lines(lines, blank, self._studio.interpreter.interpret, self.check_prompt).said
        parent = self._studio.store.turn(self._session, turn.parent)
        if len(lines) == 1:
            return self.interpret(lines[0], parent)
        return self.interpret_lines(lines, parent, turn.number).said

    def check_prompt(self, prompt: str) -> None:
        """Raise `InvalidInputError` where one of the session's policies forbids the prompt."""
        self._studio.check_prompt(prompt, self._policies)

    def _picture(self, turn: TurnRecord) -> "Image | None":
        with suppress(StorageError):  # without its picture, a turn can still be described
            return self._studio.store.images.open(turn.sha256)
        return None


def _recent(path: Sequence[TurnRecord]) -> tuple[tuple[str, str], ...]:
    """Feedback and reply of turns, as interpreters get them."""
    return tuple((turn.feedback, turn.reply) for turn in path)

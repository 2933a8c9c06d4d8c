"""Interprets the lines of a feedback in order, and applies its other options to the state of the next picture."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import InvalidInputError
from .edits import MAX_PROMPT_CHARACTERS, Edit, Exclude, SetPrompt, State, Undo, apply
from .exclusions import read_negative
from .interpreters import Interpretation, Usage
from .interpreters.guards import acceptable_prompt
from .replies import describe
from .terms import to_one_line

MAX_LINES = 100
"""Maximum number of lines in one request: a language model may be called for each of them."""

_RECENT_LINES = 3
"""Number of earlier lines that an interpreter gets as context."""

Interpret = Callable[[str, State], Interpretation]
CheckPrompt = Callable[[str], None]
"""Raises `InvalidInputError` if a prompt is not allowed."""


@dataclass(frozen=True)
class Feedback:
    """Feedback on the current picture of a session.

    The `lines` are interpreted in order, each in the state after the previous one. Only the last state is drawn.
    The terms of the negative prompt `negative` are excluded too. `seed` and `steps` replace those of the current
    picture.
    """

    lines: tuple[str, ...]
    negative: str = ""
    seed: int | None = None
    steps: int | None = None

    def __str__(self) -> str:
        return join_lines(self.lines)

    def apply_to(
        self, interpretation: Interpretation, after: State, turn: int, words: str
    ) -> tuple[Interpretation, State]:
        """Add the negative prompt, the seed and the steps to the interpreted lines, their reply and their state."""
        excluded, deviations = exclusions_from_negative(self.negative)
        sentences = [describe(excluded, after), *deviations] if excluded else deviations
        after = apply(after, excluded, turn=turn, words=words)
        if self.seed is not None:
            after = replace(after, seed=self.seed)
            sentences.append(f"From seed {self.seed}.")
        if self.steps is not None:
            sentences.append(f"In {self.steps} steps.")
        if interpretation.edits or not sentences:
            sentences = [interpretation.reply, *sentences]
        edits = (*interpretation.edits, *excluded)
        return interpretation.model_copy(update={"edits": edits, "reply": " ".join(sentences)}), after


@dataclass(frozen=True)
class InterpretedLines:
    """The merged interpretation `said` of several lines, and the state after them.

    `kept` is the number of earlier states that the lines did not undo.
    """

    said: Interpretation
    state: State
    kept: int


def join_lines(lines: Iterable[str]) -> str:
    """Several lines as one, for records and logs."""
    return " / ".join(lines)


def exclusions_from_negative(negative: str) -> tuple[tuple[Edit, ...], list[str]]:
    """The edits for a negative prompt, and a sentence for each deviation from what is written."""
    terms, deviations = read_negative(negative)
    return tuple(Exclude(term=item.term, weight=item.weight) for item in terms), list(deviations)


def validate_text(text: str, name: str, hint: str) -> str:
    """The text on one line. Raises `InvalidInputError` if it is empty or too long."""
    words = to_one_line(text)
    if not words:
        raise InvalidInputError(f"the {name} is empty: {hint}")
    if len(words) > MAX_PROMPT_CHARACTERS:
        raise InvalidInputError(
            f"the {name} is too long: {len(words)} characters, and at most {MAX_PROMPT_CHARACTERS} are read"
        )
    return words


def count_undone_turns(edits: Iterable[Edit]) -> int:
    """The number of turns that these edits undo."""
    return sum(edit.turns for edit in edits if isinstance(edit, Undo))


def interpret_first_prompt(interpretation: Interpretation, words: str, blank: State) -> Interpretation:
    """Make sure that the first line of a session sets the prompt. If no edit does, the whole line is the prompt.

    Raises:
        InvalidInputError: if the line only excludes, or doesn't describe a picture.
    """
    if any(isinstance(edit, SetPrompt) for edit in interpretation.edits):
        return interpretation
    if any(isinstance(edit, Exclude) for edit in interpretation.edits):
        raise InvalidInputError(f"“{words}” only says what is not wanted: say what the picture should show, too")
    text = acceptable_prompt(words, blank, words)
    if text is None:
        raise InvalidInputError(f"“{words}” doesn't describe a picture: say what it should show")
    edits = (SetPrompt(text=text),)
    return interpretation.model_copy(update={"edits": edits, "reply": describe(edits, blank), "understood": True})


def interpret_first_lines(
    lines: Sequence[str], blank: State, interpret: Interpret, check: CheckPrompt
) -> InterpretedLines:
    """Interpret the lines of a new session: a first prompt, and feedback on the picture before it is drawn.

    Lines before the first prompt only exclude.

    Raises:
        InvalidInputError: if no line says what the picture should show.
    """
    state, interpretations = blank, list[Interpretation]()
    for k, line in enumerate(lines):
        interpretation = interpret(line, state)
        try:
            interpretation = interpret_first_prompt(interpretation, line, state)
        except InvalidInputError:
            if k + 1 == len(lines):
                raise
        state = apply(state, interpretation.edits, turn=0, words=line)
        interpretations.append(interpretation)
        if state.prompt:
            check(state.prompt)
            if rest := lines[k + 1 :]:
                interpreted = interpret_lines(rest, [state], 0, interpret, check)
                state = interpreted.state
                interpretations.append(interpreted.said)
            break
    edits = [edit for interpretation in interpretations for edit in interpretation.edits]
    return InterpretedLines(_merge_interpretations(edits, interpretations), state, 1)


def interpret_lines(
    lines: Sequence[str], before: Sequence[State], turn: int, interpret: Interpret, check: CheckPrompt
) -> InterpretedLines:
    """Interpret lines in order, each in the state after the previous one.

    `before` are the states that a line can undo to, oldest first; the last one is the current state. A refused line
    that is not the last one is skipped.

    Raises:
        InvalidInputError: if the last line is refused.
    """
    steps: list[_Step] = [(state, None) for state in before]
    answers: list[Interpretation] = []
    for k, line in enumerate(lines):
        recent = tuple((earlier, answer.reply) for earlier, answer in zip(lines, answers, strict=False))
        try:
            answer = _interpret_line(line, steps, recent[-_RECENT_LINES:], turn, interpret, check)
        except InvalidInputError as error:
            if k + 1 == len(lines):
                raise
            answer = Interpretation(reply=str(error))
        answers.append(answer)
    edits = [edit for _, line_edits in steps for edit in line_edits or ()]
    kept = sum(line_edits is None for _, line_edits in steps)
    return InterpretedLines(_merge_interpretations(edits, answers), steps[-1][0], kept)


_Step = tuple[State, tuple[Edit, ...] | None]
"""A state, and the edits of the line that led to it; None for a state from before the lines."""


def _interpret_line(
    line: str,
    steps: list[_Step],
    recent: tuple[tuple[str, str], ...],
    turn: int,
    interpret: Interpret,
    check: CheckPrompt,
) -> Interpretation:
    """Interpret a line; remove the steps that it undoes, then add a step if it changes the state."""
    interpretation = interpret(line, replace(steps[-1][0], recent=recent))
    back = count_undone_turns(interpretation.edits)
    if back >= len(steps):
        return interpretation.model_copy(update={"reply": "There is nothing to undo."})
    if back:
        del steps[-back:]
        if len(interpretation.edits) > 1:  # the other edits apply to the restored state
            interpretation = interpret(line, steps[-1][0])
    rest = tuple(edit for edit in interpretation.edits if not isinstance(edit, Undo))
    after = apply(steps[-1][0], rest, turn=turn, words=line)
    check(after.prompt)
    if after != steps[-1][0]:
        steps.append((after, rest))
    return interpretation


def _merge_interpretations(edits: Iterable[Edit], answers: Sequence[Interpretation]) -> Interpretation:
    """One interpretation with these edits, the last reply, and the raw answers and token usage of all."""
    return Interpretation(
        edits=tuple(edits),
        reply=answers[-1].reply,
        raw="\n".join(answer.raw for answer in answers if answer.raw) or None,
        understood=all(answer.understood for answer in answers),
        fallback=any(answer.fallback for answer in answers),
        usage=Usage.of(answers),
    )

"""Feedback before it is drawn: one line or several, read in order, and what else is asked of the next picture."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import InvalidInputError
from .edits import MAX_PROMPT_CHARACTERS, Edit, Exclude, SetPrompt, State, Undo, apply
from .exclusions import read_negative
from .interpreters import Interpretation, Usage
from .replies import describe
from .terms import to_one_line

MAX_LINES = 100
"""Lines that are read at once: a language model is asked about each of them."""

_RECENT_LINES = 3
"""How many lines back an interpreter is told of."""

Interpret = Callable[[str, State], Interpretation]
CheckPrompt = Callable[[str], None]
"""Raises `InvalidInputError` where a prompt is not allowed."""


@dataclass(frozen=True)
class Feedback:
    """What is asked of a session's next picture.

    Several `lines` are read in order, each in the state that the ones before it left, and only the last state is
    drawn. `negative` is a negative prompt whose terms are excluded besides; `seed` and `steps` replace those of the
    picture before.
    """

    lines: tuple[str, ...]
    negative: str = ""
    seed: int | None = None
    steps: int | None = None

    def __str__(self) -> str:
        return join_lines(self.lines)

    def apply_to(self, said: Interpretation, after: State, turn: int, words: str) -> tuple[Interpretation, State]:
        """What the lines came to, with the negative prompt, the seed and the steps, which the reply tells."""
        excluded, deviations = exclusions_from_negative(self.negative)
        told = [describe(excluded, after), *deviations] if excluded else deviations
        after = apply(after, excluded, turn=turn, words=words)
        if self.seed is not None:
            after = replace(after, seed=self.seed)
            told.append(f"From seed {self.seed}.")
        if self.steps is not None:
            told.append(f"In {self.steps} steps.")
        heard = [said.reply] if said.edits or not told else []
        return said.model_copy(update={"edits": (*said.edits, *excluded), "reply": " ".join([*heard, *told])}), after


@dataclass(frozen=True)
class InterpretedLines:
    """What lines come to: the state after them, and `kept`, how many of the states before them were not undone."""

    said: Interpretation
    state: State
    kept: int


def join_lines(lines: Iterable[str]) -> str:
    """Several lines as one, for records and logs."""
    return " / ".join(lines)


def exclusions_from_negative(negative: str) -> tuple[tuple[Edit, ...], list[str]]:
    """A negative prompt as edits, and what of it is done otherwise than it is written, a line each."""
    terms, deviations = read_negative(negative)
    return tuple(Exclude(term=each.term, weight=each.weight) for each in terms), list(deviations)


def validate_text(text: str, name: str, hint: str) -> str:
    """What somebody typed, on one line. Raises `InvalidInputError` where that is nothing, or too much."""
    words = to_one_line(text)
    if not words:
        raise InvalidInputError(f"the {name} is empty: {hint}")
    if len(words) > MAX_PROMPT_CHARACTERS:
        raise InvalidInputError(
            f"the {name} is too long: {len(words)} characters, and at most {MAX_PROMPT_CHARACTERS} are read"
        )
    return words


def count_undone_turns(edits: Iterable[Edit]) -> int:
    """How many turns edits go back."""
    return sum(edit.turns for edit in edits if isinstance(edit, Undo))


def interpret_first_prompt(interpretation: Interpretation, words: str, blank: State) -> Interpretation:
    """A first prompt is a description whatever it sounds like: where none was heard, it is taken whole.

    Raises:
        InvalidInputError: where it only says what the picture should not show.
    """
    if any(isinstance(edit, SetPrompt) for edit in interpretation.edits):
        return interpretation
    if any(isinstance(edit, Exclude) for edit in interpretation.edits):
        raise InvalidInputError(f"“{words}” only says what is not wanted: say what the picture should show, too")
    edits = (SetPrompt(text=words),)
    return interpretation.model_copy(update={"edits": edits, "reply": describe(edits, blank)})


def interpret_first_lines(
    lines: Sequence[str], blank: State, interpret: Interpret, check: CheckPrompt
) -> InterpretedLines:
    """What the lines of a new session come to: a first prompt, and feedback on what nobody has drawn yet.

    Earlier lines that can't be a prompt only exclude.

    Raises:
        InvalidInputError: where no line says what the picture should show.
    """
    state, heard = blank, list[Interpretation]()
    for k, line in enumerate(lines):
        said = interpret(line, state)
        try:
            said = interpret_first_prompt(said, line, state)
        except InvalidInputError:
            if k + 1 == len(lines):
                raise
        state = apply(state, said.edits, turn=0, words=line)
        heard.append(said)
        if state.prompt:
            check(state.prompt)
            if rest := lines[k + 1 :]:
                more = interpret_lines(rest, [state], 0, interpret, check)
                state = more.state
                heard.append(more.said)
            break
    return InterpretedLines(_merge_interpretations([edit for said in heard for edit in said.edits], heard), state, 1)


def interpret_lines(
    lines: Sequence[str], before: Sequence[State], turn: int, interpret: Interpret, check: CheckPrompt
) -> InterpretedLines:
    """What lines come to that are said one after the other; `before` are the states that can be gone back to.

    An earlier line that is refused is left out, as it was when it was said.

    Raises:
        InvalidInputError: where the last line is refused.
    """
    steps: list[_Step] = [(state, None) for state in before]
    answers: list[Interpretation] = []
    for k, line in enumerate(lines):
        recent = tuple((said, answer.reply) for said, answer in zip(lines, answers, strict=False))[-_RECENT_LINES:]
        try:
            answer = _interpret_line(line, steps, recent, turn, interpret, check)
        except InvalidInputError as error:
            if k + 1 == len(lines):
                raise
            answer = Interpretation(reply=str(error))
        answers.append(answer)
    edits = [edit for _, made in steps for edit in made or ()]
    return InterpretedLines(
        _merge_interpretations(edits, answers), steps[-1][0], sum(made is None for _, made in steps)
    )


_Step = tuple[State, tuple[Edit, ...] | None]
"""A state, and the edits that a line came to there; None for states that were there before."""


def _interpret_line(
    line: str,
    steps: list[_Step],
    recent: tuple[tuple[str, str], ...],
    turn: int,
    interpret: Interpret,
    check: CheckPrompt,
) -> Interpretation:
    """Read a line, and add its state to the steps, or go back in them."""
    said = interpret(line, replace(steps[-1][0], recent=recent))
    back = count_undone_turns(said.edits)
    if back >= len(steps):
        return said.model_copy(update={"reply": "There is nothing to undo."})
    if back:
        del steps[-back:]
        if len(said.edits) > 1:  # the rest was said of what it goes back to
            said = interpret(line, steps[-1][0])
    rest = tuple(edit for edit in said.edits if not isinstance(edit, Undo))
    after = apply(steps[-1][0], rest, turn=turn, words=line)
    check(after.prompt)
    if after != steps[-1][0]:
        steps.append((after, rest))
    return said


def _merge_interpretations(edits: Iterable[Edit], answers: Sequence[Interpretation]) -> Interpretation:
    """These edits, answered as the last line was."""
    return Interpretation(
        edits=tuple(edits),
        reply=answers[-1].reply,
        raw="\n".join(each.raw for each in answers if each.raw) or None,
        fallback=any(each.fallback for each in answers),
        usage=Usage.of(answers),
    )

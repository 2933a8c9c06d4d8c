"""Interprets lines of feedback in order, each in the state after the previous one, and answers to open questions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import InvalidInputError
from .answers import Answer, find_named_thing, is_exclusion, parse_answer
from .edits import Edit, Exclude, SetPrompt, State, Undo, apply
from .feedback import count_undone_turns
from .interpreters import Interpretation, Usage
from .interpreters.base import Question
from .interpreters.guards import acceptable_prompt
from .questions import LineEdits, OpenQuestion, answer_edits, is_answered, new_edits
from .replies import NOTHING, describe

_RECENT_LINES = 3
"""Number of earlier lines that an interpreter gets as context."""

Interpret = Callable[[str, State], Interpretation]
CheckPrompt = Callable[[str], None]
"""Raises `InvalidInputError` if a prompt is not allowed."""


@dataclass(frozen=True)
class InterpretedLines:
    """The merged interpretation `said` of several lines, and the state after them.

    `kept` is the number of earlier states that the lines did not undo, `lines` has the edits of each line that changed
    the state. If a question is open, `asking` is the interpretation of the line `asked_line`, and `lines` has the edits
    of the others.
    """

    said: Interpretation
    state: State
    kept: int
    lines: tuple[LineEdits, ...] = ()
    asking: Interpretation | None = None
    asked_line: str = ""


@dataclass(frozen=True)
class _Step:
    """A state, and the line that led to it; None for a state from before the lines."""

    state: State
    line: LineEdits | None = None


class LineInterpreter:
    """Interprets lines one by one.

    `before` are the states that a line can undo to, oldest first; the last one is the current state. `turn` is the
    number of the turn that is made of the lines, and `recent` has feedback and replies before them.
    """

    def __init__(
        self,
        before: Sequence[State],
        turn: int,
        interpret: Interpret,
        check: CheckPrompt,
        recent: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._steps = [_Step(state) for state in before]
        self._turn, self._interpret_line, self._check = turn, interpret, check
        self._recent = list(recent)
        self._answers: list[Interpretation] = []
        self._asked_line: str | None = None
        """The line whose question is open: the last one."""

    def resume(self, opened: OpenQuestion) -> None:
        """Go back to where a question was asked."""
        del self._steps[len(self._steps) - opened.undone :]
        for line in opened.earlier:
            self._apply(line.words, line.edits)
        self._ask(opened.line, opened.asking.model_copy(update={"usage": None}))  # it was reported then

    def add_line(self, line: str) -> None:
        """Interpret a line: as an answer, if a question is open and the line answers it.

        Raises:
            InvalidInputError: if a policy forbids the prompt that the line sets.
        """
        if self._question is not None and (answer := parse_answer(line, self._question)) is not None:
            self.add_answer(line, answer)
        else:
            self._add_feedback(line)

    def add_answer(self, words: str, answer: Answer) -> None:
        """Answer the open question. An answer that doesn't decide it leaves it open."""
        question, feedback = self._question, self._asked_line
        if question is None or feedback is None or not is_answered(question, answer):
            return
        asking, self._asked_line = self._answers[-1], None
        before, edits = self._state, answer_edits(question, answer)
        self._apply(feedback, edits)
        reply = describe(edits, before) if edits else NOTHING
        self._answers[-1] = asking.model_copy(update={"question": None, "edits": edits, "reply": reply})
        if words:
            self._recent.append((words, reply))
        if answer.rest:
            rest = self._interpret_rest(answer, question)
            rest = rest.model_copy(update={"edits": tuple(new_edits(rest.edits, edits))})
            self._add_interpretation(words, rest, reply if edits else "")

    def drop_question(self) -> None:
        """Close the open question without an answer: only the edits that were not in doubt are made."""
        if self._question is not None:
            self.add_answer("", Answer(yes=False))

    def add_edits(self, edits: tuple[Edit, ...]) -> str:
        """Make edits that need no interpretation, and return them in words."""
        reply = describe(edits, self._state)
        said = self._answers[-1].reply if self._answers and self._answers[-1].edits else ""
        self._add_interpretation(reply, Interpretation(edits=edits, reply=reply), said)
        return reply

    def skip_line(self, line: str, reason: str) -> None:
        """Record that a line was refused."""
        self._asked_line = None
        self._answers.append(Interpretation(reply=reason))
        self._recent.append((line, self._answers[-1].reply))

    def finish(self) -> InterpretedLines:
        """What the lines come to."""
        lines = tuple(step.line for step in self._steps if step.line is not None)
        return InterpretedLines(
            _merge_interpretations((edit for line in lines for edit in line.edits), self._answers),
            self._state,
            len(self._steps) - len(lines),
            lines,
            None if self._asked_line is None else self._answers[-1],
            self._asked_line or "",
        )

    @property
    def _state(self) -> State:
        return self._steps[-1].state

    @property
    def _question(self) -> Question | None:
        return None if self._asked_line is None else self._answers[-1].question

    def _ask(self, line: str, interpretation: Interpretation) -> None:
        if interpretation.question is not None:
            self._asked_line = line
            text = interpretation.question.text
            self._answers.append(interpretation.model_copy(update={"edits": (), "reply": text}))
            self._recent.append((line, text))

    def _interpret(self, line: str) -> Interpretation:
        return self._interpret_line(line, replace(self._state, recent=tuple(self._recent[-_RECENT_LINES:])))

    def _interpret_rest(self, answer: Answer, question: Question) -> Interpretation:
        """Interpret what follows an answer. What is named instead is excluded instead: "no, the hat"."""
        thing = find_named_thing(answer.rest) if not answer.yes and is_exclusion(question) else None
        return self._interpret(answer.rest if thing is None else f"no {thing}")

    def _add_feedback(self, line: str) -> None:
        """Interpret a line that answers no question. What was not in doubt before is applied, unless it undoes it."""
        length, said = len(self._steps), ""
        if self._question is not None:
            self.drop_question()
            said = self._answers[-1].reply if self._answers[-1].edits else ""
        interpretation = self._interpret(line)
        if count_undone_turns(interpretation.edits) and len(self._steps) > length:
            del self._steps[length:]
            said = ""
        self._add_interpretation(line, interpretation, said)

    def _add_interpretation(self, line: str, interpretation: Interpretation, said: str) -> None:
        """Apply an interpretation; `said` replies to what was applied just before."""
        if interpretation.question is not None:
            self._ask(line, interpretation)
            return
        back = count_undone_turns(interpretation.edits)
        if back >= len(self._steps):
            interpretation = interpretation.model_copy(update={"reply": "There is nothing to undo."})
        else:
            if back and len(interpretation.edits) > 1:  # the other edits apply to the restored state
                del self._steps[-back:]
                interpretation = self._interpret(line)
                if interpretation.question is not None:
                    self._ask(line, interpretation)
                    return
                self._apply(line, tuple(edit for edit in interpretation.edits if not isinstance(edit, Undo)))
            else:
                self._apply(line, interpretation.edits)
            if said and (interpretation.edits or interpretation.reply != NOTHING):
                interpretation = interpretation.model_copy(update={"reply": f"{said} {interpretation.reply}"})
            elif said:
                interpretation = interpretation.model_copy(update={"reply": said})
        self._answers.append(interpretation)
        self._recent.append((line, interpretation.reply))

    def _apply(self, words: str, edits: tuple[Edit, ...]) -> None:
        """Remove the steps that the edits undo; add a step if the others change the state."""
        back = count_undone_turns(edits)
        if 0 < back < len(self._steps):
            del self._steps[-back:]
        rest = tuple(edit for edit in edits if not isinstance(edit, Undo))
        after = apply(self._state, rest, turn=self._turn, words=words)
        self._check(after.prompt)
        if after != self._state:
            self._steps.append(_Step(after, LineEdits(words, rest)))


def interpret_first_prompt(interpretation: Interpretation, words: str, blank: State) -> Interpretation:
    """Make sure that the first line of a session sets the prompt. If no edit does, the whole line is the prompt.

    Nobody can be asked before the first picture: only what is not in doubt counts.

    Raises:
        InvalidInputError: if the line only excludes, or doesn't describe a picture.
    """
    if (question := interpretation.question) is not None:
        changes = {"question": None, "edits": question.otherwise, "reply": describe(question.otherwise, blank)}
        interpretation = interpretation.model_copy(update=changes)
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
                interpreter = LineInterpreter([state], 0, interpret, check)
                interpret_lines(rest, interpreter)
                interpreter.drop_question()
                interpreted = interpreter.finish()
                state = interpreted.state
                interpretations.append(interpreted.said)
            break
    edits = [edit for interpretation in interpretations for edit in interpretation.edits]
    return InterpretedLines(_merge_interpretations(edits, interpretations), state, 1)


def interpret_lines(lines: Sequence[str], interpreter: LineInterpreter) -> None:
    """Interpret lines in order. A refused line that is not the last one is skipped.

    Raises:
        InvalidInputError: if the last line is refused.
    """
    for k, line in enumerate(lines):
        try:
            interpreter.add_line(line)
        except InvalidInputError as error:
            if k + 1 == len(lines):
                raise
            interpreter.skip_line(line, str(error))


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

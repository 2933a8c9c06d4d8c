"""`Conversation`: a person and a picture, turn by turn.

Feedback is interpreted as edits, the edits are applied to the state, the state becomes a request, the request a
picture, and all of it is stored as a turn. A turn is recorded before it is drawn, so that no words are lost. A turn
that fails or is cancelled leaves the session as it was, and can be retried.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Self

from ..errors import InvalidInputError
from ..generation import GenerationRequest
from ..storage import (
    Attempt,
    IdempotencyKey,
    NewQuestion,
    QuestionClosedError,
    SessionRecord,
    StorageError,
    TurnRecord,
    UnknownSessionError,
)
from .answers import format_answer, parse_answer, to_answer
from .commands import Change, EditCommand, SayCommand, SeedCommand, StartCommand, commands_adapter
from .edits import Confirm, Edit, State, UserEdit, apply
from .exclusion_audit import DEFAULT_LIMIT, AuditResult, ExclusionAudit
from .exclusions import NegativePrompt
from .feedback import MAX_LINES, Feedback, count_undone_turns, validate_text
from .interpreters import Interpretation
from .line_interpretation import InterpretedLines, LineInterpreter, interpret_lines
from .next_turn import CheckRequest, StateChange, build_next_turn
from .pins import PinRequest, change_pins, dump_pins, find_pinned, load_pins, read_pins
from .questions import NoQuestionError, OpenQuestion
from .replies import describe
from .session_start import SessionOptions, begin_session
from .source_picture import PictureLike, SourcePicture, find_own_turn
from .studio import OnStep, Studio
from .terms import normalize_term, to_one_line
from .turn_execution import describe_interpreter, dump_edits, end_turn, run_turn
from .turn_interpretation import TurnInterpreter
from .verification import VerifyOptions

Turn = TurnRecord
"""A finished turn; after feedback that changed nothing, the turn that is still shown, with that feedback.

`question` is what the user is asked, if the feedback is in doubt: the answer makes the next turn.
"""

CheckOptions = Callable[[SessionOptions], SessionOptions]
"""Checks the options of a new session, and returns those that are used."""

AfterRefusal = Literal["fail", "refuse", "drop"]


class Conversation:
    """One session of a studio.

    Its methods raise `NotthatError`, with a line for the user, and then have changed nothing.
    """

    def __init__(self, session: SessionRecord, studio: Studio) -> None:
        self.id = session.id
        self.studio = studio
        self.check: CheckRequest = lambda request: None
        """Called with a turn's request before the turn is recorded."""
        self._policies = session.policies
        self.head: Turn = studio.store.turn(session.id)
        first = NegativePrompt.from_records(studio.store.turn(session.id, 0).exclusions)
        policy = first.only_locked()  # as of turn 0: a policy's pack may change or be deleted later
        self._interpreter = TurnInterpreter(studio, session.id, session.policies, policy)

    @classmethod
    def start(
        cls,
        prompt: str,
        studio: Studio | None = None,
        *,
        negative: str = "",
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        policies: Iterable[str] = (),
        model: str | None = None,
        request: Mapping[str, Any] | None = None,
        verification: VerifyOptions | bool | None = None,
        picture: PictureLike | SourcePicture | None = None,
        strength: float | None = None,
        mask: PictureLike | None = None,
        on_step: OnStep | None = None,
    ) -> Self:
        """A new session with its first picture; what the prompt says is not wanted is excluded.

        `negative` is a negative prompt whose terms are excluded besides. What is None is the model's default, and
        the seed is drawn. `request` names further values of a `GenerationRequest`, such as its `method` or `loras`.
        With `verification`, judges look at every picture of the session; None is the default of the settings.

        With `picture`, every turn starts from that picture instead of from noise; `strength`, from 0 to 1, is how much
        of it may change (0.6), and `mask` is white where it may. A picture that one of this studio's sessions has
        drawn is taken like any other; `continue_from` goes on with its session instead.
        """
        if picture is None and (strength is not None or mask is not None):
            raise InvalidInputError("--strength and --mask are about a picture to start from: give --from too")
        source = _to_source(picture, strength, mask)
        beginning = SessionOptions(
            prompt,
            negative=negative,
            seed=seed,
            steps=steps,
            guidance=guidance,
            policies=tuple(policies),
            model=model,
            request=request,
            verification=verification,
        )
        studio = studio or Studio.open()
        if source is not None:
            beginning = replace(beginning, source=source.save(studio.store))
        return cls.from_turn(run_turn(studio, begin_session(beginning, studio), on_step), studio)

    @classmethod
    def continue_from(
        cls, picture: PictureLike, studio: Studio | None = None, *, owner: str | None = None
    ) -> Self | None:
        """The conversation at the turn that drew a picture, recognised by its pixels; None if no session did.

        Saving the picture again without loss does not matter. With `owner`, only that key's sessions count.
        """
        studio = studio or Studio.open()
        turn = find_own_turn(studio.store, SourcePicture.read(picture).image, owner)
        return None if turn is None else cls.open(turn.session, studio, turn=turn.number)

    @classmethod
    def from_turn(cls, turn: Turn, studio: Studio) -> Self:
        """The conversation of a turn, which goes on from it."""
        conversation = cls(studio.store.session(turn.session), studio)
        conversation.head = turn
        return conversation

    @classmethod
    def open(cls, session: str, studio: Studio | None = None, *, turn: int | None = None) -> Self:
        """Go on with a session: from its head, or from a `turn` that becomes no head before another grows from it."""
        studio = studio or Studio.open()
        conversation = cls(studio.store.session(session), studio)
        if turn is not None:
            conversation.head = studio.store.turn(session, turn)
        return conversation

    @classmethod
    def retry(
        cls, session: str, studio: Studio | None = None, *, turn: int | None = None, on_step: OnStep | None = None
    ) -> Self:
        """Draw a turn again that came to no picture, by default the session's latest, from what was recorded of it."""
        studio = studio or Studio.open()
        prepared = prepare_recorded(studio, studio.store.attempts.retry(session, turn))
        return cls.from_turn(run_turn(studio, prepared, on_step) if isinstance(prepared, Attempt) else prepared, studio)

    @property
    def state(self) -> State:
        """What the picture at the head was made from."""
        return self._interpreter.state(self.head)

    def say(self, feedback: str | Feedback, on_step: OnStep | None = None) -> Turn:
        """Say what is wrong with the picture; the next turn, or the same one where nothing was asked.

        A new turn keeps the seed, so that only what was asked for changes. If it is in doubt what is meant, nothing is
        drawn: the turn has a `question`, which `confirm` or the next feedback ("yes", "no, the hat") answers.
        """
        said = Feedback((feedback,)) if isinstance(feedback, str) else feedback
        return self._run_prepared(self.prepare(SayCommand(feedback=said)), on_step)

    def confirm(self, yes: bool = True, *, choice: int | None = None, on_step: OnStep | None = None) -> Turn:
        """Answer the open question: the next turn, or the same one where the answer changes nothing.

        If the question asks for a choice, `choice` is the index of the chosen edit.

        Raises:
            NoQuestionError: if no question is open.
        """
        return self.edit([Confirm(yes=yes, choice=choice)], on_step)

    def edit(self, edits: Iterable[UserEdit], on_step: OnStep | None = None) -> Turn:
        """Change what is excluded or wanted by edits instead of words; the next turn, as `say` gives it."""
        return self._run_prepared(self.prepare(EditCommand(edits=tuple(edits))), on_step)

    def prepare(self, change: Change, recorded: Attempt | None = None) -> Turn | Attempt:
        """Do what `say`, `edit` and `seed` do, except for drawing.

        Returns a pending turn for `turn_execution.run_turn`, or the turn that is shown where nothing is to be drawn.
        If the change is `recorded` already, that becomes the turn, or is removed.
        """
        while True:
            try:
                return self._prepare(change, recorded)
            except QuestionClosedError:  # another process answered it meanwhile: the change is about what is open now
                continue

    def undo(self, turns: int = 1, receipt: IdempotencyKey | None = None) -> Turn:
        """Go back; the turn that is shown now. What came after stays in the session, off to the side."""
        if turns < 1:
            raise InvalidInputError("--turns: at least 1")
        ancestor = self._find_ancestor(turns)
        if ancestor is None:
            raise InvalidInputError(self._explain_undo_failure(turns))
        return self.branch(ancestor.number, receipt)

    def branch(self, turn: int, receipt: IdempotencyKey | None = None) -> Turn:
        """Go on from this turn; the next one grows from it."""
        self.head = self.studio.store.move_head(self.id, turn, receipt)
        return self.head

    def seed(self, seed: int, on_step: OnStep | None = None) -> Turn:
        """The same again from this seed."""
        return self._run_prepared(self.prepare(SeedCommand(seed=seed)), on_step)

    def set_verification(self, options: VerifyOptions | bool | None) -> None:
        """Verify the session's next turns in this way; None or False: not at all."""
        self.studio.store.set_verification(self.id, VerifyOptions.to_record(options))

    def audit(self, limit: int = DEFAULT_LIMIT, on_step: OnStep | None = None) -> Iterator[AuditResult]:
        """Draw the head again without each of its exclusions, the latest `limit` of them, and compare; stores nothing.

        The pictures are drawn while the results are iterated, each from the turn's seed.
        """
        return ExclusionAudit(self.studio, self.head, limit).results(on_step)

    def interpret_again(self, turn: Turn) -> Interpretation:
        """Interpret a turn's words with today's interpreter, in the state they were said in.

        Raises:
            InvalidInputError: where a first prompt would be refused today.
        """
        return self._interpreter.interpret_again(turn)

    def refresh(self) -> Turn:
        """Go on from what the session shows now, whoever made it."""
        self.head = self.studio.store.turn(self.id)
        return self.head

    def turns(self) -> list[Turn]:
        """Every turn of the session, in order of creation."""
        return self.studio.store.turns(self.id)

    def _prepare(self, change: Change, recorded: Attempt | None) -> Turn | Attempt:
        opened = self._find_question()
        match change:
            case SayCommand():
                return self._prepare_feedback(change, opened, recorded)
            case EditCommand():
                return self._prepare_edits(change, opened, recorded)
            case SeedCommand() if opened is not None:
                lines = self._line_interpreter(opened, recorded)
                lines.drop_question()
                said = Feedback((f"seed {change.seed}",), seed=change.seed)
                return self._finish_lines(said, lines, opened, recorded)
            case SeedCommand():
                return self._prepare_seed(change.seed, recorded)

    def _run_prepared(self, prepared: Turn | Attempt, on_step: OnStep | None) -> Turn:
        if isinstance(prepared, Attempt):
            self.head = prepared = run_turn(self.studio, prepared, on_step)
        return prepared

    def _prepare_feedback(
        self, command: SayCommand, opened: OpenQuestion | None, recorded: Attempt | None
    ) -> Turn | Attempt:
        feedback = command.feedback
        if len(feedback.lines) > MAX_LINES:
            raise InvalidInputError(
                f"{len(feedback.lines)} lines of feedback are too many: send at most {MAX_LINES} lines at once"
            )
        lines = tuple(validate_text(line, "feedback", "say what is wrong with the picture") for line in feedback.lines)
        feedback = replace(feedback, lines=lines)
        if opened is not None:
            return self._prepare_with_question(feedback, opened, recorded, is_history=command.turn is not None)
        return self._prepare_lines(feedback, None, recorded)

    def _prepare_with_question(
        self, feedback: Feedback, opened: OpenQuestion, recorded: Attempt | None, *, is_history: bool
    ) -> Turn | Attempt:
        """Prepare feedback while a question is open.

        With `is_history`, the feedback has all lines since the turn: a question about other lines is dropped, because
        they were replaced.
        """
        asked = opened.feedback.lines
        rest = feedback.lines[len(asked) :] if feedback.lines[: len(asked)] == asked else feedback.lines
        if not rest:  # the same feedback again
            return self._ask(opened, recorded)
        is_replaced = is_history and rest == feedback.lines and parse_answer(rest[0], opened.question) is None
        if is_replaced:
            return self._prepare_lines(feedback, None, recorded, answers=opened.id)
        return self._prepare_lines(replace(feedback, lines=rest), opened, recorded, answers=opened.id)

    def _prepare_lines(
        self, feedback: Feedback, opened: OpenQuestion | None, recorded: Attempt | None, answers: str | None = None
    ) -> Turn | Attempt:
        """Several lines at once make one turn; its parent is the earliest turn that they go back to."""
        if opened is None and len(feedback.lines) == 1:
            return self._prepare_line(feedback, recorded, answers)
        lines = self._line_interpreter(opened, recorded)
        interpret_lines(feedback.lines, lines)
        return self._finish_lines(feedback, lines, opened, recorded, answers)

    def _prepare_line(self, feedback: Feedback, recorded: Attempt | None, answers: str | None) -> Turn | Attempt:
        words = str(feedback)
        interpretation = self._interpreter.interpret(words, self.head)
        if interpretation.question is not None:
            return self._ask(OpenQuestion(id=answers, feedback=feedback, line=words, asking=interpretation), recorded)
        undone = count_undone_turns(interpretation.edits)
        parent = self._find_ancestor(undone)
        if parent is None:
            return self._refuse_undo(words, interpretation, undone, recorded, answers)
        if undone and len(interpretation.edits) > 1:  # the other edits are about the picture that it goes back to
            interpretation = self._interpreter.interpret(words, parent)
        return self._apply_feedback(feedback, interpretation, None, parent, recorded, answers)

    def _line_interpreter(self, opened: OpenQuestion | None, recorded: Attempt | None) -> LineInterpreter:
        return self._interpreter.line_interpreter(self.head, self._next_number(recorded), opened)

    def _finish_lines(
        self,
        feedback: Feedback,
        lines: LineInterpreter,
        opened: OpenQuestion | None,
        recorded: Attempt | None,
        answers: str | None = None,
    ) -> Turn | Attempt:
        """Make the turn of interpreted lines, or ask, if the last one is in doubt."""
        if opened is not None:
            feedback, answers = opened.feedback.followed_by(feedback), opened.id
        done, path = lines.finish(), self.studio.store.path(self.id, self.head.number)
        if done.asking is not None:
            undone = len(path) - done.kept
            asked = OpenQuestion(
                id=answers,
                feedback=feedback,
                line=done.asked_line,
                asking=done.asking,
                undone=undone,
                earlier=done.lines,
            )
            return self._ask(asked, recorded)
        return self._apply_feedback(feedback, done.said, done, path[done.kept - 1], recorded, answers)

    def _ask(self, question: OpenQuestion, recorded: Attempt | None) -> Turn:
        """Ask instead of drawing; the question replaces the one of its id."""
        self._show(self.head, recorded, question.id, question.to_record(self.head.number))
        said = question.asking.model_copy(update={"edits": (), "reply": question.question.text})
        return self._answer(str(question.feedback), said, is_interpreted=True)

    def _find_question(self) -> OpenQuestion | None:
        """The session's open question, if it is about the picture at the head."""
        record = self.studio.store.questions.find(self.id)
        if record is not None and record.turn != self.head.number:
            record = None
        self.head = replace(self.head, question=None if record is None else record.question)
        return None if record is None else OpenQuestion.from_record(record)

    def _apply_feedback(
        self,
        feedback: Feedback,
        interpretation: Interpretation,
        lines: InterpretedLines | None,
        parent: Turn,
        recorded: Attempt | None,
        answers: str | None,
    ) -> Turn | Attempt:
        """Apply an interpretation to the state at `parent`, then the feedback's own negative prompt, seed and steps."""
        number, words = self._next_number(recorded), str(feedback)
        before = self._interpreter.state(parent)
        after = lines.state if lines else apply(before, interpretation.edits, turn=number, words=words)
        interpretation, after = feedback.apply_to(interpretation, after, number, words)
        steps = parent.request["num_inference_steps"] if feedback.steps is None else feedback.steps
        change = StateChange(parent, number, words, interpretation, before, after, steps, feedback.lines)
        return self._prepare_change(self._with_pins(change, feedback.lines), recorded, answers)

    def _with_pins(self, change: StateChange, lines: Sequence[str] = ()) -> StateChange:
        """The change with the session's pins, after what its lines say about them."""
        before = load_pins(self.studio.store.session(self.id).pins)
        requests = [read_pins(line, change.parent.number) for line in lines]
        asked = PinRequest(
            tuple(pin for each in requests for pin in each.pins if pin.term not in change.before.negative),
            tuple(term for each in requests for term in each.released),
        )
        new = [exclusion.term for exclusion in change.after.negative if exclusion.term not in change.before.negative]
        lost: tuple[str, ...] = ()
        if asked.pins:
            picture = self.studio.store.images.open(change.parent.sha256)
            judges = self.studio.judges((), str(change.parent.request["model"]))
            asked, lost = find_pinned(picture, asked, judges)
        changed = change_pins(before, asked, excluded=new, has_edits=change.has_effect)
        if changed.pins != before:
            self.studio.store.set_pins(self.id, dump_pins(changed.pins))
            self.head = replace(self.head, pins=dump_pins(changed.pins))
        said = change.interpretation
        if changed.lines or lost:
            is_only_about_pins = bool(changed.lines) and not change.has_effect
            reply = " ".join([*([] if is_only_about_pins else [said.reply]), *changed.lines, *lost])
            said = said.model_copy(update={"reply": reply})
        return replace(change, interpretation=said, pins=changed.active)

    def release(self, term: str) -> Turn:
        """Release a pin, so that its part of the picture may change; the turn that is shown.

        Raises:
            InvalidInputError: if nothing is pinned by this name.
        """
        pins = load_pins(self.head.pins)
        left = [pin for pin in pins if normalize_term(pin.term) != normalize_term(term)]
        if len(left) == len(pins):
            raise InvalidInputError(f"“{term}” is not pinned")
        self.studio.store.set_pins(self.id, dump_pins(left))
        return self.refresh()

    def _prepare_edits(
        self, command: EditCommand, opened: OpenQuestion | None, recorded: Attempt | None
    ) -> Turn | Attempt:
        confirms = [edit for edit in command.edits if isinstance(edit, Confirm)]
        edits = tuple(edit for edit in command.edits if not isinstance(edit, Confirm))
        if len(confirms) > 1:
            raise InvalidInputError("a question has one answer: send “confirm” once")
        if confirms and opened is None:
            raise NoQuestionError
        if opened is None:
            return self._apply_edits(edits, recorded)
        if command.keep_question:
            return self._ask(opened, recorded)
        if not confirms and count_undone_turns(edits):
            return self._apply_edits(edits, recorded, opened.id)
        lines, words = self._line_interpreter(opened, recorded), list[str]()
        for confirm in confirms:
            answer = to_answer(confirm, opened.question)
            words.append(format_answer(answer, opened.question))
            lines.add_answer(words[-1], answer)
        lines.drop_question()
        if edits:
            words.append(lines.add_edits(edits))
        return self._finish_lines(Feedback(tuple(words)), lines, opened, recorded)

    def _apply_edits(
        self, edits: tuple[Edit, ...], recorded: Attempt | None, answers: str | None = None
    ) -> Turn | Attempt:
        undone = count_undone_turns(edits)
        parent = self._find_ancestor(undone)
        before = self._interpreter.state(parent or self.head)
        interpretation = Interpretation(edits=edits, reply=describe(edits, before))
        words = to_one_line(interpretation.reply)
        if parent is None:
            return self._refuse_undo(words, interpretation, undone, recorded, answers, is_interpreted=False)
        number = self._next_number(recorded)
        after = apply(before, edits, turn=number, words=words)
        steps = parent.request["num_inference_steps"]
        change = StateChange(parent, number, words, interpretation, before, after, steps, is_interpreted=False)
        return self._prepare_change(self._with_pins(change), recorded, answers)

    def _prepare_seed(self, seed: int, recorded: Attempt | None) -> Turn | Attempt:
        before, steps = self.state, self.head.request["num_inference_steps"]
        interpretation = Interpretation(reply=f"From seed {seed}.")
        change = StateChange(
            self.head,
            self._next_number(recorded),
            f"seed {seed}",
            interpretation,
            before,
            replace(before, seed=seed),
            steps,
            is_interpreted=False,
        )
        return self._prepare_change(self._with_pins(change), recorded)

    def _prepare_change(
        self, change: StateChange, recorded: Attempt | None, answers: str | None = None
    ) -> Turn | Attempt:
        """Record the turn that a change makes; where it makes none, show the turn that it goes back to."""
        if change.has_effect:
            self._interpreter.check_prompt(change.after.prompt)
            turn = build_next_turn(self.studio, change, self._policies, self.check)
            attempts = self.studio.store.attempts
            if recorded is None:
                return attempts.begin(self.id, turn, answers=answers)
            return attempts.prepare(recorded, turn, answers=answers)
        self._show(change.parent, recorded, answers)
        return self._answer(change.words, change.interpretation, change.is_interpreted)

    def _refuse_undo(
        self,
        words: str,
        interpretation: Interpretation,
        turns: int,
        recorded: Attempt | None,
        answers: str | None,
        *,
        is_interpreted: bool = True,
    ) -> Turn:
        reply = self._explain_undo_failure(turns)
        self._show(self.head, recorded, answers)
        return self._answer(words, interpretation.model_copy(update={"edits": (), "reply": reply}), is_interpreted)

    def _show(
        self, turn: Turn, recorded: Attempt | None, answers: str | None = None, asks: NewQuestion | None = None
    ) -> None:
        """Make a turn the head, if it is not; a recorded command is answered by it in the same transaction.

        `answers` is the id of the question that is closed, `asks` is a question that is opened.
        """
        store, moves_head = self.studio.store, turn.number != self.head.number
        if recorded is not None:
            store.attempts.settle(recorded, turn.number, moves_head=moves_head, answers=answers, asks=asks)
        elif moves_head:
            store.move_head(self.id, turn.number)
        elif answers is not None or asks is not None:
            store.questions.replace(self.id, answers, asks)
        self.head = replace(turn, question=None if asks is None else asks.question, pins=self.head.pins)

    def _answer(self, words: str, interpretation: Interpretation, is_interpreted: bool) -> Turn:
        """The turn that is shown, with words that made no new one, and the reply to them."""
        interpreter = describe_interpreter(self.studio, interpretation) if is_interpreted else None
        return replace(
            self.head,
            feedback=words,
            edits=dump_edits(interpretation.edits),
            reply=interpretation.reply,
            provenance={**(self.head.provenance or {}), "interpreter": interpreter},
        )

    def _next_number(self, recorded: Attempt | None) -> int:
        """The number that the next turn is expected to have, or the one that it is recorded under."""
        return self.studio.store.next_number(self.id) if recorded is None else recorded.turn.number

    def _find_ancestor(self, turns: int) -> Turn | None:
        """The turn this many turns before the head; None where there are fewer."""
        if turns == 0:
            return self.head
        path = self.studio.store.path(self.id, self.head.number, last=turns + 1)
        return path[0] if len(path) == turns + 1 else None

    def _explain_undo_failure(self, turns: int) -> str:
        depth = len(self.studio.store.path(self.id, self.head.number)) - 1
        if depth == 0:
            return "There is nothing to undo: this is the first picture."
        return f"Only {depth} turn{'s' if depth > 1 else ''} can be undone, not {turns}."


def _to_source(
    picture: PictureLike | SourcePicture | None, strength: float | None, mask: PictureLike | None
) -> SourcePicture | None:
    if picture is None or isinstance(picture, SourcePicture):
        return picture
    return SourcePicture.read(picture, strength, mask)


def prepare_recorded(
    studio: Studio,
    attempt: Attempt,
    check_options: CheckOptions = lambda options: options,
    check: CheckRequest = lambda request: None,
    *,
    refusals: tuple[type[Exception], ...] = (InvalidInputError,),
    after_refusal: AfterRefusal = "fail",
) -> Turn | Attempt:
    """Interpret a recorded command: a turn for `turn_execution.run_turn`, or the shown turn where nothing changes.

    Where this raises, the attempt is recorded as failed. If one of `refusals` is raised, it is recorded as failed or as
    refused, or deleted (`after_refusal`). `check_options` checks the options of a new session and fills in the model's
    defaults within the caller's limits; `check` raises where a picture may not be drawn.
    """
    try:
        return _run_command(studio, attempt, check_options, check)
    except BaseException as error:
        is_settled = isinstance(error, refusals) and _settle_refusal(studio, attempt, after_refusal, str(error))
        if not is_settled:
            end_turn(studio, attempt, "failed", str(error) or type(error).__name__)
        raise


def _settle_refusal(studio: Studio, attempt: Attempt, how: AfterRefusal, reason: str) -> bool:
    """Delete a refused attempt or keep its reason; False where it is to be recorded as failed.

    That is so, too, where the database doesn't answer or another process ended it.
    """
    if how == "fail":
        return False
    try:
        if how == "refuse":
            studio.store.attempts.refuse(attempt, reason)
        else:
            studio.store.attempts.drop(attempt)
    except (StorageError, UnknownSessionError):
        return False
    return True


def _run_command(studio: Studio, attempt: Attempt, check_options: CheckOptions, check: CheckRequest) -> Turn | Attempt:
    if attempt.command is None:  # it was interpreted before: a retry
        check(GenerationRequest.create(**attempt.turn.request))
        return attempt
    command = commands_adapter.validate_python(attempt.command)
    if isinstance(command, StartCommand):
        return begin_session(check_options(command.options), studio, attempt)
    turn = command.turn if isinstance(command, SayCommand) else None
    conversation = Conversation.open(attempt.session, studio, turn=turn)
    conversation.check = check
    return conversation.prepare(command, attempt)

"""`Conversation`: a person and a picture, turn by turn.

What is said is interpreted as edits, the edits are applied to the state, the state becomes a request,
the request a picture, and all of it is stored as a turn. That is recorded before it is drawn, so that no
words are lost; a turn that fails or is cancelled leaves the session as it was, and can be retried.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

from ..errors import InvalidInputError
from ..generation import GenerationRequest
from ..storage import Attempt, IdempotencyKey, SessionRecord, StorageError, TurnRecord
from .commands import Change, EditCommand, SayCommand, SeedCommand, StartCommand, commands_adapter
from .edits import Edit, State, apply
from .exclusion_effects import negative_effect
from .exclusions import Exclusion, NegativePrompt
from .feedback import (
    MAX_LINES,
    Feedback,
    InterpretedLines,
    count_undone_turns,
    interpret_first_lines,
    interpret_lines,
    validate_text,
)
from .interpreters import Interpretation
from .replies import describe
from .session_start import SessionOptions, begin_session
from .studio import OnStep, Studio
from .terms import to_one_line
from .turn_execution import (
    build_turn,
    collect_provenance,
    describe_interpreter,
    dump_edits,
    end_turn,
    feedback_lines,
    run_turn,
    warnings_for,
)

if TYPE_CHECKING:
    from PIL.Image import Image

Turn = TurnRecord
"""A finished turn; after words that changed nothing, the turn that is still shown, with those words."""

Allow = Callable[[SessionOptions], SessionOptions]
"""Checks what a session is to begin with."""

Check = Callable[[GenerationRequest], None]
"""Raises where a picture may not be drawn."""

AfterRefusal = Literal["fail", "refuse", "drop"]

_RECENT_TURNS = 3
"""How many turns back an interpreter is told of."""


class Conversation:
    """One session of a studio.

    Its methods raise `NotthatError`, with a line for the user, and then have changed nothing.
    """

    def __init__(self, session: SessionRecord, studio: Studio) -> None:
        self.id = session.id
        self.studio = studio
        self.check: Check = lambda request: None
        """What looks at a turn's request before the turn is recorded."""
        self._policies = session.policies
        self.head: Turn = studio.store.turn(session.id)
        first = parse_turn_negative(studio.store.turn(session.id, 0))
        self._policy = first.only_locked()  # as it was asked for then: a pack may change, or go, later

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
        on_step: OnStep | None = None,
    ) -> Self:
        """A new session with its first picture; what the prompt says is not wanted is excluded.

        `negative` is a negative prompt whose terms are excluded besides. What is None is the model's default, and
        the seed is drawn. `request` names further values of a `GenerationRequest`, such as its `method` or `loras`.
        """
        beginning = SessionOptions(
            prompt,
            negative=negative,
            seed=seed,
            steps=steps,
            guidance=guidance,
            policies=tuple(policies),
            model=model,
            request=request,
        )
        studio = studio or Studio.open()
        return cls.from_turn(run_turn(studio, begin_session(beginning, studio), on_step), studio)

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
        return self._build_state(self.head)

    def say(self, feedback: str | Feedback, on_step: OnStep | None = None) -> Turn:
        """Say what is wrong with the picture; the next turn, or the same one where nothing was asked.

        A new turn keeps the seed, so that only what was asked for changes.
        """
        said = Feedback((feedback,)) if isinstance(feedback, str) else feedback
        return self._run_prepared(self.prepare(SayCommand(feedback=said)), on_step)

    def edit(self, edits: Iterable[Edit], on_step: OnStep | None = None) -> Turn:
        """Change what is excluded or wanted by edits instead of words; the next turn, as `say` gives it."""
        return self._run_prepared(self.prepare(EditCommand(edits=tuple(edits))), on_step)

    def prepare(self, change: Change, recorded: Attempt | None = None) -> Turn | Attempt:
        """Do what `say`, `edit` and `seed` do, up to the drawing: a turn for `recording.run_turn`, or the one still
        shown.

        `recorded` is where the change is recorded already, to become that turn.
        """
        match change:
            case SayCommand():
                return self._prepare_feedback(change.feedback, recorded)
            case EditCommand():
                return self._prepare_edits(change.edits, recorded)
            case SeedCommand():
                return self._prepare_seed(change.seed, recorded)

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

    def interpret_again(self, turn: Turn) -> Interpretation:
        """What a turn's words mean to today's interpreter, in the state that they were said in.

        Raises:
            InvalidInputError: where a first prompt would be refused today.
        """
        lines = feedback_lines(turn)
        if turn.parent is None:
            blank = State("", self._policy, turn.seed, self._policy)
            return interpret_first_lines(lines, blank, self.studio.interpreter.interpret, self._check_prompt).said
        parent = self.studio.store.turn(self.id, turn.parent)
        return self._interpret(lines[0], parent) if len(lines) == 1 else self._read(lines, parent, turn.number).said

    def refresh(self) -> Turn:
        """Go on from what the session shows now, whoever made it."""
        self.head = self.studio.store.turn(self.id)
        return self.head

    def turns(self) -> list[Turn]:
        """Every turn of the session, in order of creation."""
        return self.studio.store.turns(self.id)

    def _prepare_feedback(self, feedback: Feedback, recorded: Attempt | None) -> Turn | Attempt:
        if len(feedback.lines) > MAX_LINES:
            raise InvalidInputError(f"{len(feedback.lines)} lines were said, and at most {MAX_LINES} are read at once")
        lines = tuple(validate_text(line, "feedback", "say what is wrong with the picture") for line in feedback.lines)
        feedback = replace(feedback, lines=lines)
        if len(lines) > 1:
            return self._prepare_lines(feedback, recorded)
        words = str(feedback)
        said = self._interpret(words, self.head)
        back = count_undone_turns(said.edits)
        parent = self._find_ancestor(back)
        if parent is not None and back and len(said.edits) > 1:  # the rest was said of the picture gone back to
            said = self._interpret(words, parent)
        return self._apply_interpretation(words, said, back, parent, recorded, asked=feedback)

    def _prepare_edits(self, edits: tuple[Edit, ...], recorded: Attempt | None) -> Turn | Attempt:
        back = count_undone_turns(edits)
        parent = self._find_ancestor(back)
        said = Interpretation(edits=edits, reply=describe(edits, self._build_state(parent or self.head)))
        words = to_one_line(said.reply)
        return self._apply_interpretation(words, said, back, parent, recorded, read=False)

    def _prepare_seed(self, seed: int, recorded: Attempt | None) -> Turn | Attempt:
        state, words = self.state, f"seed {seed}"
        said = Interpretation(reply=f"From seed {seed}.")
        if seed == state.seed:
            return replace(self.head, feedback=words, edits=(), reply=said.reply)
        after = replace(state, seed=seed)
        return self._prepare_turn(self.head, self._number(recorded), words, said, state, after, recorded, read=False)

    def _run_prepared(self, prepared: Turn | Attempt, on_step: OnStep | None) -> Turn:
        if isinstance(prepared, Attempt):
            self.head = prepared = run_turn(self.studio, prepared, on_step)
        return prepared

    def _prepare_lines(self, feedback: Feedback, recorded: Attempt | None) -> Turn | Attempt:
        """Several lines at once: they grow from the turn that they don't go back beyond."""
        path = self.studio.store.path(self.id, self.head.number)
        read = self._read(feedback.lines, self.head, self._number(recorded))
        parent, back = path[read.kept - 1], len(path) - read.kept
        return self._apply_interpretation(
            str(feedback), read.said, back, parent, recorded, asked=feedback, read_as=read
        )

    def _read(self, lines: Sequence[str], turn: Turn, number: int) -> InterpretedLines:
        """What lines mean that are said one after the other of a turn's picture, for the turn of this number."""
        states = [self._build_state(each) for each in self.studio.store.path(self.id, turn.number)]
        picture = self._picture(turn)

        def interpret(words: str, state: State) -> Interpretation:
            return self.studio.interpreter.interpret(words, state, picture)

        return interpret_lines(lines, states, number, interpret, self._check_prompt)

    def _check_prompt(self, prompt: str) -> None:
        self.studio.check_prompt(prompt, self._policies)

    def _apply_interpretation(
        self,
        words: str,
        interpretation: Interpretation,
        back: int,
        parent: Turn | None,
        recorded: Attempt | None,
        *,
        asked: Feedback | None = None,
        read_as: InterpretedLines | None = None,
        read: bool = True,
    ) -> Turn | Attempt:
        """What these edits make of the turn that they go back to; None is one before the first."""
        if parent is None:
            return self._unchanged(
                words, interpretation.model_copy(update={"edits": (), "reply": self._explain_undo_failure(back)}), read
            )
        before = self._build_state(parent)
        number = self._number(recorded)
        after = apply(before, interpretation.edits, turn=number, words=words) if read_as is None else read_as.state
        if asked is not None:
            interpretation, after = asked.apply_to(interpretation, after, number, words)
        steps = parent.request["num_inference_steps"] if asked is None or asked.steps is None else asked.steps
        if after != before or steps != parent.request["num_inference_steps"]:
            self._check_prompt(after.prompt)
            lines = asked.lines if asked is not None else ()
            return self._prepare_turn(
                parent, number, words, interpretation, before, after, recorded, read=read, steps=steps, lines=lines
            )
        if back:
            self.head = self.studio.store.move_head(self.id, parent.number, recorded.receipt if recorded else None)
        return self._unchanged(words, interpretation, read)

    def _unchanged(self, words: str, said: Interpretation, read: bool) -> Turn:
        """The turn that is still shown, with the words that changed nothing."""
        told = {"interpreter": describe_interpreter(self.studio, said) if read else None}
        return replace(
            self.head,
            feedback=words,
            edits=dump_edits(said.edits),
            reply=said.reply,
            provenance={**(self.head.provenance or {}), **told},
        )

    def _prepare_turn(
        self,
        parent: Turn,
        number: int,
        words: str,
        interpretation: Interpretation,
        before: State,
        after: State,
        recorded: Attempt | None,
        *,
        read: bool = True,
        steps: int | None = None,
        lines: Sequence[str] = (),
    ) -> Attempt:
        engine = self.studio.engine(parent.request["model"])
        request = GenerationRequest.create(**parent.request).next_request(
            engine.defaults,
            prompt=after.prompt,
            negative_prompt=after.negative.render(),
            seed=after.seed,
            num_inference_steps=parent.request["num_inference_steps"] if steps is None else steps,
        )
        self.check(request)
        reply = " ".join([interpretation.reply, *warnings_for(engine, request, before, after)])
        made_with = collect_provenance(self.studio, request, self._policies, interpretation if read else None, lines)
        turn = build_turn(number, parent.number, words, interpretation.edits, reply, after, request, made_with)
        if recorded is not None:
            return self.studio.store.attempts.prepare(recorded, turn)
        return self.studio.store.attempts.begin(self.id, turn)

    def _number(self, recorded: Attempt | None) -> int:
        """The number of the turn that comes next, or the one that it was recorded under."""
        return self.studio.store.next_number(self.id) if recorded is None else recorded.turn.number

    def _find_ancestor(self, turns: int) -> Turn | None:
        """The turn so many turns back from the head; None where the first is nearer."""
        if turns == 0:
            return self.head
        path = self.studio.store.path(self.id, self.head.number, last=turns + 1)
        return path[0] if len(path) == turns + 1 else None

    def _interpret(self, words: str, turn: Turn) -> Interpretation:
        """What words mean when they are said of a turn's picture."""
        state = replace(self._build_state(turn), recent=self._recent_feedback(turn))
        return self.studio.interpreter.interpret(words, state, self._picture(turn))

    def _picture(self, turn: Turn) -> "Image | None":
        with suppress(StorageError):  # a picture that is gone can still be spoken of
            return self.studio.store.images.open(turn.sha256)
        return None

    def _recent_feedback(self, turn: Turn) -> tuple[tuple[str, str], ...]:
        """What was said and answered on the way to a turn."""
        path = self.studio.store.path(self.id, turn.number, last=_RECENT_TURNS)
        return tuple((each.feedback, each.reply) for each in path)

    def _build_state(self, turn: Turn) -> State:
        """What the turn's picture was made from."""
        return State(turn.prompt, parse_turn_negative(turn), turn.seed, self._policy)

    def _explain_undo_failure(self, turns: int) -> str:
        depth = len(self.studio.store.path(self.id, self.head.number)) - 1
        if depth == 0:
            return "There is nothing to undo: this is the first picture."
        return f"Only {depth} turn{'s' if depth > 1 else ''} can be undone, not {turns}."


def prepare_recorded(
    studio: Studio,
    attempt: Attempt,
    allow: Allow = lambda options: options,
    check: Check = lambda request: None,
    *,
    refusals: tuple[type[Exception], ...] = (InvalidInputError,),
    after_refusal: AfterRefusal = "fail",
) -> Turn | Attempt:
    """Interpret a recorded command: a turn for `recording.run_turn`, or the turn still shown where nothing changes.

    What can't be interpreted is recorded as failed. What is refused, that is raises one of `refusals`, is recorded as
    failed or refused, or dropped with its words (`after_refusal`). `allow` checks what a session is to begin with, and
    cuts the model's defaults to what is allowed; `check` raises where a picture may not be drawn.
    """
    try:
        prepared = _carry_out(studio, attempt, allow, check)
    except refusals as error:
        if after_refusal == "refuse":
            studio.store.attempts.refuse(attempt, str(error))
        elif after_refusal == "drop":
            studio.store.attempts.drop(attempt)
        else:
            end_turn(studio, attempt, "failed", str(error))
        raise
    except BaseException as error:
        end_turn(studio, attempt, "failed", str(error) or type(error).__name__)
        raise
    if not isinstance(prepared, Attempt):
        studio.store.attempts.settle(attempt, prepared.number)
    return prepared


def _carry_out(studio: Studio, attempt: Attempt, allow: Allow, check: Check) -> Turn | Attempt:
    if attempt.command is None:
        check(GenerationRequest.create(**attempt.turn.request))
        return attempt
    command = commands_adapter.validate_python(attempt.command)
    if isinstance(command, StartCommand):
        return begin_session(allow(command.options), studio, attempt)
    turn = command.turn if isinstance(command, SayCommand) else None
    conversation = Conversation.open(attempt.session, studio, turn=turn)
    conversation.check = check
    return conversation.prepare(command, attempt)


def turn_json(turn: Turn) -> dict[str, Any]:
    """A turn as the command line and the server give it."""
    return {
        "session": turn.session,
        "turn": turn.number,
        "parent": turn.parent,
        "feedback": turn.feedback,
        "edits": list(turn.edits),
        "reply": turn.reply,
        "prompt": turn.prompt,
        "negative": turn.negative,
        "exclusions": [
            {"term": e.term, "weight": e.weight, "source": e.source, "since": e.since, "words": e.words}
            for e in turn.exclusions
        ],
        "seed": turn.seed,
        "steps": turn.request["num_inference_steps"],
        "guidance": turn.request["guidance_scale"],
        "model": turn.request["model"],
        "image": str(turn.image),
        "sha256": turn.sha256,
        "seconds": round(turn.seconds, 3),
        "negative_effect": negative_effect(turn),
    }


def parse_turn_negative(turn: Turn) -> NegativePrompt:
    """What was excluded at a turn, as the edits know it."""
    exclusions = (
        Exclusion(term=e.term, weight=e.weight, source=e.source, since=e.since, words=e.words) for e in turn.exclusions
    )
    return NegativePrompt(tuple(exclusions))

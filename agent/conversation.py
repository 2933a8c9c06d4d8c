"""`Conversation`: a person and a picture, turn by turn.

What is said is interpreted as edits, the edits are applied to the state, the state becomes a request,
the request a picture, and all of it is stored as a turn. That is recorded before it is drawn, so that no
words are lost; a turn that fails or is cancelled leaves the session as it was, and can be retried.
"""

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self

from ..errors import InvalidInputError
from ..generation import GenerationRequest, absolute
from ..storage import SessionRecord, SessionStart, StorageError, TurnRecord
from .edits import (
    MAX_PROMPT_CHARACTERS,
    Exclude,
    SetPrompt,
    State,
    Undo,
    apply,
)
from .effects import negative_effect
from .exclusions import Exclusion, NegativePrompt
from .interpreters import Interpretation
from .recording import draw, edits_as_json, new_turn, provenance, remarks
from .replies import describe
from .studio import OnStep, Studio
from .terms import one_line

Turn = TurnRecord
"""A finished turn; after words that changed nothing, the turn that is still shown, with those words."""

_RECENT_TURNS = 3
"""How many turns back an interpreter is told of."""


class Conversation:
    """One session of a studio.

    Its methods raise `NotthatError`, with a line for the user, and then have changed nothing.
    """

    def __init__(self, session: SessionRecord, studio: Studio) -> None:
        self.id = session.id
        self.studio = studio
        self._policies = session.policies
        self.head: Turn = studio.store.turn(session.id)
        first = negative_of(studio.store.turn(session.id, 0))
        self._policy = first.only_locked()  # as it was asked for then: a pack may change, or go, later

    @classmethod
    def start(
        cls,
        prompt: str,
        studio: Studio | None = None,
        *,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        policies: Iterable[str] = (),
        model: str | None = None,
        request: Mapping[str, Any] | None = None,
        on_step: OnStep | None = None,
    ) -> Self:
        """A new session with its first picture; what the prompt says is not wanted is excluded.

        What is None is the model's default, and the seed is drawn. `request` names further values of a
        `GenerationRequest`, such as its `method` or `loras`.
        """
        words = _words(prompt, "prompt", "say what the picture should show")
        studio = studio or Studio.open()
        model, policies = absolute(model or studio.model), tuple(policies)
        policy = studio.policies(policies)
        blank = State("", policy, secrets.randbelow(2**32) if seed is None else seed, policy)
        said = _as_first_prompt(studio.interpreter.interpret(words, blank), words, blank)
        state = apply(blank, said.edits, turn=0, words=words)
        studio.check_prompt(state.prompt, policies)
        asked = {
            **(request or {}),
            "model": model,
            "prompt": state.prompt,
            "negative_prompt": state.negative.render(),
            "base_negative_prompt": policy.render(),
            "seed": state.seed,
            **({} if steps is None else {"num_inference_steps": steps}),
            **({} if guidance is None else {"guidance_scale": guidance}),
        }
        first = GenerationRequest.with_defaults(asked, lambda: studio.engine(model).defaults)
        engine = studio.engine(model)
        reply = " ".join([said.reply, *remarks(engine, first, replace(blank, negative=NegativePrompt()), state)])
        made_with = provenance(studio, first, policies, said)
        turn = new_turn(0, None, words, said.edits, reply, state, first, made_with)
        record = draw(studio, studio.store.attempts.begin_session(SessionStart(model, policies), turn), on_step)
        return cls(studio.store.session(record.session), studio)

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
        record = draw(studio, studio.store.attempts.again(session, turn), on_step)
        conversation = cls(studio.store.session(session), studio)
        conversation.head = record
        return conversation

    @property
    def state(self) -> State:
        """What the picture at the head was made from."""
        return self._state(self.head)

    def say(self, feedback: str, on_step: OnStep | None = None) -> Turn:
        """Say what is wrong with the picture; the next turn, or the same one where nothing was asked.

        A new turn keeps the seed, so that only what was asked for changes.
        """
        words = _words(feedback, "feedback", "say what is wrong with the picture")
        said = self._interpret(words, self.head)
        undone = sum(edit.turns for edit in said.edits if isinstance(edit, Undo))
        parent = self._ancestor(undone)
        if parent is None:
            return replace(self.head, feedback=words, edits=(), reply=self._cannot_undo(undone))
        before = self._state(parent)
        if undone and len(said.edits) > 1:  # the rest was said of the picture that is gone back to
            said = self._interpret(words, parent)
        number = self.studio.store.next_number(self.id)
        after = apply(before, said.edits, turn=number, words=words)
        if after != before:
            self.studio.check_prompt(after.prompt, self._policies)
            return self._grow(parent, number, words, said, before, after, on_step)
        if undone:
            self.head = self.studio.store.move_head(self.id, parent.number)
        return replace(self.head, feedback=words, edits=edits_as_json(said.edits), reply=said.reply)

    def undo(self, turns: int = 1) -> Turn:
        """Go back; the turn that is shown now. What came after stays in the session, off to the side."""
        if turns < 1:
            raise InvalidInputError("--turns: at least 1")
        ancestor = self._ancestor(turns)
        if ancestor is None:
            raise InvalidInputError(self._cannot_undo(turns))
        return self.branch(ancestor.number)

    def branch(self, turn: int) -> Turn:
        """Go on from this turn; the next one grows from it."""
        self.head = self.studio.store.move_head(self.id, turn)
        return self.head

    def seed(self, seed: int, on_step: OnStep | None = None) -> Turn:
        """The same again from this seed."""
        state, words = self.state, f"seed {seed}"
        said = Interpretation(reply=f"From seed {seed}.")
        if seed == state.seed:
            return replace(self.head, feedback=words, edits=(), reply=said.reply)
        number = self.studio.store.next_number(self.id)
        return self._grow(self.head, number, words, said, state, replace(state, seed=seed), on_step, read=False)

    def interpret_again(self, turn: Turn) -> Interpretation:
        """What a turn's words mean to today's interpreter, in the state that they were said in.

        Raises:
            InvalidInputError: where a first prompt would be refused today.
        """
        if turn.parent is not None:
            return self._interpret(turn.feedback, self.studio.store.turn(self.id, turn.parent))
        blank = State("", self._policy, turn.seed, self._policy)
        return _as_first_prompt(self.studio.interpreter.interpret(turn.feedback, blank), turn.feedback, blank)

    def turns(self) -> list[Turn]:
        """Every turn of the session, in order of creation."""
        return self.studio.store.turns(self.id)

    def _grow(
        self,
        parent: Turn,
        number: int,
        words: str,
        said: Interpretation,
        before: State,
        after: State,
        on_step: OnStep | None,
        *,
        read: bool = True,
    ) -> Turn:
        engine = self.studio.engine(parent.request["model"])
        request = GenerationRequest.checked(**parent.request).followed(
            engine.defaults, prompt=after.prompt, negative_prompt=after.negative.render(), seed=after.seed
        )
        reply = " ".join([said.reply, *remarks(engine, request, before, after)])
        made_with = provenance(self.studio, request, self._policies, said if read else None)
        turn = new_turn(number, parent.number, words, said.edits, reply, after, request, made_with)
        self.head = draw(self.studio, self.studio.store.attempts.begin(self.id, turn), on_step)
        return self.head

    def _ancestor(self, turns: int) -> Turn | None:
        """The turn so many turns back from the head; None where the first is nearer."""
        if turns == 0:
            return self.head
        path = self.studio.store.path(self.id, self.head.number, last=turns + 1)
        return path[0] if len(path) == turns + 1 else None

    def _interpret(self, words: str, turn: Turn) -> Interpretation:
        """What words mean when they are said of a turn's picture."""
        picture = None
        with suppress(StorageError):  # a picture that is gone can still be spoken of
            picture = self.studio.store.images.open(turn.sha256)
        state = replace(self._state(turn), recent=self._recent(turn))
        return self.studio.interpreter.interpret(words, state, picture)

    def _recent(self, turn: Turn) -> tuple[tuple[str, str], ...]:
        """What was said and answered on the way to a turn."""
        path = self.studio.store.path(self.id, turn.number, last=_RECENT_TURNS)
        return tuple((each.feedback, each.reply) for each in path)

    def _state(self, turn: Turn) -> State:
        """What the turn's picture was made from."""
        return State(turn.prompt, negative_of(turn), turn.seed, self._policy)

    def _cannot_undo(self, turns: int) -> str:
        depth = len(self.studio.store.path(self.id, self.head.number)) - 1
        if depth == 0:
            return "There is nothing to undo: this is the first picture."
        return f"Only {depth} turn{'s' if depth > 1 else ''} can be undone, not {turns}."


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


def _words(text: str, name: str, hint: str) -> str:
    words = one_line(text)
    if not words:
        raise InvalidInputError(f"the {name} is empty: {hint}")
    if len(words) > MAX_PROMPT_CHARACTERS:
        raise InvalidInputError(
            f"the {name} is too long: {len(words)} characters, and at most {MAX_PROMPT_CHARACTERS} are read"
        )
    return words


def _as_first_prompt(said: Interpretation, words: str, blank: State) -> Interpretation:
    """A first prompt is a description whatever it sounds like: where none was heard, it is taken whole.

    Raises:
        InvalidInputError: where it only says what the picture should not show.
    """
    if any(isinstance(edit, SetPrompt) for edit in said.edits):
        return said
    if any(isinstance(edit, Exclude) for edit in said.edits):
        raise InvalidInputError(f"“{words}” only says what is not wanted: say what the picture should show, too")
    edits = (SetPrompt(text=words),)
    return said.model_copy(update={"edits": edits, "reply": describe(edits, blank)})


def negative_of(turn: Turn) -> NegativePrompt:
    """What was excluded at a turn, as the edits know it."""
    exclusions = (
        Exclusion(term=e.term, weight=e.weight, source=e.source, since=e.since, words=e.words) for e in turn.exclusions
    )
    return NegativePrompt(tuple(exclusions))

"""How a session begins: what the first prompt asks for, as a turn that is recorded and yet to be drawn."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InvalidInputError
from ..generation import GenerationRequest, absolute
from ..storage import Attempt, SessionStart
from .edits import MAX_PROMPT_CHARACTERS, Edit, Exclude, SetPrompt, State, apply
from .exclusions import NegativePrompt, parse_negative
from .interpreters import Interpretation
from .recording import new_turn, provenance, remarks
from .replies import describe
from .studio import Studio
from .terms import one_line


@dataclass(frozen=True)
class Beginning:
    """What a session is begun with: the words, and what else is asked for; None is the model's default.

    `negative` is a negative prompt as people write it, excluded besides what the words exclude; `request`
    names further values of a `GenerationRequest`, such as its `method` or `loras`.
    """

    prompt: str
    negative: str = ""
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    policies: tuple[str, ...] = ()
    model: str | None = None
    request: Mapping[str, Any] | None = None
    owner: str | None = None
    """The id of the key that the session will belong to."""


def begin_session(beginning: Beginning, studio: Studio, recorded: Attempt | None = None) -> Attempt:
    """Record a new session's first turn, which `recording.draw` draws.

    `recorded` is where the words are recorded already, to become that turn.

    Raises:
        InvalidInputError: where the prompt says nothing, or asks for what a policy forbids.
    """
    words = words_of(beginning.prompt, "prompt", "say what the picture should show")
    model, policies = absolute(beginning.model or studio.model), beginning.policies
    policy = studio.policies(policies)
    blank = State("", policy, secrets.randbelow(2**32) if beginning.seed is None else beginning.seed, policy)
    said = as_first_prompt(studio.interpreter.interpret(words, blank), words, blank)
    if excluded := _excludes(beginning.negative):
        edits = (*said.edits, *excluded)
        said = said.model_copy(update={"edits": edits, "reply": describe(edits, blank)})
    state = apply(blank, said.edits, turn=0, words=words)
    studio.check_prompt(state.prompt, policies)
    asked = {
        **(beginning.request or {}),
        "model": model,
        "prompt": state.prompt,
        "negative_prompt": state.negative.render(),
        "base_negative_prompt": policy.render(),
        "seed": state.seed,
        **({} if beginning.steps is None else {"num_inference_steps": beginning.steps}),
        **({} if beginning.guidance is None else {"guidance_scale": beginning.guidance}),
    }
    first = GenerationRequest.with_defaults(asked, lambda: studio.engine(model).defaults)
    engine = studio.engine(model)
    reply = " ".join([said.reply, *remarks(engine, first, replace(blank, negative=NegativePrompt()), state)])
    turn = new_turn(0, None, words, said.edits, reply, state, first, provenance(studio, first, policies, said))
    start = SessionStart(model, policies, beginning.owner)
    if recorded is not None:
        return studio.store.attempts.prepare(recorded, turn, start)
    return studio.store.attempts.begin_session(start, turn)


def words_of(text: str, name: str, hint: str) -> str:
    """What somebody typed, on one line. Raises `InvalidInputError` where that is nothing, or too much."""
    words = one_line(text)
    if not words:
        raise InvalidInputError(f"the {name} is empty: {hint}")
    if len(words) > MAX_PROMPT_CHARACTERS:
        raise InvalidInputError(
            f"the {name} is too long: {len(words)} characters, and at most {MAX_PROMPT_CHARACTERS} are read"
        )
    return words


def as_first_prompt(said: Interpretation, words: str, blank: State) -> Interpretation:
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


def _excludes(negative: str) -> Iterable[Edit]:
    return tuple(Exclude(term=each.term, weight=each.weight) for each in parse_negative(negative))

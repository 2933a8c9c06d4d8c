"""How a session begins: what the first prompt asks for, as a turn that is recorded and yet to be drawn."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..errors import InvalidInputError
from ..generation import GenerationRequest, to_absolute
from ..storage import Attempt, SessionStart
from .edits import State, apply
from .exclusions import NegativePrompt
from .feedback import MAX_LINES, exclusions_from_negative, interpret_first_lines, join_lines, validate_text
from .replies import describe
from .studio import Studio
from .turn_execution import build_turn, collect_provenance, warnings_for


@dataclass(frozen=True)
class SessionOptions:
    """What a session is begun with: the words, and what else is asked for; None is the model's default.

    `negative` is a negative prompt as people write it, excluded besides what the words exclude; `request`
    names further values of a `GenerationRequest`, such as its `method` or `loras`. `feedback` are lines that were
    said of the picture already, as in a chat that began elsewhere: they are read in order, and only the picture
    after the last of them is drawn.
    """

    prompt: str
    feedback: tuple[str, ...] = ()
    negative: str = ""
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    policies: tuple[str, ...] = ()
    model: str | None = None
    request: Mapping[str, Any] | None = None
    owner: str | None = None
    """The id of the key that the session will belong to."""


def begin_session(options: SessionOptions, studio: Studio, recorded: Attempt | None = None) -> Attempt:
    """Record a new session's first turn, which `recording.draw` draws.

    `recorded` is where the words are recorded already, to become that turn.

    Raises:
        InvalidInputError: where the prompt says nothing, or asks for what a policy forbids.
    """
    lines = _lines(options)
    model, policies = to_absolute(options.model or studio.model), options.policies
    policy = studio.policies(policies)
    blank = State("", policy, secrets.randbelow(2**32) if options.seed is None else options.seed, policy)
    read = interpret_first_lines(
        lines, blank, studio.interpreter.interpret, partial(studio.check_prompt, names=policies)
    )
    said, state, words = read.said, read.state, join_lines(lines)
    excluded, deviations = exclusions_from_negative(options.negative)
    if excluded:
        edits = (*said.edits, *excluded)
        said = said.model_copy(update={"edits": edits, "reply": describe(edits, blank)})
        state = apply(state, excluded, turn=0, words=words)
    asked = {
        **(options.request or {}),
        "model": model,
        "prompt": state.prompt,
        "negative_prompt": state.negative.render(),
        "base_negative_prompt": policy.render(),
        "seed": state.seed,
        **({} if options.steps is None else {"num_inference_steps": options.steps}),
        **({} if options.guidance is None else {"guidance_scale": options.guidance}),
    }
    first = GenerationRequest.with_defaults(asked, lambda: studio.engine(model).defaults)
    engine = studio.engine(model)
    unsaid = warnings_for(engine, first, replace(blank, negative=NegativePrompt()), state)
    reply = " ".join([said.reply, *deviations, *unsaid])
    made_with = collect_provenance(studio, first, policies, said, lines)
    turn = build_turn(0, None, words, said.edits, reply, state, first, made_with)
    start = SessionStart(model, policies, options.owner)
    if recorded is not None:
        return studio.store.attempts.prepare(recorded, turn, start)
    return studio.store.attempts.begin_session(start, turn)


def _lines(options: SessionOptions) -> tuple[str, ...]:
    if len(options.feedback) >= MAX_LINES:
        raise InvalidInputError(
            f"{len(options.feedback) + 1} lines are too many: send at most {MAX_LINES} lines at once"
        )
    prompt = validate_text(options.prompt, "prompt", "say what the picture should show")
    return (
        prompt,
        *(validate_text(each, "feedback", "say what is wrong with the picture") for each in options.feedback),
    )

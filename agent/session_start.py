"""Starts sessions: interprets the first prompt and records a pending turn for it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..errors import InvalidInputError
from ..generation import GenerationRequest
from ..storage import Attempt, SessionStart
from .edits import State, apply
from .exclusions import NegativePrompt
from .feedback import MAX_LINES, exclusions_from_negative, join_lines, validate_text
from .line_interpretation import interpret_first_lines
from .replies import describe
from .source_picture import StoredSource
from .studio import Studio
from .turn_execution import build_turn, collect_provenance, warnings_for
from .verification import VerifyOptions

_HINT = "say what the picture should show"


@dataclass(frozen=True)
class SessionOptions:
    """The prompt and the options of a new session; None is the model's default.

    The terms of the negative prompt `negative` are excluded in addition to those that `prompt` excludes. `request`
    has further fields of `GenerationRequest`, such as `method` or `loras`. `feedback` has earlier feedback lines, for
    example from a chat on another server: they are interpreted in order, and only the last state is drawn.
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
    """The id of the key that owns the session."""
    verification: VerifyOptions | bool | None = None
    """How its turns are verified; None: as the studio's `verify` says."""
    source: StoredSource | None = None
    """The picture that it starts from; None: from noise."""


def begin_session(options: SessionOptions, studio: Studio, recorded: Attempt | None = None) -> Attempt:
    """Record the pending first turn of a new session, for `turn_execution.run_turn`.

    `recorded` is the attempt if the command is already recorded; it becomes that turn.

    Raises:
        InvalidInputError: if the prompt is empty, only excludes, or has a term that a policy forbids.
    """
    lines = _lines(options)
    model, policies = studio.resolve_model(options.model or studio.model), options.policies
    policy = studio.policies(policies)
    blank = State("", policy, secrets.randbelow(2**32) if options.seed is None else options.seed, policy)
    read = interpret_first_lines(
        lines, blank, studio.interpreter.interpret, partial(studio.check_prompt, names=policies)
    )
    interpretation, state, words = read.said, read.state, join_lines(lines)
    excluded, deviations = exclusions_from_negative(options.negative)
    if excluded:
        edits = (*interpretation.edits, *excluded)
        interpretation = interpretation.model_copy(update={"edits": edits, "reply": describe(edits, blank)})
        state = apply(state, excluded, turn=0, words=words)
    found = studio.resolve_networks(model, state.prompt, state.negative.render())
    state, given = replace(state, prompt=validate_text(found.prompt, "prompt", _HINT)), dict(options.request or {})
    if options.source is not None:
        given = options.source.request_fields(studio.engine(model).defaults, given)
    request_values = {
        **given,
        "loras": found.combine_loras(given.get("loras", ())),
        "embeddings": found.combine_embeddings(given.get("embeddings", ())),
        "model": model,
        "prompt": state.prompt,
        "negative_prompt": found.negative_prompt,
        "base_negative_prompt": policy.render(),
        "seed": state.seed,
        **({} if options.steps is None else {"num_inference_steps": options.steps}),
        **({} if options.guidance is None else {"guidance_scale": options.guidance}),
    }
    first = GenerationRequest.with_defaults(request_values, lambda: studio.engine(model).defaults)
    model = studio.pin_storage(model)
    first, engine = first.model_copy(update={"model": model}), studio.engine(model)
    warnings = warnings_for(engine, first, replace(blank, negative=NegativePrompt()), state)
    source = [] if options.source is None else [options.source.describe(first)]
    reply = " ".join([*source, interpretation.reply, *deviations, *found.remarks, *warnings])
    provenance = collect_provenance(studio, first, policies, interpretation, lines)
    turn = build_turn(0, None, words, interpretation.edits, reply, state, first, provenance)
    verification = studio.verify if options.verification is None else options.verification
    start = SessionStart(model, policies, options.owner, VerifyOptions.to_record(verification))
    if recorded is not None:
        return studio.store.attempts.prepare(recorded, turn, start)
    return studio.store.attempts.begin_session(start, turn)


def _lines(options: SessionOptions) -> tuple[str, ...]:
    if len(options.feedback) >= MAX_LINES:
        raise InvalidInputError(
            f"{len(options.feedback) + 1} lines are too many: send at most {MAX_LINES} lines at once"
        )
    prompt = validate_text(options.prompt, "prompt", _HINT)
    return (
        prompt,
        *(validate_text(line, "feedback", "say what is wrong with the picture") for line in options.feedback),
    )

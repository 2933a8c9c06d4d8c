"""Draws pending turns and records their outcome: done, failed or cancelled."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from .. import __version__
from ..errors import NotthatError
from ..generation import Engine, GenerationRequest, Picture, generate
from ..generation.errors import ShortOfMemoryError
from ..generation.foreign_syntax import explain_foreign_syntax
from ..storage import Attempt, NewTurn, StorageError, TurnRecord, UnknownSessionError
from .edits import Edit, State, edits_adapter
from .exclusion_effects import measure_effect
from .interpreters import Interpretation, Usage
from .replies import describe_turns
from .studio import OnStep, Studio
from .terms import to_one_line
from .turn_png import turn_png_text
from .verification.verify import verify_turn


def collect_provenance(
    studio: Studio,
    request: GenerationRequest,
    policies: tuple[str, ...],
    interpretation: Interpretation | None,
    lines: Sequence[str] = (),
) -> dict[str, Any]:
    """The provenance of a turn: the engine's provenance, the texts of the policies, and the interpreter's answer.

    `interpretation` is None if the turn has no feedback to interpret. `lines` are stored if there are several.
    """
    return {
        "notthat": __version__,
        **studio.provenance(request),
        "policies": studio.policy_texts(policies),
        "interpreter": None if interpretation is None else describe_interpreter(studio, interpretation),
        **({"lines": list(lines)} if len(lines) > 1 else {}),
    }


def describe_interpreter(studio: Studio, interpretation: Interpretation) -> dict[str, Any]:
    """The interpreter's name, its raw answer, whether the fallback was used, and the token usage."""
    fallback = {"fallback": True} if interpretation.fallback else {}
    usage = {} if interpretation.usage is None else {"usage": interpretation.usage.model_dump()}
    return {"name": studio.interpreter.name, "raw": interpretation.raw, **fallback, **usage}


def feedback_lines(turn: TurnRecord) -> list[str]:
    """The feedback lines of a turn, in order; usually one."""
    return [str(line) for line in (turn.provenance or {}).get("lines") or [turn.feedback]]


def token_usage(turn: TurnRecord) -> Usage:
    """The tokens that a language model used to interpret a turn; zero with the offline interpreter."""
    usage = ((turn.provenance or {}).get("interpreter") or {}).get("usage")
    return Usage() if usage is None else Usage.model_validate(usage)


class TurnCancelled(NotthatError):  # noqa: N818 - an outcome, not a fault
    """Raised by an `on_step` to cancel the turn; the message is the reason."""


def run_turn(studio: Studio, attempt: Attempt, on_step: OnStep | None = None) -> TurnRecord:
    """Draw a pending turn, and verify it if its session asks for that; it ends done, failed or cancelled.

    If other turns of the session were created meanwhile, the reply says so.
    """
    attempts = studio.store.attempts
    try:
        request = GenerationRequest.create(**attempt.turn.request)
        picture = _draw(studio, request, on_step)
        attempt = measure_effect(studio, attempt, picture)
        attempt, picture = verify_turn(studio, attempt, picture, on_step)
        turn = attempts.finish(attempt, picture.image, turn_png_text(attempt.turn), picture.seconds)
    except TurnCancelled as error:
        end_turn(studio, attempt, "cancelled", str(error))
        raise
    except Exception as error:
        end_turn(studio, attempt, "failed", str(error) or type(error).__name__)
        raise
    except BaseException:
        end_turn(studio, attempt, "cancelled", "stopped")
        raise
    with suppress(StorageError):  # the turn is stored: it is returned even if the others can't be listed
        others = attempts.other_turns_since(attempt)
        reply = " ".join([turn.reply, *describe_turns(others.done, others.pending)])
        return replace(turn, reply=reply)
    return turn


def _draw(studio: Studio, request: GenerationRequest, on_step: OnStep | None) -> Picture:
    """Draw a picture; if the device has no room for it beside the judges, they are unloaded first."""
    try:
        return generate(studio.engine(request.model), request, on_step)
    except ShortOfMemoryError:
        if not studio.unload_judges():
            raise
    return generate(studio.engine(request.model), request, on_step)


def end_turn(studio: Studio, attempt: Attempt, status: Literal["failed", "cancelled"], reason: str) -> None:
    """Record that a turn has failed or was cancelled."""
    # a storage error must not hide the first error; the store records the end later, unless the session was deleted
    with suppress(StorageError, UnknownSessionError):
        studio.store.attempts.end(attempt, status, reason)


def build_turn(
    number: int,
    parent: int | None,
    words: str,
    edits: tuple[Edit, ...],
    reply: str,
    state: State,
    request: GenerationRequest,
    provenance: dict[str, Any],
) -> NewTurn:
    """Build the record of a turn before it is drawn."""
    return NewTurn(
        number=number,
        parent=parent,
        feedback=words,
        edits=dump_edits(edits),
        reply=to_one_line(reply),
        prompt=state.prompt,
        negative=request.negative_prompt,
        exclusions=state.negative.as_records(),
        seed=state.seed,
        request=request.model_dump(mode="json"),
        seconds=0.0,
        provenance=provenance,
        source_image=request.init_image,
        mask_image=request.mask_image,
    )


def dump_edits(edits: tuple[Edit, ...]) -> tuple[dict[str, Any], ...]:
    """Edits as JSON values, for storage and output."""
    return tuple(edits_adapter.dump_python(edits, mode="json"))


def warnings_for(engine: Engine, request: GenerationRequest, before: State, after: State) -> list[str]:
    """Warnings about exclusions without effect, words of other programs and words unknown to the model, a line each."""
    lines = list(engine.warnings(request))
    new = [e.term for e in after.negative if e.term not in before.negative]
    prompt = [] if after.prompt == before.prompt else [after.prompt]
    lines += [line for text in prompt for line in explain_foreign_syntax(text, request.syntax)]
    lines += explain_foreign_syntax(request.negative_prompt, request.syntax, "negative prompt") if new else []
    unknown = [word for text in [*new, *prompt] for word in engine.tokenize(text).unknown if word not in _SMALL_WORDS]
    if unknown:
        listed = " and ".join(f"“{word}”" for word in dict.fromkeys(unknown))
        lines.append(f"{request.model} never learned {listed}, so that may change nothing.")
    return lines


_SMALL_WORDS = frozenset(
    ["a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"],
)
"""Function words, which need no warning if a model does not know them."""

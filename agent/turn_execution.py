"""How a turn is drawn so that nothing is lost: recorded first, then drawn, then kept or ended with the reason."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from .. import __version__
from ..errors import NotthatError
from ..generation import Engine, GenerationRequest, generate
from ..storage import Attempt, NewTurn, StorageError, TurnRecord, UnknownSessionError
from .edits import Edit, State, edits_adapter
from .exclusion_effects import measure_effect
from .interpreters import Interpretation, Usage
from .replies import describe_turns
from .studio import OnStep, Studio
from .terms import to_one_line
from .turn_png import turn_png_text


def collect_provenance(
    studio: Studio,
    request: GenerationRequest,
    policies: tuple[str, ...],
    interpretation: Interpretation | None,
    lines: Sequence[str] = (),
) -> dict[str, Any]:
    """What a turn is made with besides its request: the engine's side, the policies' text, the interpreter's answer.

    `said` is None where no words were interpreted; `lines` are kept where several were.
    """
    return {
        "notthat": __version__,
        **studio.provenance(request.model),
        "policies": studio.policy_texts(policies),
        "interpreter": None if interpretation is None else describe_interpreter(studio, interpretation),
        **({"lines": list(lines)} if len(lines) > 1 else {}),
    }


def describe_interpreter(studio: Studio, said: Interpretation) -> dict[str, Any]:
    """Who interpreted words, what they were answered themselves, and what it took."""
    fallback = {"fallback": True} if said.fallback else {}
    usage = {} if said.usage is None else {"usage": said.usage.model_dump()}
    return {"name": studio.interpreter.name, "raw": said.raw, **fallback, **usage}


def feedback_lines(turn: TurnRecord) -> list[str]:
    """The lines that were said for a turn, one after the other; mostly one."""
    return [str(line) for line in (turn.provenance or {}).get("lines") or [turn.feedback]]


def token_usage(turn: TurnRecord) -> Usage:
    """The tokens that a language model took to interpret a turn's words; none where the rules did."""
    taken = ((turn.provenance or {}).get("interpreter") or {}).get("usage")
    return Usage() if taken is None else Usage.model_validate(taken)


class TurnCancelled(NotthatError):  # noqa: N818 - it is what happened, not a fault
    """Raised by an `on_step` that wants no more of it; the message says why."""


def run_turn(studio: Studio, attempt: Attempt, on_step: OnStep | None = None) -> TurnRecord:
    """Draw a pending turn; it ends done, failed or cancelled.

    Where other turns of the session were made meanwhile, the reply says so.
    """
    attempts = studio.store.attempts
    try:
        request = GenerationRequest.create(**attempt.turn.request)
        picture = generate(studio.engine(request.model), request, on_step)
        attempt = measure_effect(studio, attempt, picture)
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


def end_turn(studio: Studio, attempt: Attempt, status: Literal["failed", "cancelled"], reason: str) -> None:
    """Record that a turn came to no picture, as soon as the database answers."""
    # it is the first error that is told; the store writes the end later, unless the session was deleted
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
    """A turn as storage takes it, before it is drawn."""
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
    )


def dump_edits(edits: tuple[Edit, ...]) -> tuple[dict[str, Any], ...]:
    """Edits as they are stored and printed."""
    return tuple(edits_adapter.dump_python(edits, mode="json"))


def warnings_for(engine: Engine, request: GenerationRequest, before: State, after: State) -> list[str]:
    """What can't be honoured, a line each: words that the model never learned, exclusions that can't act."""
    lines = list(engine.warnings(request))
    new = [e.term for e in after.negative if e.term not in before.negative]
    prompt = [] if after.prompt == before.prompt else [after.prompt]
    unknown = [word for text in [*new, *prompt] for word in engine.tokenize(text).unknown if word not in _SMALL_WORDS]
    if unknown:
        listed = " and ".join(f"“{word}”" for word in dict.fromkeys(unknown))
        lines.append(f"{request.model} never learned {listed}, so that may change nothing.")
    return lines


_SMALL_WORDS = frozenset(
    ["a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"],
)
"""Words that carry no picture: nobody is helped by hearing that a model never learned them."""

"""How a turn is drawn so that nothing is lost: recorded first, then drawn, then kept or ended with the reason."""

from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from .. import __version__
from ..generation import GenerationRequest, generate
from ..generation.infotext import png_text
from ..storage import Attempt, StorageError, TurnRecord
from .interpreters import Interpretation
from .replies import listed_turns
from .studio import OnStep, Studio


def provenance(
    studio: Studio, request: GenerationRequest, policies: tuple[str, ...], said: Interpretation | None
) -> dict[str, Any]:
    """What a turn is made with besides its request: the engine's side, the policies' text, the interpreter's answer.

    `said` is None where no words were interpreted.
    """
    return {
        "notthat": __version__,
        **studio.provenance(request.model),
        "policies": studio.policy_texts(policies),
        "interpreter": None if said is None else {"name": studio.interpreter.name, "raw": said.raw},
    }


def draw(studio: Studio, attempt: Attempt, on_step: OnStep | None = None) -> TurnRecord:
    """Draw a pending turn; it ends done, failed or cancelled.

    Where other turns of the session were made meanwhile, the reply says so.
    """
    attempts = studio.store.attempts
    try:
        request = GenerationRequest.checked(**attempt.turn.request)
        picture = generate(studio.engine(request.model), request, on_step)
        turn = attempts.finish(attempt, picture.image, png_text(request), picture.seconds)
    except Exception as error:
        _end(studio, attempt, "failed", str(error) or type(error).__name__)
        raise
    except BaseException:
        _end(studio, attempt, "cancelled", "stopped")
        raise
    meanwhile = attempts.meanwhile(attempt)
    remarks = listed_turns(meanwhile.done, meanwhile.pending)
    return replace(turn, reply=" ".join([turn.reply, *remarks])) if remarks else turn


def _end(studio: Studio, attempt: Attempt, status: Literal["failed", "cancelled"], reason: str) -> None:
    with suppress(StorageError):  # it is the first error that is told; the next start marks what stays pending
        studio.store.attempts.end(attempt, status, reason)

"""What a turn from elsewhere has to be, so that everything here can go on with it."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..errors import InvalidInputError
from ..generation import GenerationRequest
from ..storage import NewTurn
from .edits import edits_adapter
from .exclusions import NegativePrompt
from .terms import is_printable
from .verification.record import KEY, is_valid


def check_turn(turn: NewTurn) -> None:
    """Refuse a turn that no notthat would have made: its request, edits, exclusions and texts, and that they agree.

    Raises:
        InvalidInputError: with the turn's number and what is wrong.
    """
    try:
        request = GenerationRequest.create(**turn.request)
        edits_adapter.validate_python(turn.edits)
        NegativePrompt.from_records(turn.exclusions)
    except ValidationError as error:
        raise _refusal(turn, error.errors(include_url=False, include_input=False)[0]["msg"]) from None
    except ValueError as error:
        raise _refusal(turn, str(error)) from None
    except InvalidInputError as error:
        raise _refusal(turn, str(error)) from None
    if (request.prompt, request.negative_prompt, request.seed) != (turn.prompt, turn.negative, turn.seed):
        raise _refusal(turn, "its request asks for something else than it tells")
    texts = [turn.feedback, turn.reply, turn.prompt, turn.negative]
    texts += [text for each in turn.exclusions for text in (each.term, each.source, each.words)]
    texts += [value for edit in turn.edits for value in edit.values() if isinstance(value, str)]
    if not all(map(is_printable, texts)):
        raise _refusal(turn, "a text of it holds control characters, or others that can't be printed")
    if turn.provenance is not None and not _has_valid_provenance(turn.provenance):
        raise _refusal(turn, "what it was made with can't be read")


def _refusal(turn: NewTurn, reason: str) -> InvalidInputError:
    return InvalidInputError(f"turn {turn.number} can't be: {' '.join(reason.split())}")


def _has_valid_provenance(provenance: Mapping[str, Any]) -> bool:
    """Whether the parts of it that are read here are of the kinds that they are read as."""
    objects = [provenance.get(name, {}) for name in ("libraries", "policies")]
    interpreter = provenance.get("interpreter")
    if KEY in provenance and not is_valid(provenance[KEY]):
        return False
    return all(
        isinstance(each, dict) and all(isinstance(text, str) for text in each.values()) for each in objects
    ) and (interpreter is None or isinstance(interpreter, dict))

"""Interprets the feedback of a session again with the current interpreter, and compares the edits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidInputError
from ..conversation import Conversation, Turn
from ..edits import edits_adapter


@dataclass(frozen=True)
class ReinterpretedTurn:
    """The feedback of a turn with its stored and its new edits, as JSON."""

    turn: int
    same: bool
    feedback: str
    then: tuple[dict[str, Any], ...]
    now: tuple[dict[str, Any], ...]
    reply: str
    """The new reply."""


def reinterpret(conversation: Conversation) -> Iterator[ReinterpretedTurn]:
    """Interpret the feedback of every turn again, in the state before the turn. Changes nothing.

    Turns without feedback, such as rerolls, are left out.
    """
    for turn in conversation.turns():
        if not _has_feedback(turn):
            continue
        try:
            interpretation = conversation.interpret_again(turn)
            now, reply = tuple(edits_adapter.dump_python(interpretation.edits, mode="json")), interpretation.reply
        except InvalidInputError as error:  # the current interpreter or policies refuse the prompt
            now, reply = (), str(error)
        yield ReinterpretedTurn(turn.number, now == turn.edits, turn.feedback, turn.edits, now, reply)


def _has_feedback(turn: Turn) -> bool:
    if turn.provenance is not None:
        return turn.provenance.get("interpreter") is not None
    return turn.parent is None or bool(turn.edits)

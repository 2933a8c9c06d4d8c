"""The words of a session through today's interpreter: where would its edits differ from those that were made?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidInputError
from ..conversation import Conversation, Turn
from ..edits import edits_adapter


@dataclass(frozen=True)
class ReinterpretedTurn:
    """A turn's words as they were understood, and as they are now; edits as JSON."""

    turn: int
    same: bool
    feedback: str
    then: tuple[dict[str, Any], ...]
    now: tuple[dict[str, Any], ...]
    reply: str
    """Today's."""


def reinterpret(conversation: Conversation) -> Iterator[ReinterpretedTurn]:
    """Interpret the words of every turn again, each in the state that they were said in; nothing is changed.

    Turns that no words made, such as another seed by its number, are left out.
    """
    for turn in conversation.turns():
        if not _has_feedback(turn):
            continue
        try:
            said = conversation.interpret_again(turn)
            now, reply = tuple(edits_adapter.dump_python(said.edits, mode="json")), said.reply
        except InvalidInputError as error:  # it would be no prompt today
            now, reply = (), str(error)
        yield ReinterpretedTurn(turn.number, now == turn.edits, turn.feedback, turn.edits, now, reply)


def _has_feedback(turn: Turn) -> bool:
    if turn.provenance is not None:
        return turn.provenance.get("interpreter") is not None
    return turn.parent is None or bool(turn.edits)

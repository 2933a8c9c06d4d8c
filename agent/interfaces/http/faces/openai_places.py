"""Which session a chat's messages belong to: every answer says so in its picture's title, and clients send it back.

    ![turn 1](http://127.0.0.1:8000/api/images/….png "notthat 3f9c2a71d0b45e86/1")

The last answer that says so is what the new words are about. So a chat that was edited, or begun again from an
earlier message, goes on from that message's turn; and a chat that has no such answer begins a session.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ....conversation import Turn
from ..problems import Problem

Roles = Literal["system", "developer", "user", "assistant", "tool", "function"]

_SESSION = r"[0-9a-f]{16}"
_PLACE = re.compile(rf'"notthat ({_SESSION})/(\d{{1,9}})"')


class Part(BaseModel):
    """Some of a message: only `text` is read."""

    model_config = ConfigDict(extra="allow")

    type: str
    text: str = ""


class Message(BaseModel):
    """Something that was said, by the user or by this server."""

    model_config = ConfigDict(extra="allow")

    role: Roles
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """Its words."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""

    @property
    def has_picture(self) -> bool:
        """Whether there is more to it than words."""
        return isinstance(self.content, list) and any(part.type != "text" for part in self.content)


@dataclass(frozen=True)
class Place:
    """A session, and the turn whose picture is spoken of; None is the one that it shows now."""

    session: str
    turn: int | None = None


def title(turn: Turn) -> str:
    """What a picture's title says."""
    return f"notthat {turn.session}/{turn.number}"


def place_of(messages: Sequence[Message], session: str | None = None) -> Place | None:
    """Where a chat stands; None where it is at its beginning. A `session` that is named wins over what is said."""
    for message in reversed(messages):
        found = _PLACE.findall(message.text) if message.role == "assistant" else []
        if found and session in (None, found[-1][0]):
            return Place(found[-1][0], int(found[-1][1]))
    return None if session is None else Place(session)


def words_of(messages: Sequence[Message]) -> str:
    """What the user says now.

    Raises:
        Problem: where the last message isn't the user's, or is a picture.
    """
    if not messages or messages[-1].role != "user":
        raise _refused("messages: the last one has to be the user's")
    if messages[-1].has_picture:
        raise _refused("messages: pictures are not looked at: say in words what the picture should show, or not")
    return messages[-1].text


def _refused(detail: str) -> Problem:
    return Problem(400, "refused", "That can't be done", detail, more={"errors": [{"loc": ["messages"]}]})

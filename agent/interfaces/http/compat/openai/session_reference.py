"""Which session a chat's messages belong to: every answer says so in its picture's title, and clients send it back.

    ![turn 1](http://127.0.0.1:8000/api/images/….png "notthat 3f9c2a71d0b45e86/1")

The last answer that says so is what the new words are about. So a chat that was edited, or begun again from an
earlier message, goes on from that message's turn. Where a client has taken the titles out, the picture's address or
what the user said so far is looked up among the chats that this server answered; see `ChatMemory`. A chat that is not
found begins a session, with all that the user said: see `Position.lines`.
"""

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from .....conversation import Turn
from .....edits import MAX_PROMPT_CHARACTERS
from .....terms import to_one_line
from ...problems import Problem

Roles = Literal["system", "developer", "user", "assistant", "tool", "function"]

MOST_CHATS = 10_000
"""Answers that are remembered, for clients that send no titles back."""

_SESSION = r"[0-9a-f]{16}"
_PLACE = re.compile(rf'\]\(\S+ "notthat ({_SESSION})/(\d{{1,9}})"\)')
_PICTURE = re.compile(r"/api/images/([0-9a-f]{64})\.png")
_WORDS = ("text", "input_text", "output_text")
_NO_WORDS = ("refusal", "reasoning")


class Part(BaseModel):
    """Some of a message: only text is read."""

    model_config = ConfigDict(extra="allow")

    type: str
    text: str | None = None


class Message(BaseModel):
    """Something that was said, by the user or by this server."""

    model_config = ConfigDict(extra="allow")

    role: Roles
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """Its words."""
        if isinstance(self.content, list):
            return "\n".join(part.text or "" for part in self.content if part.type in _WORDS)
        return self.content or ""

    @property
    def has_picture(self) -> bool:
        """Whether there is more to it than words."""
        return isinstance(self.content, list) and any(part.type not in (*_WORDS, *_NO_WORDS) for part in self.content)


@dataclass(frozen=True)
class SessionReference:
    """A session, and the turn whose picture is spoken of; None is the one that it shows now."""

    session: str
    turn: int | None = None


@dataclass(frozen=True)
class Position:
    """Where a chat stands: its place, if it has one yet, and the lines that were said since, the last one now.

    Where there are earlier lines, nobody has answered them: the answer failed, or it was another server's.
    """

    place: SessionReference | None
    lines: tuple[str, ...]
    is_remembered: bool = False
    """Whether the place is this server's memory, and not said by the chat."""


class Chat(NamedTuple):
    """What tells chats apart that say the same: who asks, and what else their requests ask for."""

    owner: str
    settings: str


class ChatMemory:
    """The latest answers by their picture, and by what the user had said; until the server stops.

    Where two sessions answered the same words, neither is meant for certain, and none is found.
    """

    def __init__(self) -> None:
        self._places: OrderedDict[str, SessionReference | None] = OrderedDict()

    def keep(self, chat: Chat, lines: Sequence[str], turn: Turn) -> None:
        """Remember an answer."""
        place = SessionReference(turn.session, turn.number)
        self._keep(_digest(chat.owner, "picture", turn.sha256), place)
        key = _digest(*chat, *lines)
        known = self._places.get(key, place)
        self._keep(key, place if known is not None and known.session == place.session else None)

    def by_picture(self, chat: Chat, sha256: str) -> SessionReference | None:
        """The place of the answer with this picture."""
        return self._places.get(_digest(chat.owner, "picture", sha256))

    def by_lines(self, chat: Chat, lines: Sequence[str]) -> SessionReference | None:
        """The place of the answer to the last of these lines."""
        return self._places.get(_digest(*chat, *lines))

    def _keep(self, key: str, place: SessionReference | None) -> None:
        self._places[key] = place
        self._places.move_to_end(key)
        while len(self._places) > MOST_CHATS:
            self._places.popitem(last=False)


def format_title(turn: Turn) -> str:
    """What a picture's title says."""
    return f"notthat {turn.session}/{turn.number}"


def position_of(messages: Sequence[Message], session: str | None, memory: ChatMemory, chat: Chat) -> Position:
    """Where a chat stands. A `session` that is named wins over what is said.

    Raises:
        Problem: where the user says nothing, or shows a picture.
    """
    last = _last_of_the_user(messages)
    before, now = messages[:last], messages[last].text
    place, answered = _marked(before, session)
    if session is not None:
        return Position(place or SessionReference(session), (now,))
    is_remembered = place is None
    if place is None:
        place, answered = _pictured(before, memory, chat)
    if place is not None:
        return Position(place, (*_earlier(before[answered + 1 :], now), now), is_remembered)
    lines = _earlier(before, now)
    for count in range(len(lines), 0, -1):
        if place := memory.by_lines(chat, lines[:count]):
            return Position(place, (*lines[count:], now), True)
    return Position(None, (*lines, now))


def lines_of(messages: Sequence[Message]) -> tuple[str, ...]:
    """What the user said that can be read; a message that was sent again at once counts as one."""
    lines: list[str] = []
    previous: Message | None = None
    for message in messages:
        line = to_one_line(message.text)
        is_again = previous is not None and previous.role == message.role and previous.text == message.text
        if message.role == "user" and 0 < len(line) <= MAX_PROMPT_CHARACTERS and not is_again:
            lines.append(line)
        previous = message
    return tuple(lines)


def _earlier(messages: Sequence[Message], now: str) -> tuple[str, ...]:
    """What the user said before; not the same words, sent once more at once."""
    lines = lines_of(messages)
    is_again = bool(messages) and messages[-1].role == "user" and messages[-1].text == now
    return lines[:-1] if is_again else lines


def _last_of_the_user(messages: Sequence[Message]) -> int:
    last = next((k for k in reversed(range(len(messages))) if messages[k].role == "user"), None)
    if last is None:
        raise _invalid_messages("messages: none is the user's: say what the picture should show")
    if messages[last].has_picture:
        raise _invalid_messages(
            "messages: pictures are not looked at: say in words what the picture should show, or not"
        )
    return last


def _marked(messages: Sequence[Message], session: str | None) -> tuple[SessionReference | None, int]:
    """The place that the last answer with a title names, and which message that is."""
    for k in reversed(range(len(messages))):
        found = _PLACE.findall(messages[k].text) if messages[k].role == "assistant" else []
        if found and session in (None, found[-1][0]):
            return SessionReference(found[-1][0], int(found[-1][1])), k
    return None, -1


def _pictured(messages: Sequence[Message], memory: ChatMemory, chat: Chat) -> tuple[SessionReference | None, int]:
    """The place of the last answer whose picture's address is there still."""
    for k in reversed(range(len(messages))):
        found = _PICTURE.findall(messages[k].text) if messages[k].role == "assistant" else []
        if found and (place := memory.by_picture(chat, found[-1])):
            return place, k
    return None, -1


def _digest(*texts: str) -> str:
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def _invalid_messages(detail: str) -> Problem:
    return Problem(400, "refused", "That can't be done", detail, more={"errors": [{"loc": ["messages"]}]})

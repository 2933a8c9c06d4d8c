"""Finds the session that a chat belongs to. Every response has it in the title of its picture:

    ![turn 1](http://127.0.0.1:8000/api/images/….png "notthat 3f9c2a71d0b45e86/1")

Clients send the history back. The last title in it names the turn that the new message is feedback on, so a chat that
was edited, or continued from an earlier message, continues from that turn. If a client removes the titles, the picture
URL or the user's messages are looked up in `ChatMemory`. A chat that is not found starts a new session with all of the
user's messages: see `Position.lines`.
"""

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from .....conversation import Turn
from .....edits import MAX_PROMPT_CHARACTERS
from .....terms import to_one_line
from ...problems import Problem

Roles = Literal["system", "developer", "user", "assistant", "tool", "function"]

MAX_CHATS = 10_000
"""Responses kept in `ChatMemory`, for clients that remove the titles."""

_SESSION = r"[0-9a-f]{16}"
_TITLE = re.compile(rf'\]\(\S+ "notthat ({_SESSION})/(\d{{1,9}})"\)')
_PICTURE = re.compile(r"/api/images/([0-9a-f]{64})\.png")
_TEXT_TYPES = ("text", "input_text", "output_text")
_PICTURE_TYPES = ("image_url", "input_image")
_IGNORED_TYPES = ("refusal", "reasoning")


class Part(BaseModel):
    """A part of a message. Text and pictures are read."""

    model_config = ConfigDict(extra="allow")

    type: str
    text: str | None = None
    image_url: str | dict[str, Any] | None = Field(
        default=None, description="A base64 data URL, alone or as `url` of an object."
    )

    @property
    def address(self) -> str:
        """The address of a picture; empty if it has none."""
        url = self.image_url.get("url") if isinstance(self.image_url, dict) else self.image_url
        return url.strip() if isinstance(url, str) else ""


class Message(BaseModel):
    """A message of the user or of this server."""

    model_config = ConfigDict(extra="allow")

    role: Roles
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, list):
            return "\n".join(part.text or "" for part in self.content if part.type in _TEXT_TYPES)
        return self.content or ""

    @property
    def picture_addresses(self) -> list[str]:
        """The addresses of its pictures."""
        return [part.address for part in self._parts if part.type in _PICTURE_TYPES]

    @property
    def other_parts(self) -> list[str]:
        """The types of its parts that are neither text nor pictures."""
        known = (*_TEXT_TYPES, *_PICTURE_TYPES, *_IGNORED_TYPES)
        return [part.type for part in self._parts if part.type not in known]

    @property
    def _parts(self) -> list[Part]:
        return self.content if isinstance(self.content, list) else []


@dataclass(frozen=True)
class SessionReference:
    """A session and the turn to continue; None means the current turn."""

    session: str
    turn: int | None = None


@dataclass(frozen=True)
class Position:
    """The state of a chat: the turn to continue, if known, and the user's lines since then; the last one is new.

    Earlier lines are unanswered: their response failed or came from another server.
    """

    place: SessionReference | None
    lines: tuple[str, ...]
    is_remembered: bool = False
    """Whether `place` comes from `ChatMemory` rather than from the chat."""


class Chat(NamedTuple):
    """Distinguishes chats with the same messages: by caller and by the other fields of the request."""

    owner: str
    settings: str


class ChatMemory:
    """The latest responses, by picture and by the user's messages, kept until the server stops.

    If two sessions answered the same messages, the lookup is ambiguous and finds none.
    """

    def __init__(self) -> None:
        self._places: OrderedDict[str, SessionReference | None] = OrderedDict()

    def keep(self, chat: Chat, lines: Sequence[str], turn: Turn) -> None:
        """Remember a response. A question is none: the feedback that it asks about is not answered yet."""
        if turn.question is not None:
            return
        place = SessionReference(turn.session, turn.number)
        self._store(_digest(chat.owner, "picture", turn.sha256), place)
        key = _digest(*chat, *lines)
        previous = self._places.get(key, place)
        self._store(key, place if previous is not None and previous.session == place.session else None)

    def by_picture(self, chat: Chat, sha256: str) -> SessionReference | None:
        """The turn that answered with this picture."""
        return self._places.get(_digest(chat.owner, "picture", sha256))

    def by_lines(self, chat: Chat, lines: Sequence[str]) -> SessionReference | None:
        """The turn that answered the last of these lines."""
        return self._places.get(_digest(*chat, *lines))

    def _store(self, key: str, place: SessionReference | None) -> None:
        self._places[key] = place
        self._places.move_to_end(key)
        while len(self._places) > MAX_CHATS:
            self._places.popitem(last=False)


def format_title(turn: Turn) -> str:
    """The title of a picture, which `position_of` reads."""
    return f"notthat {turn.session}/{turn.number}"


def position_of(messages: Sequence[Message], session: str | None, memory: ChatMemory, chat: Chat) -> Position:
    """The state of a chat. An explicit `session` takes precedence over the history.

    Raises:
        Problem: if there is no message of the user.
    """
    last = last_user_index(messages)
    before, now = messages[:last], messages[last].text
    place, answered = _find_by_title(before, session)
    if session is not None:
        return Position(place or SessionReference(session), (now,))
    is_remembered = place is None
    if place is None:
        place, answered = _find_by_picture(before, memory, chat)
    if place is not None:
        return Position(place, (*_earlier_lines(before[answered + 1 :], now), now), is_remembered)
    lines = _earlier_lines(before, now)
    for count in range(len(lines), 0, -1):
        if place := memory.by_lines(chat, lines[:count]):
            return Position(place, (*lines[count:], now), True)
    return Position(None, (*lines, now))


def lines_of(messages: Sequence[Message]) -> tuple[str, ...]:
    """The user's valid messages, each as one line. An immediate repetition counts once."""
    lines: list[str] = []
    previous: Message | None = None
    for message in messages:
        line = to_one_line(message.text)
        is_repeated = previous is not None and previous.role == message.role and previous.text == message.text
        if message.role == "user" and 0 < len(line) <= MAX_PROMPT_CHARACTERS and not is_repeated:
            lines.append(line)
        previous = message
    return tuple(lines)


def _earlier_lines(messages: Sequence[Message], now: str) -> tuple[str, ...]:
    """The user's earlier lines, without a last one that `now` repeats."""
    lines = lines_of(messages)
    is_repeated = bool(messages) and messages[-1].role == "user" and messages[-1].text == now
    return lines[:-1] if is_repeated else lines


def last_user_index(messages: Sequence[Message]) -> int:
    """The index of the user's last message. Raises `Problem` (400) if there is none."""
    last = next((k for k in reversed(range(len(messages))) if messages[k].role == "user"), None)
    if last is None:
        raise invalid_messages("messages: add a user message that says what the picture should show")
    return last


def _find_by_title(messages: Sequence[Message], session: str | None) -> tuple[SessionReference | None, int]:
    """The turn in the last title, and the index of that message."""
    for k in reversed(range(len(messages))):
        titles = _TITLE.findall(messages[k].text) if messages[k].role == "assistant" else []
        if titles and session in (None, titles[-1][0]):
            return SessionReference(titles[-1][0], int(titles[-1][1])), k
    return None, -1


def _find_by_picture(
    messages: Sequence[Message], memory: ChatMemory, chat: Chat
) -> tuple[SessionReference | None, int]:
    """The turn of the last known picture URL, and the index of that message."""
    for k in reversed(range(len(messages))):
        hashes = _PICTURE.findall(messages[k].text) if messages[k].role == "assistant" else []
        if hashes and (place := memory.by_picture(chat, hashes[-1])):
            return place, k
    return None, -1


def _digest(*texts: str) -> str:
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def invalid_messages(detail: str) -> Problem:
    """The problem (400) of messages."""
    return Problem(400, "refused", "The request was refused", detail, more={"errors": [{"loc": ["messages"]}]})

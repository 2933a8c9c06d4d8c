"""Pictures in a chat: which of them the new message is about.

A picture in the user's last message counts: one that the caller's sessions drew goes on with that session, any other
starts a new session. A client that repeats an earlier upload with every message means the picture drawn last. In a
chat without a known session, the last picture of the history counts: a drawn one before an uploaded one.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ......errors import InvalidInputError
from .....source_picture import SourcePicture
from ...auth import Principal
from ...input_pictures import InputPictures
from .session_reference import (
    Message,
    Position,
    SessionReference,
    invalid_messages,
    last_user_index,
    lines_of,
)

_MARKDOWN_PICTURE = re.compile(r"\]\(\s*(data:image/[\w.+-]+;base64,[A-Za-z0-9+/=]+)")


@dataclass(frozen=True)
class ChatStart:
    """The position of a chat, and the picture that its new session starts from, if it has one."""

    position: Position
    source: SourcePicture | None = None
    note: str = ""


async def find_picture(
    messages: Sequence[Message], position: Position, pictures: InputPictures, principal: Principal
) -> ChatStart:
    """Go on from the picture that the last message is about; else from the `position` that the words have.

    Raises:
        Problem: 400, if a message that counts has a part that is neither text nor a data URL.
        InvalidInputError: if its picture is damaged or too large.
    """
    last = last_user_index(messages)
    sent = pictures_of(messages[last])
    repeated = {url for message in messages[:last] if message.role == "user" for url in message.picture_addresses}
    new = sent if position.place is None else [url for url in sent if url not in repeated]
    if new:
        return await _start_from(new, position.lines[-1:], pictures, principal)
    if position.place is not None:
        return ChatStart(position)
    for k in reversed(range(last)):
        lines = (*lines_of(messages[k:last]), position.lines[-1])
        if messages[k].role == "assistant" and (drawn := _drawn_pictures(messages[k])):
            with suppress(InvalidInputError):  # another server's answer may have anything in it
                picture = await pictures.read(drawn[-1])
                if (own := await pictures.find_own_turn(principal, picture)) is not None:
                    return ChatStart(Position(SessionReference(own.session, own.number), lines))
        elif messages[k].role == "user" and (sent := pictures_of(messages[k])):
            return await _start_from(sent, lines, pictures, principal)
    return ChatStart(position)


def pictures_of(message: Message) -> list[str]:
    """The data URLs of a message.

    Raises:
        Problem: 400 for an address, which is not fetched, or a part of another kind.
    """
    if message.other_parts:
        kind = message.other_parts[0][:40]
        raise invalid_messages(f"messages: parts of the type “{kind}” are not read: send text and pictures")
    addresses = message.picture_addresses
    if any(address[:5].lower() != "data:" for address in addresses):
        raise invalid_messages("messages: no address is fetched: send the picture as a base64 data URL")
    return addresses


async def _start_from(
    urls: Sequence[str], lines: tuple[str, ...], pictures: InputPictures, principal: Principal
) -> ChatStart:
    picture, own = await pictures.choose(principal, urls)
    if own is not None:
        return ChatStart(Position(SessionReference(own.session, own.number), lines))
    note = f"(Only the first of your {len(urls)} pictures is used.) " if len(urls) > 1 else ""
    return ChatStart(Position(None, lines), picture, note)


def _drawn_pictures(message: Message) -> list[str]:
    """The data URLs in an answer: in its Markdown, or as parts."""
    return [*_MARKDOWN_PICTURE.findall(message.text), *(a for a in message.picture_addresses if a.startswith("data:"))]

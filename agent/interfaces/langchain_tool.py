"""A tool for LangChain agents. The model gets the turn as text; the program gets it as the artifact.

from langchain.agents import create_agent
from notthat.agent.interfaces.langchain_tool import create_picture_tool

agent = create_agent("openai:gpt-5.4-mini", [create_picture_tool()])
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from ...errors import InvalidInputError, NotthatError
from ..async_conversation import AsyncConversation
from ..conversation import Conversation, Turn
from ..studio import Studio
from ..turn_serialization import turn_json
from .given_pictures import locate
from .turn_text import format_turn

_DESCRIPTION = """\
Draw a picture, and change it in conversation. Without a session, the words describe what the picture should show \
and what it should not show; this starts a session, also from a picture of the user's. With a session, the words say \
what is wrong with its picture (“too dark”, “no watermark”, “bring the hat back”, “make it a woman”, “undo”, \
“another one”), and the picture is drawn again with all exclusions so far. Pass on the user's own words. The answer \
names the session to continue."""

Answer = tuple[str, dict[str, Any] | None]
"""The text for the model, and the turn as in `turn_json`; its `image` is the path of the picture."""


class PictureToolInput(BaseModel):
    """The arguments of the tool."""

    words: str = Field(description="What to draw; or, with a session, what is wrong with its picture.")
    session: str | None = Field(default=None, description="The session to continue; without it, a new one starts.")
    picture: str | None = Field(
        default=None,
        description="Without a session: a picture to start from, the path of a file or a base64 data URL.",
    )


def create_picture_tool(
    studio: Studio | None = None, *, name: str = "picture", description: str = _DESCRIPTION, **options: Any
) -> BaseTool:
    """Create the tool, sync and async, for a studio; by default for the one that the settings describe.

    `options` are those of `Conversation.start` for new sessions, such as `policies=["brand-safety"]`. The artifact of
    a tool message is the turn. If a call is refused, the model gets the error message.
    """
    studio = studio or Studio.open()

    def draw(words: str, session: str | None = None, picture: str | None = None) -> Answer:
        with _refusals_for_the_model():
            given = _locate(picture, session)
            if given is not None and (own := Conversation.continue_from(given, studio)) is not None:
                with studio.lock(own.id):
                    return _answer(own.say(words))
            if not session:  # some models fill in every argument, and this one with nothing
                return _answer(Conversation.start(words, studio, **options, picture=given).head)
            with studio.lock(session):
                return _answer(Conversation.open(session, studio).say(words))

    async def adraw(words: str, session: str | None = None, picture: str | None = None) -> Answer:
        with _refusals_for_the_model():
            given = _locate(picture, session)
            if given is not None and (own := await AsyncConversation.continue_from(given, studio)) is not None:
                return _answer(await own.say(words))
            if not session:
                return _answer((await AsyncConversation.start(words, studio, **options, picture=given)).head)
            return _answer(await (await AsyncConversation.open(session, studio)).say(words))

    return StructuredTool.from_function(
        draw,
        adraw,
        name,
        description,
        args_schema=PictureToolInput,
        response_format="content_and_artifact",
        handle_tool_error=True,
    )


def _locate(picture: str | None, session: str | None) -> Path | bytes | None:
    if picture and session:
        raise InvalidInputError("give a session to continue or a picture to start from, not both")
    return locate(picture) if picture else None


def _answer(turn: Turn) -> Answer:
    return format_turn(turn), turn_json(turn)


@contextmanager
def _refusals_for_the_model() -> Iterator[None]:
    """Raise what is refused so that LangChain passes the line on to the model."""
    try:
        yield
    except NotthatError as error:
        raise ToolException(str(error)) from error

"""A tool for LangChain's agents: the reply and the state in words for the model, the whole turn for the program.

from langchain.agents import create_agent
from notthat.agent.interfaces.langchain_tool import picture_tool

agent = create_agent("openai:gpt-5.4-mini", [picture_tool()])
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from ...errors import NotthatError
from ..async_conversation import AsyncConversation
from ..conversation import Conversation, Turn
from ..studio import Studio
from ..turn_json import turn_json
from .turn_text import format_turn

_DESCRIPTION = """\
Draw a picture, and change it in conversation. Without a session, the words describe what the picture should show, \
and may say what it should not: a session begins. With a session, the words say what is wrong with its picture \
(“too dark”, “no watermark”, “bring the hat back”, “make it a woman”, “undo”, “another one”), and it is drawn again \
with everything left out that was ever complained of. Pass on what the user said in the user's own words. \
The answer names the session, to go on with."""

Answer = tuple[str, dict[str, Any] | None]
"""What the model reads, and the turn as `turn_json` gives it, whose `image` is the picture's path."""


class PictureToolInput(BaseModel):
    """What the tool takes."""

    words: str = Field(description="What to draw; or, with a session, what is wrong with its picture.")
    session: str | None = Field(default=None, description="The session to go on with; none begins a new one.")


def create_picture_tool(
    studio: Studio | None = None, *, name: str = "picture", description: str = _DESCRIPTION, **options: Any
) -> BaseTool:
    """The tool, sync and async, on a studio: by default the one that the environment describes.

    New sessions begin with the `options` of `Conversation.start`, such as `policies=["brand-safety"]`. The
    message that comes of a call has the turn as its artifact. What is refused, the model is told in a line.
    """
    studio = studio or Studio.open()

    def picture(words: str, session: str | None = None) -> Answer:
        with _refusals_for_the_model():
            if not session:  # some models fill in every argument, and this one with nothing
                return _answer(Conversation.start(words, studio, **options).head)
            with studio.lock(session):
                return _answer(Conversation.open(session, studio).say(words))

    async def apicture(words: str, session: str | None = None) -> Answer:
        with _refusals_for_the_model():
            if not session:
                return _answer((await AsyncConversation.start(words, studio, **options)).head)
            return _answer(await (await AsyncConversation.open(session, studio)).say(words))

    return StructuredTool.from_function(
        picture,
        apicture,
        name,
        description,
        args_schema=PictureToolInput,
        response_format="content_and_artifact",
        handle_tool_error=True,
    )


def _answer(turn: Turn) -> Answer:
    return format_turn(turn), turn_json(turn)


@contextmanager
def _refusals_for_the_model() -> Iterator[None]:
    """Raise what is refused so that LangChain passes the line on to the model."""
    try:
        yield
    except NotthatError as error:
        raise ToolException(str(error)) from error

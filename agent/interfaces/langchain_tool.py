"""A tool for LangChain agents. The model gets the turn as text; the program gets it as the artifact.

from langchain.agents import create_agent
from notthat.agent.interfaces.langchain_tool import create_picture_tool

agent = create_agent("openai:gpt-5.4-mini", [create_picture_tool()])
"""

from collections.abc import Mapping
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from ...errors import NotthatError
from ..cancellable_thread import run_in_thread
from ..conversation import Conversation, turn_json
from ..studio import OnStep, Studio
from .turn_text import format_turn

_DESCRIPTION = """\
Draw a picture, and change it in conversation. Without a session, the words describe what the picture should show \
and what it should not show; this starts a session. With a session, the words say what is wrong with its picture \
(“too dark”, “no watermark”, “bring the hat back”, “make it a woman”, “undo”, “another one”), and the picture is drawn \
again with all exclusions so far. Pass on the user's own words. The answer names the session to continue."""

Answer = tuple[str, dict[str, Any] | None]
"""The text for the model, and the turn as in `turn_json`; its `image` is the path of the picture."""


class PictureToolInput(BaseModel):
    """The arguments of the tool."""

    words: str = Field(description="What to draw; or, with a session, what is wrong with its picture.")
    session: str | None = Field(default=None, description="The session to continue; without it, a new one starts.")


def create_picture_tool(
    studio: Studio | None = None, *, name: str = "picture", description: str = _DESCRIPTION, **options: Any
) -> BaseTool:
    """Create the tool, sync and async, for a studio; by default for the one that the settings describe.

    `options` are those of `Conversation.start` for new sessions, such as `policies=["brand-safety"]`. The artifact of
    a tool message is the turn. If a call is refused, the model gets the error message.
    """
    studio = studio or Studio.open()

    def picture(words: str, session: str | None = None) -> Answer:
        return _answer_tool_call(studio, options, words, session, None)

    async def apicture(words: str, session: str | None = None) -> Answer:
        return await run_in_thread(lambda on_step: _answer_tool_call(studio, options, words, session, on_step))

    return StructuredTool.from_function(
        picture,
        apicture,
        name,
        description,
        args_schema=PictureToolInput,
        response_format="content_and_artifact",
        handle_tool_error=True,
    )


def _answer_tool_call(
    studio: Studio, options: Mapping[str, Any], words: str, session: str | None, on_step: OnStep | None
) -> Answer:
    try:
        if not session:  # some models send an empty string for unused arguments
            turn = Conversation.start(words, studio, on_step=on_step, **options).head
        else:
            with studio.lock(session):
                turn = Conversation.open(session, studio).say(words, on_step)
    except NotthatError as error:
        raise ToolException(str(error)) from error
    return format_turn(turn), turn_json(turn)

"""A tool for LangChain's agents: the reply and the state in words for the model, the whole turn for the program.

from langchain.agents import create_agent
from notthat.agent.interfaces.langchain_tool import picture_tool

agent = create_agent("openai:gpt-5.4-mini", [picture_tool()])
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
        if not session:  # some models fill in every argument, and this one with nothing
            turn = Conversation.start(words, studio, on_step=on_step, **options).head
        else:
            with studio.lock(session):
                turn = Conversation.open(session, studio).say(words, on_step)
    except NotthatError as error:
        raise ToolException(str(error)) from error
    return format_turn(turn), turn_json(turn)

"""The tools for hosts that speak the Model Context Protocol: start, say, undo, show, replay.

A tool answers in words for the model, with the picture and a link to it for the person, and with the turn as
JSON for the program. Who does what is asked for is a `Backend`: here a studio in this process, for stdio;
the HTTP server has its own, with its queue and its keys.
"""

import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ... import __version__
from ...errors import NotthatError
from ...generation import Progress
from ..async_conversation import AsyncConversation
from ..cancellable_thread import AsyncOnStep, run_in_thread
from ..conversation import Turn
from ..edits import MAX_PROMPT_CHARACTERS
from ..feedback import Feedback
from ..replay.regenerate import ReplayResult
from ..replay.regenerate import replay_session as replayed
from ..studio import Studio
from ..turn_json import turn_json
from ..turn_png import build_turn_png
from .turn_text import format_turn

Report = Callable[[float, float | None, str], Awaitable[None]]
"""Tells the client how far it is: done, of how much, in words."""

_INSTRUCTIONS = """\
Pictures that are mended by saying what is wrong with them. `start` draws the first one from a description, and \
answers with the session's id. `say` passes on what the user says of the picture, in the user's own words: everything \
complained of stays left out in all later pictures, until the user wants it back. Show the user the picture, or its \
link, after each."""

_MOST_BYTES = 512 * 1024
_MOST_PIXELS = 1024
"""A picture that is larger is shown as a smaller JPEG, since hosts refuse answers of megabytes; the link is to all."""


_NEGATIVE = "Terms to leave out besides, as a negative prompt: “blurry, (text:1.3)”."


class _ToolArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StartArguments(_ToolArguments):
    """Draw the first picture of a new session."""

    prompt: str = Field(description="What the picture should show, and what not: “a man without mustache”.")
    negative: str = Field(default="", max_length=MAX_PROMPT_CHARACTERS, description=_NEGATIVE)
    seed: int | None = Field(default=None, description="Seed of the noise; random by default.")
    steps: int | None = Field(default=None, description="Number of denoising steps; by default the model's own.")
    guidance: float | None = Field(default=None, description="Guidance scale; by default the model's own.")
    policies: list[str] = Field(default=[], description="Packs of exclusions that always apply, such as “quality”.")


class SayArguments(_ToolArguments):
    """Say what is wrong with a session's picture, and get it again without it."""

    session: str = Field(description="The session's id, as `start` told it.")
    feedback: str = Field(description="The user's own words: “too dark”, “no watermark”, “bring the hat back”.")
    negative: str = Field(default="", max_length=MAX_PROMPT_CHARACTERS, description=_NEGATIVE)
    seed: int | None = Field(default=None, description="Draw from this seed from now on; by default it stays the same.")
    steps: int | None = Field(default=None, description="Draw in this many steps from now on; by default as before.")

    def as_feedback(self) -> Feedback:
        """All that is asked of the next picture."""
        return Feedback((self.feedback,), negative=self.negative, seed=self.seed, steps=self.steps)


class UndoArguments(_ToolArguments):
    """Go back to an earlier picture of a session; nothing is erased."""

    session: str = Field(description="The session's id.")
    turns: int = Field(default=1, ge=1, description="How many turns to go back.")


class ShowArguments(_ToolArguments):
    """Show a session's picture again, and what is left out of it since when and in whose words."""

    session: str = Field(description="The session's id.")
    turn: int | None = Field(default=None, description="Which turn; by default the one that is shown now.")


class ReplayArguments(_ToolArguments):
    """Draw every turn of a session again from what was recorded, and say whether the pixels are the same."""

    session: str = Field(description="The session's id.")


class Backend(Protocol):
    """Who does what the tools are asked for; every method raises `NotthatError` with a line for the user."""

    async def start(self, arguments: StartArguments, report: Report) -> Turn:
        """The first turn of a new session."""
        ...

    async def say(self, arguments: SayArguments, report: Report) -> Turn:
        """The next turn, or the same one where nothing was asked."""
        ...

    async def undo(self, arguments: UndoArguments) -> Turn:
        """The turn that is shown now."""
        ...

    async def show(self, arguments: ShowArguments) -> Turn:
        """A turn as it was."""
        ...

    async def replay(self, arguments: ReplayArguments, report: Report) -> Sequence[ReplayResult]:
        """How every turn came out this time."""
        ...

    async def png(self, turn: Turn) -> bytes:
        """The picture of a turn, with its text."""
        ...

    def link(self, turn: Turn) -> str:
        """Where the picture of a turn is found, as a URI."""
        ...

    def as_json(self, turn: Turn) -> dict[str, Any]:
        """A turn for programs; its `image` is the link."""
        ...


Context = ServerRequestContext[Any, Any]
_Tool = Callable[[Backend, Any, Report], Awaitable[types.CallToolResult]]


def _log_tool_error(tool: str, error: Exception) -> None:
    logging.getLogger(__name__).error("the tool %s failed", tool, exc_info=error)


def create_mcp_server(
    backend_of: Callable[[Context], Backend], unexpected: Callable[[str, Exception], None] = _log_tool_error
) -> Server[Any]:
    """The server, for any transport; `backend_of` says who works for a request.

    `unexpected` is told of errors that nobody thought of; the host is told no more than that there was one.
    """

    async def list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=_LISTED)

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name not in _TOOLS:
            raise MCPError(types.INVALID_PARAMS, f"no tool “{params.name}”: there are {', '.join(_TOOLS)}")
        asked, run = _TOOLS[params.name]
        try:
            arguments = asked.model_validate(params.arguments or {})
            return await run(backend_of(context), arguments, context.session.report_progress)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return _error_result(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        except NotthatError as error:
            return _error_result(str(error))
        except Exception as error:
            unexpected(params.name, error)
            return _error_result("Something went wrong on the server; its log says what.")

    return Server(
        "notthat",
        version=__version__,
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def _start(backend: Backend, arguments: StartArguments, report: Report) -> types.CallToolResult:
    return await _turn_result(backend, await backend.start(arguments, report))


async def _say(backend: Backend, arguments: SayArguments, report: Report) -> types.CallToolResult:
    return await _turn_result(backend, await backend.say(arguments, report))


async def _undo(backend: Backend, arguments: UndoArguments, _: Report) -> types.CallToolResult:
    return await _turn_result(backend, await backend.undo(arguments))


async def _show(backend: Backend, arguments: ShowArguments, _: Report) -> types.CallToolResult:
    return await _turn_result(backend, await backend.show(arguments))


async def _replay(backend: Backend, arguments: ReplayArguments, report: Report) -> types.CallToolResult:
    results = await backend.replay(arguments, report)
    identical = sum(result.identical for result in results)
    lines = [f"turn {result.turn}: {_format_replay_result(result)}" for result in results]
    return types.CallToolResult(
        content=[types.TextContent(text="\n".join([f"{identical} of {len(results)} turns are identical.", *lines]))],
        structured_content={"turns": [result.as_json() for result in results], "identical": identical},
    )


def _format_replay_result(result: ReplayResult) -> str:
    if result.identical:
        return "identical"
    drift = f"; {result.drift.summary}" if result.drift else ""
    return f"differs by up to {result.max_abs_diff} levels of 255{drift}"


_TOOLS: dict[str, tuple[type[_ToolArguments], _Tool]] = {
    "start": (StartArguments, _start),
    "say": (SayArguments, _say),
    "undo": (UndoArguments, _undo),
    "show": (ShowArguments, _show),
    "replay": (ReplayArguments, _replay),
}
_CHANGES_NOTHING = ("show", "replay")
_LISTED = [
    types.Tool(
        name=name,
        description=asked.__doc__,
        input_schema=asked.model_json_schema(),
        annotations=types.ToolAnnotations(
            read_only_hint=name in _CHANGES_NOTHING, destructive_hint=False, open_world_hint=False
        ),
    )
    for name, (asked, _) in _TOOLS.items()
]


def _error_result(line: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=line)], is_error=True)


async def _turn_result(backend: Backend, turn: Turn) -> types.CallToolResult:
    """A turn: in words, as a picture, as a link, as JSON."""
    link = backend.link(turn)
    content = await backend.png(turn)
    picture = await run_in_thread(lambda _: _image_content(content))
    return types.CallToolResult(
        content=[
            types.TextContent(text=f"{format_turn(turn)}\nPicture: {link}"),
            picture,
            types.ResourceLink(
                uri=link,
                name=f"{turn.sha256}.png",
                title=f"Turn {turn.number}: {turn.prompt}",
                mime_type="image/png",
            ),
        ],
        structured_content=backend.as_json(turn),
    )


def _image_content(content: bytes) -> types.ImageContent:
    """The picture for hosts to show: the PNG itself, or a smaller JPEG where it is large."""
    kind = "image/png"
    if len(content) > _MOST_BYTES:
        file = BytesIO()
        with Image.open(BytesIO(content)) as image:
            image.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
            image.convert("RGB").save(file, "JPEG", quality=90)
        content, kind = file.getvalue(), "image/jpeg"
    return types.ImageContent(data=b64encode(content).decode(), mime_type=kind)


@dataclass(frozen=True)
class StudioBackend:
    """A studio in this process; `policies` apply to every session that is begun here."""

    studio: Studio
    policies: tuple[str, ...] = ()

    async def start(self, arguments: StartArguments, report: Report) -> Turn:
        """The first turn of a new session."""
        policies = tuple(dict.fromkeys([*self.policies, *arguments.policies]))
        conversation = await AsyncConversation.start(
            arguments.prompt,
            self.studio,
            negative=arguments.negative,
            seed=arguments.seed,
            steps=arguments.steps,
            guidance=arguments.guidance,
            policies=policies,
            on_step=_report_steps(report),
        )
        return conversation.head

    async def say(self, arguments: SayArguments, report: Report) -> Turn:
        """The next turn; two that are asked for at once are drawn one after the other."""
        conversation = await AsyncConversation.open(arguments.session, self.studio)
        return await conversation.say(arguments.as_feedback(), _report_steps(report))

    async def undo(self, arguments: UndoArguments) -> Turn:
        """The turn that is shown now."""
        return await (await AsyncConversation.open(arguments.session, self.studio)).undo(arguments.turns)

    async def show(self, arguments: ShowArguments) -> Turn:
        """A turn as it was."""
        return await run_in_thread(lambda _: self.studio.store.turn(arguments.session, arguments.turn))

    async def replay(self, arguments: ReplayArguments, report: Report) -> Sequence[ReplayResult]:
        """How every turn came out this time; the steps of all of them are counted on."""
        return await run_in_thread(
            lambda on_step: list(replayed(self.studio, arguments.session, on_step)), _count_steps(report)
        )

    async def png(self, turn: Turn) -> bytes:
        """The turn's picture, with its text."""
        return await run_in_thread(lambda _: build_turn_png(turn, self.studio.store.images))

    def link(self, turn: Turn) -> str:
        """The picture's file."""
        return turn.image.absolute().as_uri()

    def as_json(self, turn: Turn) -> dict[str, Any]:
        """The turn as the command line gives it, with a link for a path."""
        return {**turn_json(turn), "image": self.link(turn)}


def _report_steps(report: Report) -> AsyncOnStep:
    """Reports every step of a picture."""

    async def on_step(progress: Progress) -> None:
        await report(progress.step, progress.steps, f"step {progress.step} of {progress.steps}")

    return on_step


def _count_steps(report: Report) -> AsyncOnStep:
    """Reports the steps of many pictures, whose number nobody knows yet."""
    done = 0

    async def on_step(progress: Progress) -> None:
        nonlocal done
        done += 1
        await report(done, None, f"step {progress.step} of {progress.steps}")

    return on_step


async def serve_stdio(studio: Studio, policies: tuple[str, ...] = ()) -> None:
    """Serve a host over stdin and stdout until it closes them; stdout has nothing else meanwhile."""
    backend = StudioBackend(studio, policies)
    server = create_mcp_server(lambda _: backend)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())

"""The MCP (Model Context Protocol) tools: start, say, undo, show, replay.

A result has text for the model, the picture and a link to it for the user, and the turn as JSON for the program. A
`Backend` runs the tools: `StudioBackend` in this process, for stdio; the HTTP server has its own, with queue and keys.
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
from ..edits import MAX_PROMPT_CHARACTERS, Confirm
from ..feedback import Feedback
from ..replay.regenerate import ReplayResult, replay_session
from ..studio import Studio
from ..turn_png import build_turn_png
from ..turn_serialization import turn_json
from ..verification import VerifyOptions
from ..verification.options import DEFAULT_TRIES, MAX_TRIES
from .given_pictures import locate, refuse_start_options
from .mcp_elicitation import QUESTION_KEY, can_elicit, elicit, elicit_request, has_input_requests, read_answer
from .turn_text import format_turn

Report = Callable[[float, float | None, str], Awaitable[None]]
"""Reports progress to the client: steps done, total or None, message."""

_INSTRUCTIONS = """\
Draws pictures and corrects them by feedback. `start` draws the first picture from a description and returns the id of \
the session. `say` passes on the user's feedback in the user's own words: what the user complains about stays excluded \
from all later pictures until the user wants it back. If a result asks a question, ask the user and pass the answer on \
with `say`. After each call, show the user the picture or its link."""

_MAX_BYTES = 512 * 1024
_MAX_PIXELS = 1024
"""Larger pictures are sent as a reduced JPEG, because hosts refuse large results; the link leads to the original."""


_NEGATIVE = "More terms to exclude, as a negative prompt: “blurry, (text:1.3)”."


class _ToolArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StartArguments(_ToolArguments):
    """Draw the first picture of a new session."""

    prompt: str = Field(description="What the picture should and should not show: “a man without mustache”.")
    negative: str = Field(default="", max_length=MAX_PROMPT_CHARACTERS, description=_NEGATIVE)
    seed: int | None = Field(default=None, description="Seed of the noise; random by default.")
    steps: int | None = Field(default=None, description="Number of denoising steps; by default the model's own.")
    guidance: float | None = Field(default=None, description="Guidance scale; by default the model's own.")
    policies: list[str] = Field(
        default=[], description="Policies: sets of exclusions that always apply, such as “quality”."
    )
    verify: bool | None = Field(
        default=None,
        description="Whether judges look for what is excluded in every picture, and draw again what still has it.",
    )
    tries: int = Field(
        default=DEFAULT_TRIES, ge=0, le=MAX_TRIES, description="With `verify`: further pictures for a turn, at most."
    )
    new_seeds: bool = Field(default=False, description="With `verify`: whether a further picture may use another seed.")
    picture: str | None = Field(
        default=None,
        description=(
            "A picture to start from: the path of a file on this machine, or a base64 data URL (the only form that a "
            "server takes). If a session drew it, that session goes on, and `prompt` is feedback."
        ),
    )
    strength: float | None = Field(
        default=None, ge=0, le=1, description="With `picture`: how much of it may change, from 0 to 1; by default 0.6."
    )

    @property
    def verification(self) -> VerifyOptions | bool | None:
        """How the session's turns are verified."""
        return VerifyOptions(tries=self.tries, new_seeds=self.new_seeds) if self.verify else self.verify

    def as_feedback(self) -> Feedback:
        """The arguments as feedback on a picture that a session drew."""
        return Feedback((self.prompt,), negative=self.negative, seed=self.seed, steps=self.steps)

    def list_start_options(self) -> list[str]:
        """The names of the given options that only a new session has."""
        return [name for name in ("guidance", "policies") if getattr(self, name)]


class SayArguments(_ToolArguments):
    """Give feedback on the picture of a session and draw it again."""

    session: str = Field(description="The id of the session, from the result of `start`.")
    feedback: str = Field(description="The user's own words: “too dark”, “no watermark”, “bring the hat back”.")
    negative: str = Field(default="", max_length=MAX_PROMPT_CHARACTERS, description=_NEGATIVE)
    seed: int | None = Field(default=None, description="New seed for this and later turns; by default unchanged.")
    steps: int | None = Field(
        default=None, description="New number of steps for this and later turns; by default unchanged."
    )
    verify: bool | None = Field(
        default=None, description="Whether this and later turns are verified; by default unchanged."
    )

    def as_feedback(self) -> Feedback:
        """The arguments as `Feedback`."""
        return Feedback((self.feedback,), negative=self.negative, seed=self.seed, steps=self.steps)


class UndoArguments(_ToolArguments):
    """Go back to an earlier turn of a session. Nothing is deleted."""

    session: str = Field(description="The id of the session.")
    turns: int = Field(default=1, ge=1, description="Number of turns to go back.")


class ShowArguments(_ToolArguments):
    """Show a turn of a session: its picture and its exclusions with their origin."""

    session: str = Field(description="The id of the session.")
    turn: int | None = Field(default=None, description="Number of the turn; by default the current one.")


class ReplayArguments(_ToolArguments):
    """Redraw every turn of a session from its stored request and compare the pixels."""

    session: str = Field(description="The id of the session.")


class Backend(Protocol):
    """Runs the tools. Every method raises `NotthatError` with one line for the user."""

    async def start(self, arguments: StartArguments, report: Report) -> Turn:
        """The first turn of a new session."""
        ...

    async def say(self, arguments: SayArguments, report: Report) -> Turn:
        """The next turn, or the current one if the feedback changes nothing."""
        ...

    async def confirm(self, session: str, answer: Confirm, report: Report) -> Turn:
        """The turn that an answer to the open question makes, or the current one if it changes nothing."""
        ...

    async def undo(self, arguments: UndoArguments) -> Turn:
        """The turn that is current afterwards."""
        ...

    async def show(self, arguments: ShowArguments) -> Turn:
        """A stored turn; by default the current one."""
        ...

    async def replay(self, arguments: ReplayArguments, report: Report) -> Sequence[ReplayResult]:
        """Redraw and compare every turn."""
        ...

    async def png(self, turn: Turn) -> bytes:
        """The PNG of a turn, with its metadata."""
        ...

    def link(self, turn: Turn) -> str:
        """The URI of the picture of a turn."""
        ...

    def as_json(self, turn: Turn) -> dict[str, Any]:
        """The turn as JSON; its `image` is the link."""
        ...


Context = ServerRequestContext[Any, Any]
_Result = types.CallToolResult | types.InputRequiredResult
_Tool = Callable[["_Call", Any], Awaitable[_Result]]


@dataclass(frozen=True)
class _Call:
    """A call of a tool."""

    backend: Backend
    context: Context
    params: types.CallToolRequestParams

    @property
    def report(self) -> Report:
        return self.context.session.report_progress


def _log_tool_error(tool: str, error: Exception) -> None:
    logging.getLogger(__name__).error("the tool %s failed", tool, exc_info=error)


def create_mcp_server(
    backend_of: Callable[[Context], Backend], on_error: Callable[[str, Exception], None] = _log_tool_error
) -> Server[Any]:
    """Create the server, for any transport. `backend_of` returns the backend for a request.

    `on_error` is called with unexpected errors; the host gets no details of them.
    """

    async def list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=_TOOL_LIST)

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> _Result:
        if params.name not in _TOOLS:
            raise MCPError(types.INVALID_PARAMS, f"unknown tool “{params.name}”: use {', '.join(_TOOLS)}")
        arguments_type, run = _TOOLS[params.name]
        try:
            arguments = arguments_type.model_validate(params.arguments or {})
            return await run(_Call(backend_of(context), context, params), arguments)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return _error_result(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        except NotthatError as error:
            return _error_result(str(error))
        except Exception as error:
            on_error(params.name, error)
            return _error_result("Unexpected error: see the log of the server.")

    return Server(
        "notthat",
        version=__version__,
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def _start(call: _Call, arguments: StartArguments) -> _Result:
    return await _turn_result(call.backend, await call.backend.start(arguments, call.report))


async def _say(call: _Call, arguments: SayArguments) -> _Result:
    """Give feedback. If it is in doubt, the user is asked, if the host can do that; else the result is the question."""
    backend, response = call.backend, (call.params.input_responses or {}).get(QUESTION_KEY)
    if response is not None:  # the host repeats the call, with the answer
        turn = await backend.show(ShowArguments(session=arguments.session))
    else:
        turn = await backend.say(arguments, call.report)
        if turn.question is None or not can_elicit(call.context):
            return await _turn_result(backend, turn)
        if has_input_requests(call.context):
            return types.InputRequiredResult(input_requests={QUESTION_KEY: elicit_request(turn.question)})
        response = await elicit(call.context, turn.question)
    answer = None if turn.question is None else read_answer(response, turn.question)
    if answer is not None:
        turn = await backend.confirm(arguments.session, answer, call.report)
    return await _turn_result(backend, turn)


async def _undo(call: _Call, arguments: UndoArguments) -> _Result:
    return await _turn_result(call.backend, await call.backend.undo(arguments))


async def _show(call: _Call, arguments: ShowArguments) -> _Result:
    return await _turn_result(call.backend, await call.backend.show(arguments))


async def _replay(call: _Call, arguments: ReplayArguments) -> _Result:
    results = await call.backend.replay(arguments, call.report)
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
_READ_ONLY = ("show", "replay")
_TOOL_LIST = [
    types.Tool(
        name=name,
        description=arguments_type.__doc__,
        input_schema=arguments_type.model_json_schema(),
        annotations=types.ToolAnnotations(
            read_only_hint=name in _READ_ONLY, destructive_hint=False, open_world_hint=False
        ),
    )
    for name, (arguments_type, _) in _TOOLS.items()
]


def _error_result(line: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=line)], is_error=True)


async def _turn_result(backend: Backend, turn: Turn) -> types.CallToolResult:
    """A turn as text, picture, link and JSON."""
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
    """The picture as content: the PNG, or a reduced JPEG if the PNG is large."""
    kind = "image/png"
    if len(content) > _MAX_BYTES:
        file = BytesIO()
        with Image.open(BytesIO(content)) as image:
            image.thumbnail((_MAX_PIXELS, _MAX_PIXELS))
            image.convert("RGB").save(file, "JPEG", quality=90)
        content, kind = file.getvalue(), "image/jpeg"
    return types.ImageContent(data=b64encode(content).decode(), mime_type=kind)


@dataclass(frozen=True)
class StudioBackend:
    """Runs the tools on a studio in this process. `policies` apply to every new session."""

    studio: Studio
    policies: tuple[str, ...] = ()

    async def start(self, arguments: StartArguments, report: Report) -> Turn:
        """The first turn of a new session, or the next one of the session that drew the picture."""
        picture = None if arguments.picture is None else locate(arguments.picture)
        if picture is not None and arguments.strength is None:
            own = await AsyncConversation.continue_from(picture, self.studio)
            if own is not None:
                refuse_start_options(own.head, arguments.list_start_options())
                return await own.say(arguments.as_feedback(), _report_steps(report))
        policies = tuple(dict.fromkeys([*self.policies, *arguments.policies]))
        conversation = await AsyncConversation.start(
            arguments.prompt,
            self.studio,
            negative=arguments.negative,
            seed=arguments.seed,
            steps=arguments.steps,
            guidance=arguments.guidance,
            policies=policies,
            verification=arguments.verification,
            picture=picture,
            strength=arguments.strength,
            on_step=_report_steps(report),
        )
        return conversation.head

    async def say(self, arguments: SayArguments, report: Report) -> Turn:
        """The next turn; concurrent calls on one session are serialised."""
        conversation = await AsyncConversation.open(arguments.session, self.studio)
        if arguments.verify is not None:
            await conversation.set_verification(arguments.verify)
        return await conversation.say(arguments.as_feedback(), _report_steps(report))

    async def confirm(self, session: str, answer: Confirm, report: Report) -> Turn:
        """The turn that an answer to the open question makes."""
        conversation = await AsyncConversation.open(session, self.studio)
        return await conversation.edit([answer], _report_steps(report))

    async def undo(self, arguments: UndoArguments) -> Turn:
        """The turn that is current afterwards."""
        return await (await AsyncConversation.open(arguments.session, self.studio)).undo(arguments.turns)

    async def show(self, arguments: ShowArguments) -> Turn:
        """A stored turn; by default the current one."""
        return await run_in_thread(lambda _: self.studio.store.turn(arguments.session, arguments.turn))

    async def replay(self, arguments: ReplayArguments, report: Report) -> Sequence[ReplayResult]:
        """Redraw and compare every turn; progress counts the steps of all turns."""
        return await run_in_thread(
            lambda on_step: list(replay_session(self.studio, arguments.session, on_step)), _count_steps(report)
        )

    async def png(self, turn: Turn) -> bytes:
        """The PNG of the turn, with its metadata."""
        return await run_in_thread(lambda _: build_turn_png(turn, self.studio.store.images))

    def link(self, turn: Turn) -> str:
        """The picture's `file:` URI, or its URL in the object store."""
        return turn.image.as_uri()

    def as_json(self, turn: Turn) -> dict[str, Any]:
        """The turn as the command line prints it, with a URI instead of a path."""
        return {**turn_json(turn), "image": self.link(turn)}


def _report_steps(report: Report) -> AsyncOnStep:
    """A callback that reports each step of one picture."""

    async def on_step(progress: Progress) -> None:
        await report(progress.step, progress.steps, f"step {progress.step} of {progress.steps}")

    return on_step


def _count_steps(report: Report) -> AsyncOnStep:
    """A callback that counts the steps of several pictures; the total is unknown."""
    done = 0

    async def on_step(progress: Progress) -> None:
        nonlocal done
        done += 1
        await report(done, None, f"step {progress.step} of {progress.steps}")

    return on_step


async def serve_stdio(studio: Studio, policies: tuple[str, ...] = ()) -> None:
    """Serve a host over stdin and stdout until it closes them. Nothing else may write to stdout."""
    backend = StudioBackend(studio, policies)
    server = create_mcp_server(lambda _: backend)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())

"""`/mcp`: the MCP tools over streamable HTTP, run by the service.

A host sends its key with every request. Without a valid key it gets 401, like any client.
"""

from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from fastapi import FastAPI
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .....errors import InvalidInputError, NotthatError
from ....conversation import Turn
from ....edits import Confirm
from ....replay.regenerate import ReplayResult
from ....session_start import SessionOptions
from ...given_pictures import refuse_start_options
from ...mcp import (
    ReplayArguments,
    Report,
    SayArguments,
    ShowArguments,
    StartArguments,
    UndoArguments,
    create_mcp_server,
)
from ..auth import Principal
from ..config import ServerConfig
from ..input_pictures import MOST_BYTES
from ..jobs.event_log import EventData
from ..jobs.job import Job
from ..jobs.key_shares import Places
from ..jobs.service import Service
from ..middleware.authentication import caller_in
from ..problems import Problem, to_problem
from ..schemas.responses import TurnResponse
from ..urls import Urls
from .mcp_errors import error_response
from .mcp_sessions import SessionShares

PATH = "/mcp"

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
JobResult = TypeVar("JobResult", bound=EventData)


def _translate_problems(
    method: Callable[Arguments, Coroutine[Any, Any, Result]],
) -> Callable[Arguments, Coroutine[Any, Any, Result]]:
    """Wrap a method so that it raises `NotthatError` with the message that clients of the API get."""

    @wraps(method)
    async def translated(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return await method(*args, **kwargs)
        except Exception as error:
            problem = to_problem(error)
            if problem is not error and problem.name == "unexpected":
                raise
            raise NotthatError(
                f"{problem.title}: {problem.detail}" if problem.status >= 500 else problem.detail
            ) from error

    return translated


@dataclass(frozen=True)
class ServiceBackend:
    """Runs the tools on the service, for one caller."""

    service: Service
    caller: Principal
    urls: Urls

    @_translate_problems
    async def start(self, arguments: StartArguments, report: Report) -> Turn:
        """The first turn of a new session, or the next one of the caller's session that drew the picture."""
        picture = None
        if arguments.picture is not None:
            if arguments.picture[:5].lower() != "data:":
                raise InvalidInputError("picture: this server reads no path and no address: send a base64 data URL")
            picture = await self.service.pictures.read(arguments.picture, arguments.strength)
        elif arguments.strength is not None:
            raise InvalidInputError("strength: it is about a picture: send one too")
        if picture is not None and arguments.strength is None:
            own = await self.service.pictures.find_own_turn(self.caller, picture)
            if own is not None:
                refuse_start_options(own, arguments.list_start_options())
                self.service.check_steps(self.caller, arguments.steps)
                feedback = arguments.as_feedback()
                return await _follow_job(
                    await self.service.say(self.caller, own.session, feedback, turn=own.number), report
                )
        options = SessionOptions(
            arguments.prompt,
            negative=arguments.negative,
            seed=arguments.seed,
            steps=arguments.steps,
            guidance=arguments.guidance,
            policies=tuple(arguments.policies),
            verification=arguments.verification,
            source=None if picture is None else await self.service.pictures.save(picture),
        )
        return await _follow_job(await self.service.start(self.caller, options), report)

    @_translate_problems
    async def say(self, arguments: SayArguments, report: Report) -> Turn:
        """The new turn, or the current one if nothing changes."""
        self.service.check_steps(self.caller, arguments.steps)
        if arguments.verify is not None:
            await self.service.set_verification(self.caller, arguments.session, arguments.verify)
        return await _follow_job(
            await self.service.say(self.caller, arguments.session, arguments.as_feedback()), report
        )

    @_translate_problems
    async def confirm(self, session: str, answer: Confirm, report: Report) -> Turn:
        """The turn that an answer to the open question makes."""
        return await _follow_job(await self.service.edit(self.caller, session, [answer]), report)

    @_translate_problems
    async def undo(self, arguments: UndoArguments) -> Turn:
        """The current turn after the undo."""
        job = await self.service.undo(self.caller, arguments.session, arguments.turns)
        with job.subscribe():
            return await job.result()

    @_translate_problems
    async def show(self, arguments: ShowArguments) -> Turn:
        """A stored turn."""
        return await self.service.reader.load_turn(self.caller, arguments.session, arguments.turn)

    @_translate_problems
    async def replay(self, arguments: ReplayArguments, report: Report) -> Sequence[ReplayResult]:
        """Redraw and compare every turn; turns of other sessions are drawn in between."""
        return await _follow_job(await self.service.replay(self.caller, arguments.session), report)

    @_translate_problems
    async def png(self, turn: Turn) -> bytes:
        """The picture of the turn, with its metadata."""
        return await self.service.images.load_turn_png(turn)

    def link(self, turn: Turn) -> str:
        """The URL of the picture."""
        return self.urls.image(turn.sha256, turn.session, turn.number)

    def as_json(self, turn: Turn) -> dict[str, Any]:
        """The turn in the format of the HTTP API."""
        return TurnResponse.from_turn(turn, self.urls).model_dump(mode="json")


async def _follow_job(job: Job[JobResult], report: Report) -> JobResult:
    """Wait for a job and report its progress. If the host disconnects, the job is cancelled."""
    done = 0.0  # each reported value must be larger than the previous one
    with job.subscribe():
        async for event in job.events.follow():
            if event is None or not isinstance(data := event.data, dict):
                continue
            if event.name == "queued":
                done += 0.001
                await report(done, None, f"position {data['place']} in the queue")
            elif event.name == "replayed":
                done = float(data["count"])
                await report(done, data["turns"], f"turn {data['turn']}")
            elif event.name == "step" and job.name == "turn":
                await report(data["step"], data["steps"], f"step {data['step']} of {data['steps']}")
        return await job.result()


class _McpEndpoint:
    """The ASGI endpoint: passes the caller to the session manager and limits the sessions of each key."""

    def __init__(self, config: ServerConfig, manager: StreamableHTTPSessionManager) -> None:
        places = Places(config.mcp_sessions, config.share)
        self._sessions = SessionShares(manager.handle_request, places, config.mcp_idle)
        self.route = Route(PATH, endpoint=self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 429."""
        scope["route"] = self.route  # for the request log
        key = caller_in(Request(scope)).id
        if key is not None:  # the manager only lets the user that opened a session use it
            scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=key, scopes=[]))
        try:
            await self._sessions.handle(key, scope, receive, send)
        except Problem as problem:
            await error_response(problem)(scope, receive, send)


def install_mcp(app: FastAPI, service: Service) -> AbstractAsyncContextManager[None]:
    """Add the route, and return the lifespan of the session manager, which the app must enter."""

    config: ServerConfig = app.state.config

    def backend_of(context: Any) -> ServiceBackend:
        request: Request = context.request
        return ServiceBackend(service, caller_in(request), Urls.from_request(request))

    def unexpected(tool: str, error: Exception) -> None:
        app.state.telemetry.log.record_error(error, tool=tool)

    manager = StreamableHTTPSessionManager(
        create_mcp_server(backend_of, unexpected),
        max_sessions=config.mcp_sessions,
        session_idle_timeout=config.mcp_idle,
        max_request_body_size=max(config.body, MOST_BYTES),
    )
    app.router.routes.append(_McpEndpoint(config, manager).route)
    return manager.run()

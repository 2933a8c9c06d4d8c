"""`/mcp`: the tools of the Model Context Protocol over streamable HTTP, done by the server.

A host sends its key with every request; without one on a server that has keys it is answered 401 before anything is
read, as by all of the server.
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

from .....errors import NotthatError
from ....conversation import Turn
from ....replay.regenerate import ReplayResult
from ....session_start import SessionOptions
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

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")
JobResult = TypeVar("JobResult", bound=EventData)


def _translate_problems(
    method: Callable[Asked, Coroutine[Any, Any, Answer]],
) -> Callable[Asked, Coroutine[Any, Any, Answer]]:
    """The method, with what goes wrong as the line that any other client of the server is told."""

    @wraps(method)
    async def telling(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        try:
            return await method(*args, **kwargs)
        except Exception as error:
            problem = to_problem(error)
            if problem is not error and problem.name == "unexpected":
                raise
            raise NotthatError(
                f"{problem.title}: {problem.detail}" if problem.status >= 500 else problem.detail
            ) from error

    return telling


@dataclass(frozen=True)
class ServiceBackend:
    """The server's service, for one caller."""

    service: Service
    caller: Principal
    links: Urls

    @_translate_problems
    async def start(self, arguments: StartArguments, report: Report) -> Turn:
        """The first turn of a new session."""
        beginning = SessionOptions(
            arguments.prompt,
            negative=arguments.negative,
            seed=arguments.seed,
            steps=arguments.steps,
            guidance=arguments.guidance,
            policies=tuple(arguments.policies),
        )
        return await _follow_job(await self.service.start(self.caller, beginning), report)

    @_translate_problems
    async def say(self, arguments: SayArguments, report: Report) -> Turn:
        """The next turn, or the same one where nothing was asked."""
        self.service.check_steps(self.caller, arguments.steps)
        return await _follow_job(
            await self.service.say(self.caller, arguments.session, arguments.as_feedback()), report
        )

    @_translate_problems
    async def undo(self, arguments: UndoArguments) -> Turn:
        """The turn that is shown now."""
        run = await self.service.undo(self.caller, arguments.session, arguments.turns)
        with run.subscribe():
            return await run.result()

    @_translate_problems
    async def show(self, arguments: ShowArguments) -> Turn:
        """A turn as it was."""
        return await self.service.reader.load_turn(self.caller, arguments.session, arguments.turn)

    @_translate_problems
    async def replay(self, arguments: ReplayArguments, report: Report) -> Sequence[ReplayResult]:
        """How every turn came out this time; other sessions' turns are drawn in between."""
        return await _follow_job(await self.service.replay(self.caller, arguments.session), report)

    @_translate_problems
    async def png(self, turn: Turn) -> bytes:
        """The turn's picture, with its text."""
        return await self.service.images.load_turn_png(turn)

    def link(self, turn: Turn) -> str:
        """The picture's address."""
        return self.links.image(turn.sha256, turn.session, turn.number)

    def as_json(self, turn: Turn) -> dict[str, Any]:
        """The turn as the API gives it."""
        return TurnResponse.from_turn(turn, self.links).model_dump(mode="json")


async def _follow_job(job: Job[JobResult], report: Report) -> JobResult:
    """Wait for a turn or a replay, and report its way; a host that gives up gives it up."""
    done = 0.0  # each report has to be more than the one before
    with job.subscribe():
        async for event in job.events.follow():
            if event is None or not isinstance(data := event.data, dict):
                continue
            if event.name == "queued":
                done += 0.001
                await report(done, None, f"{data['place']}. in the queue")
            elif event.name == "replayed":
                done = float(data["count"])
                await report(done, data["turns"], f"turn {data['turn']}")
            elif event.name == "step" and job.name == "turn":
                await report(data["step"], data["steps"], f"step {data['step']} of {data['steps']}")
        return await job.result()


class _McpEndpoint:
    """Tells the session manager whose request it is, and counts each key's sessions."""

    def __init__(self, config: ServerConfig, manager: StreamableHTTPSessionManager) -> None:
        places = Places(config.mcp_sessions, config.share)
        self._sessions = SessionShares(manager.handle_request, places, config.mcp_idle)
        self.route = Route("/mcp", endpoint=self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 429, or hand on."""
        scope["route"] = self.route  # for the log
        key = caller_in(Request(scope)).id
        if key is not None:  # the manager lets a session be used by the user that opened it alone
            scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=key, scopes=[]))
        try:
            await self._sessions.handle(key, scope, receive, send)
        except Problem as problem:
            await error_response(problem)(scope, receive, send)


def install_mcp(app: FastAPI, service: Service) -> AbstractAsyncContextManager[None]:
    """Add the route; what is given back lives as long as the server."""

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
        max_request_body_size=config.body,
    )
    app.router.routes.append(_McpEndpoint(config, manager).route)
    return manager.run()

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
from ....replay.regenerate import Replayed
from ....session_start import Beginning
from ....turn_png import png_of
from ...mcp import Replay, Report, Say, Show, Start, Undo, mcp_server
from ..auth import Caller
from ..jobs.event_log import Data
from ..jobs.job import Underway
from ..jobs.key_shares import Places
from ..jobs.service import Service
from ..middleware.authentication import caller_in
from ..problems import Problem, problem_of
from ..quotas import check_steps
from ..schemas.responses import TurnAnswer
from ..urls import Links
from .mcp_errors import error_response
from .mcp_sessions import SessionShares

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")
Told = TypeVar("Told", bound=Data)


def _told(method: Callable[Asked, Coroutine[Any, Any, Answer]]) -> Callable[Asked, Coroutine[Any, Any, Answer]]:
    """The method, with what goes wrong as the line that any other client of the server is told."""

    @wraps(method)
    async def telling(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        try:
            return await method(*args, **kwargs)
        except Exception as error:
            problem = problem_of(error)
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
    caller: Caller
    links: Links

    @_told
    async def start(self, asked: Start, report: Report) -> Turn:
        """The first turn of a new session."""
        beginning = Beginning(
            asked.prompt,
            negative=asked.negative,
            seed=asked.seed,
            steps=asked.steps,
            guidance=asked.guidance,
            policies=tuple(asked.policies),
        )
        return await _followed(await self.service.start(self.caller, beginning), report)

    @_told
    async def say(self, asked: Say, report: Report) -> Turn:
        """The next turn, or the same one where nothing was asked."""
        check_steps(asked.steps, self.caller, self.service.serving)
        return await _followed(await self.service.say(self.caller, asked.session, asked.as_feedback()), report)

    @_told
    async def undo(self, asked: Undo) -> Turn:
        """The turn that is shown now."""
        run = await self.service.undo(self.caller, asked.session, asked.turns)
        with run.attended():
            return await run.result()

    @_told
    async def show(self, asked: Show) -> Turn:
        """A turn as it was."""
        await self.service.session(self.caller, asked.session)
        return await self.service.reading(lambda: self.service.studio.store.turn(asked.session, asked.turn))

    @_told
    async def replay(self, asked: Replay, report: Report) -> Sequence[Replayed]:
        """How every turn came out this time; other sessions' turns are drawn in between."""
        return await _followed(await self.service.replay(self.caller, asked.session), report)

    @_told
    async def png(self, turn: Turn) -> bytes:
        """The turn's picture, with its text."""
        return await self.service.reading(lambda: png_of(turn, self.service.studio.store.images))

    def link(self, turn: Turn) -> str:
        """The picture's address."""
        return self.links.image(turn.sha256, turn.session, turn.number)

    def as_json(self, turn: Turn) -> dict[str, Any]:
        """The turn as the API gives it."""
        return TurnAnswer.of(turn, self.links).model_dump(mode="json")


async def _followed(run: Underway[Told], report: Report) -> Told:
    """Wait for a turn or a replay, and report its way; a host that gives up gives it up."""
    done = 0.0  # each report has to be more than the one before
    with run.attended():
        async for event in run.events.follow():
            if event is None or not isinstance(data := event.data, dict):
                continue
            if event.name == "queued":
                done += 0.001
                await report(done, None, f"{data['place']}. in the queue")
            elif event.name == "replayed":
                done = float(data["count"])
                await report(done, data["turns"], f"turn {data['turn']}")
            elif event.name == "step" and run.name == "turn":
                await report(data["step"], data["steps"], f"step {data['step']} of {data['steps']}")
        return await run.result()


class _Door:
    """Tells the session manager whose request it is, and counts each key's sessions."""

    def __init__(self, service: Service, manager: StreamableHTTPSessionManager) -> None:
        serving = service.serving
        places = Places(serving.mcp_sessions, serving.share)
        self._sessions = SessionShares(manager.handle_request, places, serving.mcp_idle)
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


def install(app: FastAPI, service: Service) -> AbstractAsyncContextManager[None]:
    """Add the route; what is given back lives as long as the server."""

    def backend_of(context: Any) -> ServiceBackend:
        request: Request = context.request
        return ServiceBackend(service, caller_in(request), Links.of(request))

    def unexpected(tool: str, error: Exception) -> None:
        service.watching.log.unexpected(error, tool=tool)

    manager = StreamableHTTPSessionManager(
        mcp_server(backend_of, unexpected),
        max_sessions=service.serving.mcp_sessions,
        session_idle_timeout=service.serving.mcp_idle,
        max_request_body_size=service.serving.body,
    )
    app.router.routes.append(_Door(service, manager).route)
    return manager.run()

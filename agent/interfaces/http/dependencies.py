"""FastAPI dependencies of the routes: the service, the caller, the request's headers, and how to respond with a job."""

import asyncio
import hashlib
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Path, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from ....storage import IdempotencyKey
from .auth import Principal
from .bodies import without_boundary
from .jobs.event_log import EventData
from .jobs.job import Job
from .jobs.service import Service
from .jobs.turn_and_replay_jobs import TurnJob
from .middleware.authentication import caller_in
from .problems import Problem
from .schemas.responses import PendingTurnResponse, TurnResponse
from .telemetry.telemetry import Telemetry
from .urls import Urls

Result = TypeVar("Result")
JobResult = TypeVar("JobResult", bound=EventData)


def _get_service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _get_telemetry(request: Request) -> Telemetry:
    telemetry: Telemetry = request.app.state.telemetry
    return telemetry


CurrentService = Annotated[Service, Depends(_get_service)]
CurrentTelemetry = Annotated[Telemetry, Depends(_get_telemetry)]


@dataclass(frozen=True)
class RequestContext:
    """A request with its caller; `idempotency_key` and `background` are set on routes that read their headers."""

    request: Request
    service: Service
    principal: Principal
    urls: Urls
    idempotency_key: IdempotencyKey | None = None
    background: bool = False

    async def respond(self, job: TurnJob) -> Response:
        """Respond with the turn when it is done; for a background job at once with 202."""
        if job.background:
            pending = PendingTurnResponse.from_job(job, self.urls).model_dump(mode="json")
            headers = {"Location": self.urls.turn(job.session, job.number), "Preference-Applied": "respond-async"}
            return JSONResponse(pending, 202, headers=headers)
        turn = await self.wait_for_job(job)
        return JSONResponse(TurnResponse.from_turn(turn, self.urls).model_dump(mode="json"))

    async def wait_for_job(self, job: Job[JobResult]) -> JobResult:
        """Wait for a job until the client disconnects; then its last subscriber has left, and it is cancelled."""
        with job.subscribe():
            return await self.run_until_disconnect(job.result())

    async def run_until_disconnect(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run this until the client disconnects, which cancels it."""
        working, disconnecting = asyncio.create_task(work), asyncio.create_task(self._wait_for_disconnect())
        try:
            await asyncio.wait([working, disconnecting], return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise Problem(499, "client-gone", "Nobody waits", "the client has gone")
            return working.result()
        finally:
            working.cancel()
            disconnecting.cancel()

    async def _wait_for_disconnect(self) -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            pass


def _build_context(
    request: Request,
    service: CurrentService,
    principal: Annotated[Principal, Depends(caller_in)],
    urls: Annotated[Urls, Depends(Urls.from_request)],
) -> RequestContext:
    return RequestContext(request, service, principal, urls)


Context = Annotated[RequestContext, Depends(_build_context)]
"""For routes that read neither `Idempotency-Key` nor `Prefer`."""


async def _read_idempotency_key(
    context: Context,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            description="Names this request: sent again with the same name, it is answered by the turn it made.",
        ),
    ] = None,
) -> IdempotencyKey | None:
    if idempotency_key is None:
        return None
    request = context.request
    name = f"{context.principal.id or ''}\0{idempotency_key}".encode()
    head = f"{request.method}\0{request.scope['path']}\0".encode()
    content_type, body = request.headers.get("content-type", ""), await request.body()
    return IdempotencyKey(hashlib.sha256(name).hexdigest(), await run_in_threadpool(_digest, head, content_type, body))


def _digest(head: bytes, content_type: str, body: bytes) -> str:
    """The SHA-256 of a request; slow for a large body."""
    digest = hashlib.sha256(head)
    digest.update(without_boundary(content_type, body))
    return digest.hexdigest()


def _read_prefer(
    prefer: Annotated[
        str | None, Header(description="`respond-async`: answer at once, with the address of the turn's events.")
    ] = None,
) -> bool:
    return any(part.strip().lower() == "respond-async" for part in (prefer or "").replace(";", ",").split(","))


def _build_once_context(
    context: Context, idempotency_key: Annotated[IdempotencyKey | None, Depends(_read_idempotency_key)]
) -> RequestContext:
    return replace(context, idempotency_key=idempotency_key)


def _build_async_context(context: Context, background: Annotated[bool, Depends(_read_prefer)]) -> RequestContext:
    return replace(context, background=background)


OnceContext = Annotated[RequestContext, Depends(_build_once_context)]
"""For routes that read `Idempotency-Key`."""
AsyncContext = Annotated[RequestContext, Depends(_build_async_context)]
"""For routes that read `Prefer: respond-async`."""


def _build_turn_context(context: OnceContext, background: Annotated[bool, Depends(_read_prefer)]) -> RequestContext:
    return replace(context, background=background)


TurnContext = Annotated[RequestContext, Depends(_build_turn_context)]
"""For routes that read both headers."""

SessionId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", examples=["3f9c2a71d0b45e86"])]
LastEventId = Annotated[str | None, Header(max_length=100, description="Go on after this event.")]

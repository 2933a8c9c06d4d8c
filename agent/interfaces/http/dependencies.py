"""What the routes share: who calls, what names a request, and how the answer to a turn is given."""

import asyncio
import hashlib
from collections.abc import Coroutine, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Path, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from ....storage import IdempotencyKey
from .auth import Principal
from .jobs.event_log import Data
from .jobs.job import Job
from .jobs.service import Service
from .jobs.turn_and_replay_jobs import TurnJob
from .middleware.authentication import caller_in
from .problems import Problem
from .schemas.responses import PendingTurnResponse, TurnResponse
from .urls import Urls


def get_service(request: Request) -> Service:
    """The app's service."""
    service: Service = request.app.state.service
    return service


async def _get_idempotency_key(
    request: Request,
    principal: "CurrentPrincipal",
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
    name = f"{principal.id or ''}\0{idempotency_key}".encode()
    said = (request.method.encode(), request.scope["path"].encode(), await request.body())
    return IdempotencyKey(hashlib.sha256(name).hexdigest(), await run_in_threadpool(_digest, said))


def _digest(parts: Sequence[bytes]) -> str:
    """The SHA-256 of these, joined by zero bytes. Of a large body it takes a while, in which other threads go on."""
    digest = hashlib.sha256(parts[0])
    for part in parts[1:]:
        digest.update(b"\0")
        digest.update(part)
    return digest.hexdigest()


def _wants_async(
    prefer: Annotated[
        str | None, Header(description="`respond-async`: answer at once, with the address of the turn's events.")
    ] = None,
) -> bool:
    return any(part.strip().lower() == "respond-async" for part in (prefer or "").replace(";", ",").split(","))


Result = TypeVar("Result")
JobResult = TypeVar("JobResult", bound=Data)

SessionId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", examples=["3f9c2a71d0b45e86"])]
CurrentService = Annotated[Service, Depends(get_service)]
CurrentPrincipal = Annotated[Principal, Depends(caller_in)]
RequestIdempotencyKey = Annotated[IdempotencyKey | None, Depends(_get_idempotency_key)]
RespondAsync = Annotated[bool, Depends(_wants_async)]
RequestUrls = Annotated[Urls, Depends(Urls.from_request)]


async def respond_with_turn(request: Request, job: TurnJob, urls: Urls) -> Response:
    """The turn when it is done; or, where the run goes on by itself, at once what it will be."""
    if job.background:
        told = PendingTurnResponse.from_job(job, urls).model_dump(mode="json")
        headers = {"Location": urls.turn(job.session, job.number), "Preference-Applied": "respond-async"}
        return JSONResponse(told, 202, headers=headers)
    turn = await wait_for_job(request, job)
    return JSONResponse(TurnResponse.from_turn(turn, urls).model_dump(mode="json"))


async def wait_for_job(request: Request, run: Job[JobResult]) -> JobResult:
    """Wait for a run as long as the client does; one that nobody waits for any more is given up."""
    with run.subscribe():
        return await until_disconnect(request, run.result())


async def until_disconnect(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Do this as long as the client waits for it, and cancel it when that has gone."""
    doing, gone = asyncio.create_task(work), asyncio.create_task(_wait_for_disconnect(request))
    try:
        await asyncio.wait([doing, gone], return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Problem(499, "client-gone", "Nobody waits", "the client has gone")
        return doing.result()
    finally:
        doing.cancel()
        gone.cancel()


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass

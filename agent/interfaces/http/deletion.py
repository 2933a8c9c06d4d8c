"""`DELETE /api/sessions/{session}`: a session with its words and pictures, for good."""

import asyncio
from functools import partial

from fastapi import APIRouter, Response

from ....storage import UnknownSessionError
from .asking import SessionId, TheCaller, TheService
from .callers import Caller
from .problems import documented
from .service import Service
from .standing import is_first_of

router = APIRouter(prefix="/api/sessions/{session}", tags=["sessions"])

_REASON = "its session was deleted"


@router.delete("", status_code=204, responses=documented(404), summary="Delete a session with its pictures")
async def deleted(session: SessionId, service: TheService, caller: TheCaller) -> Response:
    """Turns on their way are cancelled first. Pictures that another session has stay. This can't be undone."""
    await delete_session(service, caller, session)
    return Response(status_code=204)


async def delete_session(service: Service, caller: Caller, session: str) -> None:
    """Delete a session of the caller's. Raises `UnknownSessionError` where there is none, or it is another's."""
    await _require_own(service, caller, session)
    with service.closed_to_jobs(session):
        running = await _cancel_jobs(service, session)
        try:
            await service.reading(partial(service.studio.store.delete_session, session))
        except UnknownSessionError:
            if not running:  # else its first turn was cancelled before anything was recorded
                raise
    service.forget(session)


async def _require_own(service: Service, caller: Caller, session: str) -> None:
    try:
        await service.session(caller, session)
    except UnknownSessionError:
        attempts = await service.reading(partial(service.studio.store.attempts.all, session))
        begun = service.runs.beginning(session)
        if any(is_first_of(caller, each) for each in attempts) or (begun and caller.may_see(begun.owner)):
            return
        await service.session(caller, session)  # its first picture may have come in between


async def _cancel_jobs(service: Service, session: str) -> bool:
    """Cancel what runs of the session, and wait for its end; whether there was anything."""
    jobs = [job for job in service.runs.unfinished() if job.session == session]
    for job in jobs:
        job.cancel(_REASON)
    tasks = [job.task for job in jobs if job.task is not None]
    if tasks:
        await asyncio.wait(tasks)
    return bool(jobs)

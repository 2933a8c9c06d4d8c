"""`DELETE /api/sessions/{session}`: a session with its words and pictures, for good."""

import asyncio
from functools import partial

from fastapi import APIRouter, Response

from ..auth import Caller
from ..dependencies import SessionId, TheCaller, TheService
from ..jobs.service import Service
from ..problems import documented

router = APIRouter(prefix="/api/sessions/{session}", tags=["sessions"])

_REASON = "its session was deleted"


@router.delete("", status_code=204, responses=documented(404), summary="Delete a session with its pictures")
async def deleted(session: SessionId, service: TheService, caller: TheCaller) -> Response:
    """Turns on their way are cancelled first. Pictures that another session has stay. This can't be undone."""
    await delete_session(service, caller, session)
    return Response(status_code=204)


async def delete_session(service: Service, caller: Caller, session: str) -> None:
    """Delete a session of the caller's. Raises `UnknownSessionError` where there is none, or it is another's."""
    await service.require_visible(caller, session)
    with service.closed_to_jobs(session):
        await _cancel_jobs(service, session)
        await service.reading(partial(service.studio.store.delete_session, session))
    service.forget(session)


async def _cancel_jobs(service: Service, session: str) -> None:
    """Cancel what runs of the session, and wait for its end."""
    jobs = [job for job in service.runs.unfinished() if job.session == session]
    for job in jobs:
        job.cancel(_REASON)
    tasks = [job.task for job in jobs if job.task is not None]
    if tasks:
        await asyncio.wait(tasks)

"""`DELETE /api/sessions/{session}`: a session with its words and pictures, for good."""

import asyncio
from functools import partial

from fastapi import APIRouter, Response

from ..auth import Principal
from ..dependencies import CurrentPrincipal, CurrentService, SessionId
from ..jobs.service import Service
from ..problems import document_problems

router = APIRouter(prefix="/api/sessions/{session}", tags=["sessions"])

_REASON = "its session was deleted"


@router.delete("", status_code=204, responses=document_problems(404), summary="Delete a session with its pictures")
async def deleted(session: SessionId, service: CurrentService, principal: CurrentPrincipal) -> Response:
    """Turns on their way are cancelled first. Pictures that another session has stay. This can't be undone."""
    await delete_session(service, principal, session)
    return Response(status_code=204)


async def delete_session(service: Service, principal: Principal, session: str) -> None:
    """Delete a session of the caller's. Raises `UnknownSessionError` where there is none, or it is another's."""
    await service.require_visible(principal, session)
    with service.closed_to_jobs(session):
        await _cancel_jobs(service, session)
        await service.run_in_thread(partial(service.studio.store.delete_session, session))
    service.forget(session)


async def _cancel_jobs(service: Service, session: str) -> None:
    """Cancel what runs of the session, and wait for its end."""
    jobs = [job for job in service.jobs.list_unfinished() if job.session == session]
    for job in jobs:
        job.cancel(_REASON)
    tasks = [job.task for job in jobs if job.task is not None]
    if tasks:
        await asyncio.wait(tasks)

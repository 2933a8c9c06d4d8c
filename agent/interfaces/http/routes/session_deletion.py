"""`DELETE /api/sessions/{session}`: delete a session with its words and pictures."""

from fastapi import APIRouter, Response

from ..dependencies import Context, SessionId
from ..problems import document_problems

router = APIRouter(prefix="/api/sessions/{session}", tags=["sessions"])


@router.delete("", status_code=204, responses=document_problems(404), summary="Delete a session with its pictures")
async def delete_session(session: SessionId, context: Context) -> Response:
    """Its pending turns are cancelled first. Pictures that another session also has stay. This can't be undone."""
    await context.service.delete_session(context.principal, session)
    return Response(status_code=204)

"""A session as a zip file: `GET /api/sessions/{session}/archive`, and `POST /api/archives` to bring it back."""

import tempfile
from collections.abc import Iterator
from functools import partial
from typing import IO, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, StreamingResponse

from ..dependencies import Context, RequestContext, SessionId
from ..problems import Problem, document_problems
from ..schemas.responses import SessionResponse

router = APIRouter(tags=["archives"])

PATH = "/api/archives"
MEDIA_TYPE = "application/zip"
MOST_BYTES = 256 << 20
"""Of an archive that is imported: a few hundred pictures of 1024 x 1024 pixels."""
_CHUNK = 1 << 20

_ZIP: dict[str, Any] = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/api/sessions/{session}/archive",
    response_class=StreamingResponse,
    responses={
        200: {"description": "A zip, as `notthat export` writes it.", "content": _ZIP},
        **document_problems(404),
    },
    summary="Export a session",
)
async def export_session(session: SessionId, context: Context) -> StreamingResponse:
    """All its turns and pictures, without its owner."""
    await context.service.reader.load_session(context.principal, session)
    file, size = await context.service.archives.export_session(session)
    headers = {
        "Content-Disposition": f'attachment; filename="notthat-{session}.zip"',
        "Content-Length": str(size),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(_iterate_chunks(file), media_type=MEDIA_TYPE, headers=headers)


@router.post(
    PATH,
    status_code=201,
    response_model=SessionResponse,
    responses=document_problems(400, 409, 413, 415),
    openapi_extra={"requestBody": {"required": True, "content": _ZIP}},
    summary="Import a session from its archive",
)
async def import_session(context: Context) -> Response:
    """It keeps its id and belongs to the caller. All of it is imported, or nothing.

    It is refused where it breaks the key's policies or limits, or names files of the machine that it is from.
    """
    if context.request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        detail = f"send the zip itself as the body, with “Content-Type: {MEDIA_TYPE}”"
        raise Problem(415, "unsupported-media-type", "That is no zip", detail)
    with tempfile.TemporaryFile() as file:
        await _receive_body(context, file)
        session = await context.service.archives.import_session(context.principal, file)
    record = await context.service.reader.load_session(context.principal, session)
    response = SessionResponse.from_session(record, [], context.urls).model_dump(mode="json")
    return JSONResponse(response, 201, headers={"Location": context.urls.session(session)})


def _iterate_chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the file's content and close it; Starlette calls this in a thread."""
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


async def _receive_body(context: RequestContext, file: IO[bytes]) -> None:
    received = bytearray()
    async for chunk in context.request.stream():
        received += chunk
        if len(received) >= _CHUNK:
            await context.service.run_in_thread(partial(file.write, bytes(received)))
            received.clear()
    await context.service.run_in_thread(partial(file.write, bytes(received)))

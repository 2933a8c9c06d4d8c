"""A session as a file: `GET /api/sessions/{session}/archive`, and `POST /api/archives` to bring it back.

Both work in threads on temporary files that have no name, so that a crash leaves none behind.
"""

import tempfile
from collections.abc import Iterator
from functools import partial
from typing import IO, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from .....errors import NotthatError
from .....storage import read_archive, write_archive
from ....turn_png import turn_png_text
from ..dependencies import CurrentPrincipal, CurrentService, RequestUrls, SessionId
from ..import_admission import Admission
from ..jobs.service import Service
from ..problems import Problem, document_problems
from ..schemas.responses import SessionResponse

router = APIRouter(tags=["archives"])

PATH = "/api/archives"
MEDIA_TYPE = "application/zip"
MOST_BYTES = 256 << 20
"""At most so many bytes of an archive are read: a few hundred pictures of 1024 x 1024 pixels."""
_CHUNK = 1 << 20
_NAME = "the archive"

_ZIP: dict[str, Any] = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/api/sessions/{session}/archive",
    response_class=StreamingResponse,
    responses={
        200: {"description": "A zip, as `notthat export` writes it.", "content": _ZIP},
        **document_problems(404),
    },
    summary="Take a session with you",
)
async def exported(session: SessionId, service: CurrentService, principal: CurrentPrincipal) -> StreamingResponse:
    """All its turns and pictures. Whose it is, is not in it."""
    await service.session(principal, session)
    async with service.archives:
        file, size = await service.run_in_thread(partial(_written, service, session))
    headers = {
        "Content-Disposition": f'attachment; filename="notthat-{session}.zip"',
        "Content-Length": str(size),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(_chunks(file), media_type=MEDIA_TYPE, headers=headers)


@router.post(
    PATH,
    status_code=201,
    response_model=SessionResponse,
    responses=document_problems(400, 409, 413, 415),
    openapi_extra={"requestBody": {"required": True, "content": _ZIP}},
    summary="Bring a session back from its archive",
)
async def imported(
    request: Request, service: CurrentService, principal: CurrentPrincipal, urls: RequestUrls
) -> Response:
    """Under the id that it has, as a session of the caller's; all of it, or nothing.

    It is refused where it doesn't keep to the key's policies and limits, or names files of the machine it is from.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        detail = f"send the zip itself as the body, with “Content-Type: {MEDIA_TYPE}”"
        raise Problem(415, "unsupported-media-type", "That is no zip", detail)
    admission = Admission(service.studio, service.config, principal)
    with tempfile.TemporaryFile() as file:
        await _receive(request, service, file)
        read = partial(
            read_archive,
            service.studio.store,
            file,
            _NAME,
            admission.check_turn,
            turn_png_text,
            check_session=admission.check_session,
            owner=principal.id,
        )
        async with service.archives:
            session = await service.run_in_thread(read)
    record = await service.session(principal, session)
    told = SessionResponse.from_session(record, [], urls).model_dump(mode="json")
    return JSONResponse(told, 201, headers={"Location": urls.session(session)})


def _written(service: Service, session: str) -> tuple[IO[bytes], int]:
    """The archive in a file that is open at its beginning, and its size."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
    try:
        write_archive(service.studio.store, session, file, turn_png_text)
        size = file.tell()
        file.seek(0)
    except BaseException as error:
        file.close()
        if isinstance(error, OSError):
            raise NotthatError(f"{_NAME} can't be written: {error.strerror or error}") from error
        raise
    return file, size


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    """The file's content, closed at the end; Starlette reads it in a thread."""
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


async def _receive(request: Request, service: Service, file: IO[bytes]) -> None:
    """Write the body to the file."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) >= _CHUNK:
            await service.run_in_thread(partial(file.write, bytes(received)))
            received.clear()
    await service.run_in_thread(partial(file.write, bytes(received)))

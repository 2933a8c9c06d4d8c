"""`/api/images/{sha256}.png`: the pictures."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.datastructures import Headers

from ....conversation import Turn
from ..dependencies import CurrentService
from ..jobs.service import Service
from ..problems import Problem, document_problems
from ..schemas.requests import MAX_TURN

router = APIRouter(prefix="/api/images", tags=["pictures"])


class PngResponse(Response):
    """A PNG."""

    media_type = "image/png"


@router.get(
    "/{sha256}.png",
    response_class=PngResponse,
    responses={
        200: {
            "description": "The picture. Its text is that of the turn that is asked for.",
            "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "It is the one that the client has."},
        **document_problems(400, 404),
    },
    summary="A picture",
)
async def show_image(
    sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")],
    request: Request,
    service: CurrentService,
    session: Annotated[str | None, Query(pattern=r"^[0-9a-f]{16}$", description="With `turn`: whose text.")] = None,
    turn: Annotated[int | None, Query(ge=0, le=MAX_TURN)] = None,
) -> Response:
    """Its URL has a hash of the pixels: it never changes, and needs no key since nobody can guess it.

    Different turns may have the same pixels. With `session` and `turn`, the metadata is that turn's. Without them it is
    that of the caller's oldest turn with this picture; there is none where there is no such turn or no key.
    """
    if (session is None) != (turn is None):
        raise Problem(400, "refused", "That can't be done", "session and turn belong together: name both, or neither")
    found = await _find_turn(service, sha256, session, turn, request.headers)
    if found is None:
        content = await service.images.load_bare_png(sha256)
    else:
        content = await service.images.load_turn_png(found)
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    is_public = session is not None or found is None
    headers = {
        "Cache-Control": f"{'public' if is_public else 'private'}, max-age=31536000, immutable",
        "ETag": etag,
        "Vary": "Authorization, X-API-Key, api-key",
        "X-Content-Type-Options": "nosniff",
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return PngResponse(content, headers=headers)


async def _find_turn(
    service: Service, sha256: str, session: str | None, number: int | None, headers: Headers
) -> Turn | None:
    """The turn whose metadata the picture gets, or None.

    Raises `MissingPictureError` where the named turn has another picture.
    """
    if session is not None and number is not None:
        return await service.images.find_turn(sha256, session, number)
    try:
        principal = await service.authenticate(headers)
    except Problem:
        return None
    return await service.images.find_oldest_turn(principal, sha256)

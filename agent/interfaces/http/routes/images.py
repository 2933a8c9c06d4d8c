"""`/api/images/{sha256}.png`: the pictures themselves."""

import hashlib
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.datastructures import Headers

from .....storage import ImageStore, MissingPictureError, UnknownSessionError, UnknownTurnError
from ....conversation import Turn
from ....turn_png import build_turn_png
from ..auth import authenticate
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
    """Named by its pixels, so that it never changes. It needs no key, since nobody can guess a turn's address.

    Turns of different words may come to the same pixels. The picture of `session` and `turn` has that turn's text.
    Without them it has the text of the caller's own oldest turn with this picture, or none where there is no such turn
    or no key.
    """
    if (session is None) != (turn is None):
        raise Problem(400, "refused", "That can't be done", "session and turn belong together: name both, or neither")
    find = partial(_turn, service, sha256, session, turn, request.headers)
    found = await service.run_in_thread(find)
    content = await service.run_in_thread(partial(_png, service.studio.store.images, sha256, found))
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


def _turn(service: Service, sha256: str, session: str | None, turn: int | None, sent: Headers) -> Turn | None:
    """The turn whose text is delivered; None for nobody's.

    Raises `MissingPictureError` where the turn that is asked for has another picture.
    """
    store = service.studio.store
    if session is None:
        try:
            caller = authenticate(store, sent, keyless=service.config.loopback)
        except Problem:
            return None
        return store.turn_of_picture(sha256, owner=caller.owner)
    try:
        found = store.turn(session, turn)
    except (UnknownSessionError, UnknownTurnError):
        raise _missing(sha256) from None
    if found.sha256 != sha256:
        raise _missing(sha256)
    return found


def _png(images: ImageStore, sha256: str, turn: Turn | None) -> bytes:
    if turn is not None:
        return build_turn_png(turn, images)
    copies = images.copies(sha256)
    if not copies:
        raise _missing(sha256)
    return images.png(copies[0], {})


def _missing(sha256: str) -> MissingPictureError:
    return MissingPictureError(f"no picture {sha256}")

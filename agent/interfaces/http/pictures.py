"""`/api/images/{sha256}.png`: the pictures themselves."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse

from ....storage import MissingPictureError
from .asking import TheService
from .problems import documented

router = APIRouter(prefix="/api/images", tags=["pictures"])

_FOREVER = "public, max-age=31536000, immutable"


@router.get(
    "/{sha256}.png",
    response_class=FileResponse,
    responses={
        200: {
            "description": "The picture; its text tells how it was made.",
            "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "It is the one that the client has."},
        **documented(404),
    },
    summary="A picture",
)
async def shown(
    sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], request: Request, service: TheService
) -> Response:
    """Named by its pixels, so that it never changes. It needs no key, since nobody can guess the address."""
    path = service.studio.store.images.path(sha256)
    if not await service.reading(path.is_file):
        raise MissingPictureError(f"no picture {sha256}")
    headers = {"Cache-Control": _FOREVER, "ETag": f'"{sha256}"', "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match") == f'"{sha256}"':
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type="image/png", headers=headers)

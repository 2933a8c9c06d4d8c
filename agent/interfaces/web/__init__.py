"""The web page at `/`: static files that use the server's own API and no other server."""

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Scope

    from ..http.jobs.service import Service

HEADERS = {
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'self'",
            "img-src 'self' data:",  # previews are data URLs
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",  # text is never parsed as HTML
        ]
    ),
    "Cache-Control": "no-cache",  # revalidated by ETag, so that files of two releases never mix
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the URL of the page contains a session id
    "X-Content-Type-Options": "nosniff",
}
"""Response headers of every file of the page."""


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: "Scope") -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def add_page(app: "FastAPI", service: "Service") -> None:
    """Serve the page at `/` and its files under `/web`."""
    files = _Files(directory=Path(__file__).parent / "static")
    app.mount("/web", files, name="web")

    async def page(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)

    app.add_api_route("/", page, methods=["GET", "HEAD"], include_in_schema=False)

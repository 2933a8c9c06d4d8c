"""ASGI middleware that answers HEAD for every GET route, except event streams, which never end."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


def has_head(path: str) -> bool:
    """Whether the GET route of this path also answers HEAD."""
    return path != "/mcp" and not path.endswith("/events")


class HeadRequests:
    """Answers HEAD like GET, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass HEAD on as GET and drop the body of the response."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or not has_head(scope["path"]):
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        get_scope = {**scope, "method": "GET"}
        try:
            await self._app(get_scope, receive, send_without_body)
        finally:
            scope.update(get_scope, method="HEAD")  # keeps the matched route for the request log

"""HEAD: whatever can be got can be asked for without its body, except event streams, which have no end."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


def has_head(path: str) -> bool:
    """Whether what GET answers at this path can be asked for by HEAD, too."""
    return path != "/mcp" and not path.endswith("/events")


class HeadRequests:
    """Answers HEAD as GET, less the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, as GET where it is HEAD."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or not has_head(scope["path"]):
            await self._app(scope, receive, send)
            return

        async def headers_alone(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, headers_alone)
        finally:
            scope.update(asked, method="HEAD")  # the log asks for the route that was found

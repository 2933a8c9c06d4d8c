"""ASGI middleware that continues a caller's W3C trace context."""

from opentelemetry import context as contexts
from opentelemetry import propagate
from opentelemetry import trace as opentelemetry
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send


class TraceContext:
    """Lets what a request asks for be traced below its sender's span, which the header `traceparent` names.

    Where the server's framework is instrumented, that has a span of the request already, and it is that one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, in the context of the sender's span."""
        if scope["type"] != "http" or opentelemetry.get_current_span().get_span_context().is_valid:
            await self._app(scope, receive, send)
            return
        token = contexts.attach(propagate.extract(Headers(scope=scope)))
        try:
            await self._app(scope, receive, send)
        finally:
            contexts.detach(token)

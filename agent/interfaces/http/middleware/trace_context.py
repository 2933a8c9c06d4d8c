"""ASGI middleware that continues a caller's W3C trace context."""

from opentelemetry import context as contexts
from opentelemetry import propagate
from opentelemetry import trace as opentelemetry
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send


class TraceContext:
    """Makes the span in the header `traceparent` the parent of the spans of this request.

    If an instrumentation of the framework has already started a span, that span stays the parent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on in the context of the caller's span."""
        if scope["type"] != "http" or opentelemetry.get_current_span().get_span_context().is_valid:
            await self._app(scope, receive, send)
            return
        token = contexts.attach(propagate.extract(Headers(scope=scope)))
        try:
            await self._app(scope, receive, send)
        finally:
            contexts.detach(token)

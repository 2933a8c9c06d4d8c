"""OpenTelemetry's spans of turns, their phases, and replays; whoever wants them brings an SDK, and configures it."""

from typing import Any

from opentelemetry import context as contexts
from opentelemetry import propagate
from opentelemetry import trace as opentelemetry
from opentelemetry.trace import Status, StatusCode
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .... import __version__
from .jobs.job import Underway

_NANOSECONDS = 1_000_000_000


class TraceParent:
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


def trace(run: Underway[Any]) -> None:
    """Tell of something that has ended: a span, and one below it for each phase."""

    def moment(mark: float) -> int:
        return int(run.clock.date_of(mark) * _NANOSECONDS)

    tracer = opentelemetry.get_tracer("notthat", __version__)
    told = {"session": run.session, **run.told}
    names = {f"notthat.{name}": value for name, value in told.items() if value is not None}
    span = tracer.start_span(run.name, run.trace, start_time=moment(run.clock.asked), attributes=names)
    context = opentelemetry.set_span_in_context(span)
    for name, (begin, end) in run.phases.items():
        phase = tracer.start_span(name, context, start_time=moment(begin))
        phase.end(moment(end))
    span.set_attribute("notthat.outcome", str(run.outcome))
    if run.outcome == "failed":
        span.set_status(Status(StatusCode.ERROR))
    span.end(moment(run.clock.ended))

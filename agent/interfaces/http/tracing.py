"""OpenTelemetry's spans of turns, their phases, and replays; whoever wants them brings an SDK, and configures it."""

from typing import Any

from opentelemetry import trace as opentelemetry
from opentelemetry.trace import Status, StatusCode

from .... import __version__
from .underway import Underway

_NANOSECONDS = 1_000_000_000


def trace(run: Underway[Any]) -> None:
    """Tell of something that has ended: a span, and one below it for each phase."""
    tracer = opentelemetry.get_tracer("notthat", __version__)
    told = {"session": run.session, **run.told}
    names = {f"notthat.{name}": value for name, value in told.items() if value is not None}
    span = tracer.start_span(run.name, start_time=_nanoseconds(run.clock.asked), attributes=names)
    context = opentelemetry.set_span_in_context(span)
    for name, (begin, end) in run.phases.items():
        phase = tracer.start_span(name, context, start_time=_nanoseconds(begin))
        phase.end(_nanoseconds(end))
    span.set_attribute("notthat.outcome", str(run.outcome))
    if run.outcome == "failed":
        span.set_status(Status(StatusCode.ERROR))
    span.end(_nanoseconds(run.clock.ended))


def _nanoseconds(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)

"""OpenTelemetry's spans of a turn and its phases; whoever wants them brings an SDK, and configures it."""

from opentelemetry import trace as opentelemetry
from opentelemetry.trace import Status, StatusCode

from .... import __version__
from .runs import Run

_NANOSECONDS = 1_000_000_000


def trace(run: Run) -> None:
    """Tell of a run that has ended: a span, and one below it for each phase."""
    tracer = opentelemetry.get_tracer("notthat", __version__)
    names: dict[str, str | int] = {"notthat.session": run.session, "notthat.turn": run.number, "notthat.kind": run.kind}
    span = tracer.start_span("turn", start_time=_nanoseconds(run.clock.asked), attributes=names)
    context = opentelemetry.set_span_in_context(span)
    for name, (begin, end) in run.clock.phases.items():
        phase = tracer.start_span(name, context, start_time=_nanoseconds(begin))
        phase.end(_nanoseconds(end))
    span.set_attribute("notthat.outcome", str(run.outcome))
    if run.outcome == "failed":
        span.set_status(Status(StatusCode.ERROR))
    span.end(_nanoseconds(run.clock.ended))


def _nanoseconds(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)

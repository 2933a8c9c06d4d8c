"""OpenTelemetry spans of turns, their phases and replays. They need a configured OpenTelemetry SDK."""

from typing import Any

from opentelemetry import trace as opentelemetry
from opentelemetry.trace import Status, StatusCode

from ..... import __version__
from ..jobs.job import Job

_NANOSECONDS = 1_000_000_000


def export_trace(job: Job[Any]) -> None:
    """Export a finished job as a span with one child span per phase."""

    def to_nanoseconds(mark: float) -> int:
        return int(job.clock.to_epoch(mark) * _NANOSECONDS)

    tracer = opentelemetry.get_tracer("notthat", __version__)
    fields = {"session": job.session, **job.log_fields}
    attributes = {f"notthat.{name}": value for name, value in fields.items() if value is not None}
    span = tracer.start_span(job.name, job.trace, start_time=to_nanoseconds(job.clock.submitted), attributes=attributes)
    context = opentelemetry.set_span_in_context(span)
    for name, (begin, end) in job.phases.items():
        phase = tracer.start_span(name, context, start_time=to_nanoseconds(begin))
        phase.end(to_nanoseconds(end))
    span.set_attribute("notthat.outcome", str(job.outcome))
    if job.outcome == "failed":
        span.set_status(Status(StatusCode.ERROR))
    span.end(to_nanoseconds(job.clock.ended))

"""Reports jobs to Prometheus metrics, the log and OpenTelemetry traces."""

from typing import Any

from .....generation import Progress
from ..jobs.job import Job
from ..jobs.turn_and_replay_jobs import ReplayJob, TurnJob
from .log import Log
from .metrics import Metrics
from .traces import export_trace


class Telemetry:
    """A `JobObserver` that reports every event once to each of them."""

    def __init__(self, metrics: Metrics, log: Log) -> None:
        self.metrics, self.log = metrics, log

    def record_step(self, progress: Progress) -> None:
        """Count a denoising step; called from the thread that draws."""
        self.metrics.record_step(progress)

    def record_end(self, job: Job[Any]) -> None:
        """Report a job that has ended."""
        if isinstance(job, TurnJob):
            self.metrics.record_turn(job)
        elif isinstance(job, ReplayJob):
            self.metrics.record_replay(job)
        self.log.record_end(job)
        export_trace(job)

"""Observability of a server: metrics, log and traces."""

from typing import Any

from .....generation import Progress
from ..jobs.job import Job
from ..jobs.turn_and_replay_jobs import TurnJob
from .log import Log
from .metrics import Metrics
from .traces import export_trace


class Telemetry:
    """Passes each event on to metrics, log and traces."""

    def __init__(self, metrics: Metrics, log: Log) -> None:
        self.metrics, self.log = metrics, log

    def record_step(self, progress: Progress) -> None:
        """Record a denoising step; called from the drawing thread."""
        self.metrics.record_step(progress)

    def record_end(self, job: Job[Any]) -> None:
        """Record the end of a turn or a replay."""
        if isinstance(job, TurnJob):
            self.metrics.record_turn(job)
        else:
            self.metrics.record_replay(job)
        self.log.record_end(job)
        export_trace(job)

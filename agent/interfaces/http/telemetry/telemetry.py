"""What is seen from outside of what a server does: numbers for Prometheus, a log, and traces."""

from typing import Any

from .....generation import Progress
from ..jobs.job import Job
from ..jobs.turn_and_replay_jobs import TurnJob
from .log import Log
from .metrics import Metrics
from .traces import export_trace


class Telemetry:
    """Told of everything once."""

    def __init__(self, metrics: Metrics, log: Log) -> None:
        self.metrics, self.log = metrics, log

    def record_step(self, progress: Progress) -> None:
        """A step was drawn; told from the thread that draws."""
        self.metrics.record_step(progress)

    def record_end(self, job: Job[Any]) -> None:
        """A turn or a replay came to its end."""
        if isinstance(job, TurnJob):
            self.metrics.record_turn(job)
        else:
            self.metrics.record_replay(job)
        self.log.record_end(job)
        export_trace(job)

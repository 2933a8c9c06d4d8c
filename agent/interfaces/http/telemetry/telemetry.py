"""What is seen from outside of what a server does: numbers for Prometheus, a log, and traces."""

from typing import Any

from .....generation import Progress
from ..jobs.job import Underway
from ..jobs.turn_and_replay_jobs import Run
from .log import Log
from .metrics import Metrics
from .traces import trace


class Watching:
    """Told of everything once."""

    def __init__(self, metrics: Metrics, log: Log) -> None:
        self.metrics, self.log = metrics, log

    def stepped(self, progress: Progress) -> None:
        """A step was drawn; told from the thread that draws."""
        self.metrics.stepped(progress)

    def ended(self, run: Underway[Any]) -> None:
        """A turn or a replay came to its end."""
        if isinstance(run, Run):
            self.metrics.ended(run)
        else:
            self.metrics.replayed(run)
        self.log.ended(run)
        trace(run)

"""What jobs report to telemetry, which implements this protocol."""

from typing import Any, Protocol

from .....generation import Progress
from .job import Job


class JobObserver(Protocol):
    """Receives the steps and the ends of jobs."""

    def record_step(self, progress: Progress) -> None:
        """A denoising step is done; called from the thread that draws."""

    def record_end(self, job: Job[Any]) -> None:
        """A turn or replay has ended."""

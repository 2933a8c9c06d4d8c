"""Prometheus metrics: queue, duration of turns and their phases, steps, exclusions, requests and memory."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ..... import __version__
from .....generation import Progress
from .....storage import TurnRecord as Turn
from ....handoff import wants_handoff
from ....verification.record import Verification
from ..jobs.job import Job
from ..jobs.turn_and_replay_jobs import TurnJob

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_STEPS_PER_SECOND = (0.1, 0.3, 1, 2, 5, 10, 20, 50, 100, 300, 1000)


class Metrics:
    """The metrics of one server, in a registry of its own: servers in one process do not share them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._turns = self._add_counter("turns", "Turns by outcome.", "outcome")
        self._latency = self._add_histogram("turn_seconds", "Duration of a turn.", _SECONDS, "outcome")
        self._phases = self._add_histogram("turn_phase_seconds", "Duration of each phase of a turn.", _SECONDS, "phase")
        self._replays = self._add_counter("replays", "Replays by outcome.", "outcome")
        self._steps = self._add_counter("steps", "Denoising steps.")
        self._speed = self._add_histogram("steps_per_second", "Denoising speed of pictures.", _STEPS_PER_SECOND)
        self._exclusions = self._add_counter("exclusions", "New exclusions by source.", "source")
        self._verdicts = self._add_counter("verdicts", "Exclusions of verified turns by verdict.", "verdict")
        self._tries = self._add_histogram("turn_pictures", "Pictures drawn for a verified turn.", (1, 2, 3, 4, 5, 6))
        self._edits = self._add_counter("edits", "Edits of finished turns by kind.", "op")
        self._handoffs = self._add_counter("handoffs", "Feedback that calls for a person.")
        self._fallbacks = self._add_counter(
            "interpreter_fallbacks", "Feedback interpreted by the grammar because the language model failed."
        )
        self._requests = self._add_counter(
            "http_requests", "Requests by route and status.", "method", "route", "status"
        )
        info = Gauge("notthat_info", "The version.", ["version"], registry=self.registry)
        info.labels(__version__).set(1)
        self.registry.register(_MemoryCollector())

    def watch_queue(self, waiting: Callable[[], int], drawing: Callable[[], int]) -> None:
        """Add gauges for the waiting and the running turns."""
        Gauge("notthat_queue_waiting", "Waiting turns.", registry=self.registry).set_function(waiting)
        Gauge("notthat_queue_drawing", "Running turns.", registry=self.registry).set_function(drawing)

    def record_step(self, progress: Progress) -> None:
        """Count a step, and with the last one observe the speed."""
        self._steps.inc()
        if progress.picture is not None and progress.steps_per_second:
            self._speed.observe(progress.steps_per_second)

    def record_turn(self, job: TurnJob) -> None:
        """Count a finished turn, with its duration, edits and new exclusions, and a call for a person."""
        self._turns.labels(str(job.outcome)).inc()
        self._latency.labels(str(job.outcome)).observe(job.clock.ended - job.clock.submitted)
        for phase, (begin, end) in job.clock.phases.items():
            self._phases.labels(phase).observe(max(0.0, end - begin))
        if job.kind in ("start", "say") and job.turn and wants_handoff(job.turn.feedback, job.turn.number):
            self._handoffs.inc()
        if job.attempt is None or not job.is_interpreted or job.outcome != "done":
            return
        if job.turn is not None:
            self._record_verification(job.turn)
        turn = job.attempt.turn
        for edit in turn.edits:
            self._edits.labels(edit["op"]).inc()
        for exclusion in turn.exclusions:
            if exclusion.since == turn.number:
                self._exclusions.labels(exclusion.source).inc()
        if ((turn.provenance or {}).get("interpreter") or {}).get("fallback"):
            self._fallbacks.inc()

    def _record_verification(self, turn: Turn) -> None:
        verification = Verification.of_turn(turn)
        if verification is None:
            return
        self._tries.observe(len(verification.tries))
        for exclusion in turn.exclusions:
            self._verdicts.labels(exclusion.verdict).inc()

    def record_replay(self, job: Job[Any]) -> None:
        """Count a finished replay."""
        self._replays.labels(str(job.outcome)).inc()

    def record_response(self, method: str, route: str, status: int) -> None:
        """Count a response."""
        self._requests.labels(method, route, str(status)).inc()

    def text(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self.registry)

    def _add_counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(f"notthat_{name}", description, labels, registry=self.registry)

    def _add_histogram(self, name: str, description: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"notthat_{name}", description, labels, buckets=buckets, registry=self.registry)


class _MemoryCollector(Collector):
    """Memory used by the process and by PyTorch on each device, and the uptime."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._started = time.monotonic()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Measure at the time of the request."""
        memory = GaugeMetricFamily("notthat_memory_bytes", "Memory in use.", labels=["device"])
        memory.add_metric(["cpu"], self._process.memory_info().rss)
        if cuda := _cuda():
            for device in range(cuda.device_count()):
                memory.add_metric([f"cuda:{device}"], cuda.memory_allocated(device))
        yield memory
        yield GaugeMetricFamily(
            "notthat_uptime_seconds", "Seconds since the start.", value=time.monotonic() - self._started
        )


def _cuda() -> Any | None:
    """`torch.cuda` if this process has initialised it; None otherwise, also while another thread imports torch."""
    cuda: Any = getattr(sys.modules.get("torch"), "cuda", None)
    return cuda if hasattr(cuda, "is_initialized") and cuda.is_initialized() else None

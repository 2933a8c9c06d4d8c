"""The runs and replays that there are, and those that ended a short while ago: found by turn, receipt, session, id."""

import time
from typing import Any, TypeVar

from .....storage import IdempotencyKey
from ..config import ServerConfig
from ..problems import check_fingerprint
from .job import Job
from .turn_and_replay_jobs import ReplayJob, TurnJob

Key = TypeVar("Key")
Known = TypeVar("Known", bound=Job[Any])


class JobRegistry:
    """Lives on the event loop. What has ended is kept for a bounded time, and only so much of it."""

    def __init__(self, config: ServerConfig) -> None:
        self._serving = config
        self._unfinished: set[Job[Any]] = set()
        self._ended: dict[Job[Any], float] = {}  # oldest first
        self._by_turn: dict[tuple[str, int], TurnJob] = {}
        self._by_receipt: dict[str, TurnJob] = {}
        self._replays: dict[tuple[str, str], ReplayJob] = {}

    def add(self, job: TurnJob) -> None:
        """A run begins; its number comes when it is recorded."""
        self._unfinished.add(job)
        if job.receipt is not None:
            self._by_receipt[job.receipt.key] = job

    def number(self, job: TurnJob, number: int) -> None:
        """A run is to be this turn; it is found under an earlier number, too."""
        job.number = number
        self._by_turn[job.session, number] = job

    def drop(self, job: TurnJob) -> None:
        """Forget a run that could not be recorded."""
        self._unfinished.discard(job)
        self._by_receipt = _remove_job(job, self._by_receipt)

    def add_replay(self, job: ReplayJob) -> None:
        """A replay begins."""
        self._replays[job.session, job.id] = job
        self._unfinished.add(job)

    def handle_end(self, job: Job[Any]) -> None:
        """Something has ended; what came to no turn may be asked for again."""
        self._unfinished.discard(job)
        self._ended[job] = time.monotonic()
        if job.outcome in ("cancelled", "failed"):
            self._by_receipt = _remove_job(job, self._by_receipt)
        self._forget_old()

    def forget(self, session: str) -> None:
        """Forget what has ended of a session."""
        for run in [each for each in self._ended if each.session == session]:
            self._forget(run)

    def find(self, session: str, number: int) -> TurnJob | None:
        """The run of a turn, if it isn't long ago."""
        self._forget_old()
        return self._by_turn.get((session, number))

    def find_replay(self, session: str, replay: str) -> ReplayJob | None:
        """A replay of a session by its id, if it isn't long ago."""
        self._forget_old()
        return self._replays.get((session, replay))

    def find_repeated(self, receipt: IdempotencyKey | None) -> TurnJob | None:
        """The run of the same request. Raises `Problem` where its name was another request's."""
        run = self._by_receipt.get(receipt.key) if receipt else None
        if run is not None and run.receipt is not None and receipt is not None:
            check_fingerprint(run.receipt.fingerprint, receipt)
        return run

    def jobs_of_session(self, session: str) -> list[TurnJob]:
        """A session's recorded runs that have not ended, in the order in which they were asked for."""
        runs = [
            run
            for run in self._unfinished
            if isinstance(run, TurnJob) and run.session == session and (run.attempt is not None or not run.can_draw)
        ]
        return sorted(runs, key=lambda run: run.clock.asked)

    def replays(self) -> list[ReplayJob]:
        """The replays that have not ended."""
        return [run for run in self._unfinished if isinstance(run, ReplayJob)]

    def list_unfinished(self) -> list[Job[Any]]:
        """All that have not ended."""
        return list(self._unfinished)

    def list_waiting(self) -> list[Job[Any]]:
        """Those that are not drawn now, and are to be."""
        return [run for run in self._unfinished if run.is_waiting]

    def list_drawing(self) -> list[Job[Any]]:
        """Those that are."""
        return [run for run in self._unfinished if run.drawing]

    def _forget_old(self) -> None:
        oldest = time.monotonic() - self._serving.kept_seconds
        for run, then in list(self._ended.items()):
            if len(self._ended) <= self._serving.kept_runs and then >= oldest:
                return
            self._forget(run)

    def _forget(self, job: Job[Any]) -> None:
        del self._ended[job]
        self._by_turn = _remove_job(job, self._by_turn)
        self._by_receipt = _remove_job(job, self._by_receipt)
        self._replays = _remove_job(job, self._replays)


def _remove_job(job: Job[Any], found: dict[Key, Known]) -> dict[Key, Known]:
    return {key: value for key, value in found.items() if value is not job}

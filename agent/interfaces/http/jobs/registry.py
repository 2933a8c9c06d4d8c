"""The jobs that run and those that ended recently, by turn, idempotency key, session and replay id."""

import time
from typing import Any, TypeVar

from .....storage import IdempotencyKey
from ..config import ServerConfig
from ..problems import check_fingerprint
from .job import Job
from .turn_and_replay_jobs import AuditJob, ReplayJob, TurnJob

Key = TypeVar("Key")
AnyJob = TypeVar("AnyJob", bound=Job[Any])


class JobRegistry:
    """Used on the event loop only. A bounded number of ended jobs is kept, each for a bounded time."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._unfinished: set[Job[Any]] = set()
        self._ended: dict[Job[Any], float] = {}  # oldest first
        self._by_turn: dict[tuple[str, int], TurnJob] = {}
        self._by_idempotency_key: dict[str, TurnJob] = {}
        self._replays: dict[tuple[str, str], ReplayJob] = {}

    def add(self, job: TurnJob) -> None:
        """Add a job whose turn is not recorded yet, and so has no number."""
        self._unfinished.add(job)
        if job.idempotency_key is not None:
            self._by_idempotency_key[job.idempotency_key.key] = job

    def set_number(self, job: TurnJob, number: int) -> None:
        """Register a job under the number of its turn; it is still found under an earlier one."""
        job.number = number
        self._by_turn[job.session, number] = job

    def drop(self, job: TurnJob) -> None:
        """Remove a job whose turn could not be recorded."""
        self._unfinished.discard(job)
        self._by_idempotency_key = _remove_job(job, self._by_idempotency_key)

    def add_audit(self, job: AuditJob) -> None:
        """Add an audit."""
        self._unfinished.add(job)

    def add_replay(self, job: ReplayJob) -> None:
        """Add a replay."""
        self._replays[job.session, job.id] = job
        self._unfinished.add(job)

    def handle_end(self, job: Job[Any]) -> None:
        """Mark a job as ended; the idempotency key of one that made no turn may be used again."""
        self._unfinished.discard(job)
        self._ended[job] = time.monotonic()
        if job.outcome in ("cancelled", "failed"):
            self._by_idempotency_key = _remove_job(job, self._by_idempotency_key)
        self._forget_old()

    def forget(self, session: str) -> None:
        """Forget the ended jobs of a session."""
        for job in [job for job in self._ended if job.session == session]:
            self._forget(job)

    def find(self, session: str, number: int) -> TurnJob | None:
        """The running or recently ended job of a turn."""
        self._forget_old()
        return self._by_turn.get((session, number))

    def find_replay(self, session: str, replay: str) -> ReplayJob | None:
        """The running or recently ended replay of this id."""
        self._forget_old()
        return self._replays.get((session, replay))

    def find_repeated(self, idempotency_key: IdempotencyKey | None) -> TurnJob | None:
        """The job of the same request. Raises `Problem` where the key was used for another request."""
        job = self._by_idempotency_key.get(idempotency_key.key) if idempotency_key else None
        if job is not None and job.idempotency_key is not None and idempotency_key is not None:
            check_fingerprint(job.idempotency_key.fingerprint, idempotency_key)
        return job

    def list_of_session(self, session: str) -> list[TurnJob]:
        """A session's recorded jobs that have not ended, in the order of submission."""
        jobs = [
            job
            for job in self._unfinished
            if isinstance(job, TurnJob) and job.session == session and (job.attempt is not None or not job.can_draw)
        ]
        return sorted(jobs, key=lambda job: job.clock.submitted)

    def list_replays(self) -> list[ReplayJob | AuditJob]:
        """The replays and audits that have not ended."""
        return [job for job in self._unfinished if isinstance(job, ReplayJob | AuditJob)]

    def list_unfinished(self) -> list[Job[Any]]:
        """All jobs that have not ended."""
        return list(self._unfinished)

    def list_waiting(self) -> list[Job[Any]]:
        """The jobs that wait to be drawn."""
        return [job for job in self._unfinished if job.is_waiting]

    def list_drawing(self) -> list[Job[Any]]:
        """The jobs that hold a device."""
        return [job for job in self._unfinished if job.is_drawing]

    def _forget_old(self) -> None:
        oldest = time.monotonic() - self._config.kept_seconds
        for job, ended in list(self._ended.items()):
            if len(self._ended) <= self._config.kept_runs and ended >= oldest:
                return
            self._forget(job)

    def _forget(self, job: Job[Any]) -> None:
        del self._ended[job]
        self._by_turn = _remove_job(job, self._by_turn)
        self._by_idempotency_key = _remove_job(job, self._by_idempotency_key)
        self._replays = _remove_job(job, self._replays)


def _remove_job(job: Job[Any], jobs: dict[Key, AnyJob]) -> dict[Key, AnyJob]:
    return {key: value for key, value in jobs.items() if value is not job}

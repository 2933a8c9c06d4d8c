"""Runs jobs: records them, keeps their order within a session, interprets feedback, and draws on the devices.

A turn is recorded under a number before its request is answered. Turns of one session are interpreted in that order, in
threads; pictures are drawn by one thread for each device.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any

from .....errors import InvalidInputError
from .....generation import GenerationRequest
from .....storage import AlreadyRequestedError, Attempt, ExclusionRecord
from ....conversation import Conversation, Turn, prepare_recorded
from ....exclusion_audit import AuditResult, ExclusionAudit
from ....replay.regenerate import ReplayResult, replay_turn
from ....session_start import SessionOptions
from ....studio import OnStep, Studio
from ....turn_execution import TurnCancelled, end_turn, run_turn
from ..auth import Principal
from ..config import ServerConfig
from ..problems import Problem, check_fingerprint
from ..quotas import apply_quotas, check_request
from .device_pool import DevicePool, await_uncancellable
from .fair_queue import KeyedLock
from .job import Job
from .observer import JobObserver
from .queue_capacity import QueueCapacity
from .registry import JobRegistry
from .remote_turns import RemoteTurns
from .session_watchers import SessionWatchers
from .shared_events import SharedEvents
from .turn_and_replay_jobs import AuditJob, ReplayJob, TurnJob
from .worker_threads import INTERPRETERS, WorkerThreads

_RESUMED_FROM = 1000
"""Numbers left out in the events of a turn that is taken over: its clients may know more than was published."""

Move = Callable[[Conversation], Turn]


class JobRunner:
    """Used on the event loop only. `studios` are one for each device, all on the same store."""

    def __init__(
        self,
        studios: Sequence[Studio],
        config: ServerConfig,
        observer: JobObserver,
        threads: WorkerThreads,
        changes: SessionWatchers,
    ) -> None:
        self._studio, self._config, self._observer = studios[0], config, observer
        self._threads, self._changes = threads, changes
        self.devices = DevicePool(studios, observer.record_step)
        self.jobs = JobRegistry(config)
        self.capacity = QueueCapacity(config, self.jobs, len(self.devices))
        self.shared = SharedEvents(self._studio.store, changes, threads.run)
        self._remote_turns = RemoteTurns(self._studio.store, changes, threads.run, self.shared)
        self._recording = KeyedLock()
        self._session_order = KeyedLock()
        self._interpreting = KeyedLock(at_once=INTERPRETERS // 2)

    async def submit_turn(
        self, job: TurnJob, principal: Principal, record: Callable[[], Attempt], background: bool
    ) -> TurnJob:
        """Record a turn and start its job; a repeated request returns the job of the first one."""
        if repeated := self.jobs.find_repeated(job.idempotency_key):
            await repeated.recorded.wait()
            if repeated.error is not None and repeated.attempt is None:
                raise repeated.error
            return repeated
        self.capacity.check(principal.id, job.session)
        self.jobs.add(job)
        try:
            async with self._recording.lock(job.session):  # numbers are given in the order of submission
                job.attempt = await await_uncancellable(self._threads.submit(record))
        except AlreadyRequestedError as earlier:
            self.jobs.drop(job)
            check_fingerprint(earlier.fingerprint, job.idempotency_key)
            return self.follow(earlier.session, earlier.number, background=background)
        except Exception as error:
            job.error = error
            self.jobs.drop(job)
            raise
        finally:
            job.recorded.set()
        self._start_turn(job, job.attempt, principal, background)
        return job

    async def resume(self, find_principal: Callable[[str | None], Principal | None]) -> None:
        """Take over turns whose process is gone, as many as this server has devices that are free.

        `find_principal` gives the holder of a key, None if it was revoked.
        """
        free = len(self.devices) - len(self.jobs.list_waiting()) - len(self.jobs.list_drawing())
        if free <= 0 or self.capacity.is_closed:
            return
        attempts = self._studio.store.attempts
        for attempt in await self._threads.run(partial(attempts.take_over, free)):
            owner = await self._threads.run(partial(self._find_owner, attempt))
            words = attempt.turn.feedback
            job = TurnJob("resume", attempt.session, words, owner=owner, idempotency_key=attempt.receipt)
            principal = await self._threads.run(partial(find_principal, owner))
            if principal is None:
                reason = "the key that asked for it was revoked"
                await self._threads.run(partial(end_turn, self._studio, attempt, "failed", reason))
                continue
            state = await self._threads.run(partial(self._studio.store.turn_events.read, attempt.log))
            job.events.count = _RESUMED_FROM + (state.sequence if state is not None else 0)
            job.attempt = attempt
            job.recorded.set()
            self.jobs.add(job)
            self._start_turn(job, attempt, principal, background=True)

    def _find_owner(self, attempt: Attempt) -> str | None:
        if attempt.start is not None:
            return attempt.start.owner
        return self._studio.store.session(attempt.session).owner

    def _start_turn(self, job: TurnJob, attempt: Attempt, principal: Principal, background: bool) -> None:
        self.jobs.set_number(job, attempt.turn.number)
        job.events.name = attempt.log
        self.shared.publish(job)
        self._start_job(job, partial(self._prepare_and_draw, job, principal), background)
        self.shared.notify(job.session)

    def submit_move(self, job: TurnJob, move: Move) -> TurnJob:
        """Start a job that moves the head; it draws nothing, and so records no turn before."""
        if repeated := self.jobs.find_repeated(job.idempotency_key):
            return repeated
        self.capacity.check(job.owner, job.session)
        self.jobs.add(job)
        self._start_job(job, partial(self._move, job, move), background=False)
        return job

    def submit_replay(self, job: ReplayJob, turns: Sequence[Turn], background: bool) -> None:
        """Start a replay."""
        self.capacity.check(job.owner, job.session)
        self.jobs.add_replay(job)
        self._start_job(job, partial(self._replay, job, turns), background)

    def submit_audit(self, job: AuditJob, limit: int) -> None:
        """Start an audit of at most `limit` exclusions."""
        self.capacity.check(job.owner, job.session)
        self.jobs.add_audit(job)
        self._start_job(job, partial(self._audit, job, limit), background=False)

    def follow(self, session: str, number: int, log: str | None = None, *, background: bool = True) -> TurnJob:
        """The job of a turn, or one that follows the turn while another process draws it."""
        job = self.jobs.find(session, number)
        return job or self._remote_turns.follow(session, number, log, background=background)

    def cancel_lost(self, session: str, number: int) -> None:
        """Cancel a turn of this process that another process has cancelled or taken over."""
        if (job := self.jobs.find(session, number)) is not None:
            job.cancel("it was cancelled, or taken over, by another process")

    async def cancel_session(self, session: str, reason: str) -> None:
        """Cancel the jobs of a session and wait until they have ended."""
        jobs = [job for job in self.jobs.list_unfinished() if job.session == session]
        for job in jobs:
            job.cancel(reason)
        if tasks := _tasks_of(jobs):
            await asyncio.wait(tasks)

    async def stop(self) -> None:
        """Take no jobs; cancel those that wait, and those that still draw after `ServerConfig.grace` seconds."""
        self.capacity.is_closed = True
        for replay in self.jobs.list_replays():
            replay.cancel("the server was stopped before all turns were drawn: ask again")
        reason = "the server was stopped before it was drawn: it can be retried"
        for job in self.jobs.list_waiting():
            job.cancel(reason)
        if tasks := _tasks_of(self.jobs.list_unfinished()):
            _, unfinished = await asyncio.wait(tasks, timeout=self._config.grace)
            for job in self.jobs.list_unfinished():
                job.cancel(reason)
            if unfinished:
                await asyncio.wait(unfinished)

    def _start_job(self, job: Job[Any], work: Callable[[], Awaitable[Any]], background: bool) -> None:
        job.background, job.linger = background, self._config.linger
        job.set_queue_position(len(self.devices.queue) + 1)
        job.task = asyncio.create_task(job.run(work))
        job.task.add_done_callback(lambda _: self._handle_end(job))

    def _handle_end(self, job: Job[Any]) -> None:
        if not job.events.ended:  # it was cancelled while it waited, or before it began
            job.fail(TurnCancelled(job.cancel_reason or "stopped"))
        if isinstance(job, TurnJob) and job.clock.drawing is not None:
            self.capacity.record_duration(job.clock.ended - job.clock.drawing)
        self.jobs.handle_end(job)
        if isinstance(job, TurnJob):
            self.shared.end(job)
        self.shared.notify(job.session)
        self._observer.record_end(job)

    async def _prepare_and_draw(self, job: TurnJob, principal: Principal) -> Turn:
        try:
            async with self._session_order.lock(job.session):
                job.raise_if_cancelled()
                job.clock.mark_interpreting()
                async with self._interpreting.lock(job.owner or job.session):
                    preparing = self._threads.submit_interpretation(partial(self._prepare, job, principal))
                    prepared = await await_uncancellable(asyncio.wrap_future(preparing))
                if not isinstance(prepared, Attempt):
                    return prepared
                job.record_interpretation(prepared)
                self.jobs.set_number(job, prepared.turn.number)
                return await self.devices.run_on_device(job, run_turn, prepared)
        except (asyncio.CancelledError, TurnCancelled):
            if job.clock.drawing is None and job.attempt is not None:  # else `run_turn` has recorded it
                reason = job.cancel_reason or "stopped"
                end = partial(end_turn, self._studio, job.attempt, "cancelled", reason)
                await await_uncancellable(self._threads.submit(end))
            raise

    def _prepare(self, job: TurnJob, principal: Principal) -> Turn | Attempt:
        if job.attempt is None:
            raise RuntimeError("a turn is recorded before it is prepared")

        def limit_options(options: SessionOptions) -> SessionOptions:
            defaults = self._studio.engine(options.model or self._studio.model).defaults
            return apply_quotas(options, principal, self._config, defaults)

        def check(request: GenerationRequest) -> None:
            check_request(request.model_dump(), principal, self._config)

        return prepare_recorded(
            self._studio,
            job.attempt,
            limit_options,
            check,
            refusals=(InvalidInputError, Problem),
            after_refusal="fail" if job.kind == "retry" else "refuse" if job.background else "drop",
        )

    async def _move(self, job: TurnJob, move: Move) -> Turn:
        async with self._session_order.lock(job.session):
            job.clock.mark_interpreting()
            return await await_uncancellable(self._threads.submit(partial(self._move_once, job, move)))

    def _move_once(self, job: TurnJob, move: Move) -> Turn:
        """Move the head; a repeated request returns what the first one came to, maybe on another server."""
        store = self._studio.store
        try:
            if job.idempotency_key is not None:
                store.idempotency_keys.require_new(job.idempotency_key)
            return move(Conversation.open(job.session, self._studio))
        except AlreadyRequestedError as earlier:
            check_fingerprint(earlier.fingerprint, job.idempotency_key)
            return store.turn(earlier.session, earlier.number)

    async def _replay(self, job: ReplayJob, turns: Sequence[Turn]) -> tuple[ReplayResult, ...]:
        for turn in turns:
            job.record_result(await self.devices.run_on_device(job, replay_turn, turn))
        return tuple(job.results)

    async def _audit(self, job: AuditJob, limit: int) -> dict[str, Any]:
        audits: dict[Studio, ExclusionAudit] = {}  # other turns are drawn in between, maybe on this audit's device

        def compare(studio: Studio, exclusion: ExclusionRecord, on_step: OnStep) -> AuditResult:
            audit = audits.setdefault(studio, ExclusionAudit(studio, job.turn, limit))
            return audit.compare(exclusion, on_step)

        for exclusion in job.turn.exclusions[-limit:]:
            job.results.append(await self.devices.run_on_device(job, compare, exclusion))
        return {"turn": job.turn.number, "exclusions": [result.as_json() for result in job.results]}


def _tasks_of(jobs: Iterable[Job[Any]]) -> list["asyncio.Task[None]"]:
    return [job.task for job in jobs if job.task is not None]

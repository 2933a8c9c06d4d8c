"""The service: the one door to a server's sessions, for its own API and for all compatibility layers.

    job = await service.say(principal, session, "too dark")  # Problem: 404, 429, 503
    turn = await job.result()                                # waits; raises the job's error
    async for event in job.events.follow(): ...              # or follow its events
    job.cancel("not needed any more")

Commands are here and return jobs, which `JobRunner` runs. Reads are in `reader` and `images`.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from .....storage import Attempt, IdempotencyKey, SessionStart, WaitingTurn, new_session_id
from ....commands import Change, EditCommand, SayCommand, SeedCommand, StartCommand
from ....edits import State, UserEdit
from ....exclusions import NegativePrompt
from ....feedback import Feedback
from ....interpreters import OfflineInterpreter
from ....session_start import SessionOptions
from ....studio import Studio
from ....terms import to_one_line
from ....verification import VerifyOptions
from ..auth import Principal, authenticate, find_principal
from ..available_models import AvailableModels
from ..config import ServerConfig
from ..image_reader import ImageReader
from ..input_pictures import InputPictures
from ..problems import Problem, to_problem
from ..quotas import RateLimiter, check_request, check_steps, refuse_beyond_rate
from ..session_archives import SessionArchives
from ..session_reader import SessionReader
from .event_log import EventLog, EventName
from .event_streams import EventStreams
from .job_runner import JobRunner, Move
from .observer import JobObserver
from .remote_turns import StorePoll, to_error
from .session_watchers import SessionWatchers
from .turn_and_replay_jobs import AuditJob, Kind, ReplayJob, TurnJob
from .worker_threads import WorkerThreads

Result = TypeVar("Result")


class Service:
    """A server's sessions, jobs and devices; `devices` are studios on the same store, one for each further device."""

    def __init__(
        self, studio: Studio, config: ServerConfig, observer: JobObserver, devices: Iterable[Studio] = ()
    ) -> None:
        self._studio, self._store, self.config = studio, studio.store, config
        studios = (studio, *devices)
        for device_studio in studios:
            device_studio.allow_models(config.models)
        self.verifies = studio.verify
        """Whether new sessions are verified that do not say whether they are."""
        self._threads = WorkerThreads()
        self.changes = SessionWatchers()
        self._runner = JobRunner(studios, config, observer, self._threads, self.changes)
        self.jobs, self.devices = self._runner.jobs, self._runner.devices
        self.models = AvailableModels(studio, config.models)
        self.reader = SessionReader(studio, self._threads)
        self.images = ImageReader(studio, self._threads)
        self.pictures = InputPictures(studio, self._threads)
        self.archives = SessionArchives(studio, config, self._threads)
        self.streams = EventStreams(config, self.changes)
        self._rate = RateLimiter()
        shared = self._store.turn_events.is_shared
        self.takes_over = shared if config.take_over is None else config.take_over
        """Whether turns of servers that are gone are drawn here."""
        self._store.attempts.is_resumed = self.takes_over

    # Commands

    async def start(
        self,
        principal: Principal,
        options: SessionOptions,
        idempotency_key: IdempotencyKey | None = None,
        *,
        background: bool = False,
    ) -> TurnJob:
        """Begin a session; the job's session is its id."""
        model = options.model or self.models.default
        self.models.check(model)
        command = StartCommand(options=replace(options, model=model))
        job = TurnJob("start", new_session_id(), command.words, owner=principal.id, idempotency_key=idempotency_key)
        start = SessionStart(model, options.policies, principal.id)
        record = partial(self._record, job, principal, command, start)
        return await self._runner.submit_turn(job, principal, record, background)

    async def say(
        self,
        principal: Principal,
        session: str,
        feedback: str | Feedback,
        idempotency_key: IdempotencyKey | None = None,
        *,
        turn: int | None = None,
        background: bool = False,
    ) -> TurnJob:
        """Give feedback on a session's current picture, or on that of a `turn`."""
        feedback = Feedback((feedback,)) if isinstance(feedback, str) else feedback
        command = SayCommand(feedback=feedback, turn=turn)
        return await self._submit_change(principal, session, "say", command, idempotency_key, background)

    async def edit(
        self,
        principal: Principal,
        session: str,
        edits: Iterable[UserEdit],
        idempotency_key: IdempotencyKey | None = None,
        *,
        keep_question: bool = False,
        background: bool = False,
    ) -> TurnJob:
        """Apply edits; a `Reroll` draws from a new seed, and `Confirm` answers the open question.

        With `keep_question`, nothing is done while a question is open.
        """
        command = EditCommand(edits=tuple(edits), keep_question=keep_question)
        return await self._submit_change(principal, session, "edits", command, idempotency_key, background)

    async def seed(
        self,
        principal: Principal,
        session: str,
        seed: int,
        idempotency_key: IdempotencyKey | None = None,
        *,
        background: bool = False,
    ) -> TurnJob:
        """Draw the current picture again from this seed."""
        return await self._submit_change(
            principal, session, "seed", SeedCommand(seed=seed), idempotency_key, background
        )

    async def undo(
        self, principal: Principal, session: str, turns: int = 1, idempotency_key: IdempotencyKey | None = None
    ) -> TurnJob:
        """Move the head back by some turns; nothing is drawn."""
        return await self._submit_move(
            principal, session, "undo", idempotency_key, lambda conversation: conversation.undo(turns, idempotency_key)
        )

    async def branch(
        self, principal: Principal, session: str, turn: int, idempotency_key: IdempotencyKey | None = None
    ) -> TurnJob:
        """Move the head to a turn; nothing is drawn."""
        return await self._submit_move(
            principal,
            session,
            "branch",
            idempotency_key,
            lambda conversation: conversation.branch(turn, idempotency_key),
        )

    async def release_pin(self, principal: Principal, session: str, term: str) -> TurnJob:
        """Let a pinned part of the picture change again; nothing is drawn."""
        return await self._submit_move(
            principal, session, "release", None, lambda conversation: conversation.release(term)
        )

    async def retry(
        self, principal: Principal, session: str, turn: int | None = None, *, background: bool = False
    ) -> TurnJob:
        """Draw a turn that came to no picture, by default the session's latest."""
        await self.reader.require_visible(principal, session)
        job = TurnJob("retry", session, "", owner=principal.id, idempotency_key=None)
        record = partial(self._store.attempts.retry, session, turn, admit=self._admit(principal, session))
        return await self._runner.submit_turn(job, principal, record, background)

    async def cancel(self, principal: Principal, session: str, number: int) -> bool:
        """Cancel a turn that waits or is drawn, in any process; False where it has ended.

        Another process notices within seconds.
        """
        job = self.find_job(principal, session, number)
        if job is not None:
            return job.cancel("cancelled")
        found = await self.reader.find_turn(principal, session, number)
        if not isinstance(found, Attempt) or found.status != "pending":
            return False
        return await self.run_in_thread(partial(self._store.attempts.cancel, session, found.turn.number, "cancelled"))

    async def replay(self, principal: Principal, session: str, *, background: bool = False) -> ReplayJob:
        """Draw every turn again from its stored request alone, and compare; nothing is stored.

        Other turns, also of the same session, are drawn in between.
        """
        turns = await self.reader.list_turns(principal, session)
        for turn in turns:
            check_request(turn.request, principal, self.config)
        job = ReplayJob(session, tuple(turn.number for turn in turns), owner=principal.id)
        self._runner.submit_replay(job, turns, background)
        return job

    async def audit(self, principal: Principal, session: str, turn: int | None, limit: int) -> AuditJob:
        """Draw a turn without each of its latest `limit` exclusions, and compare; nothing is stored."""
        audited = await self.reader.load_turn(principal, session, turn)
        check_request(audited.request, principal, self.config)
        job = AuditJob(audited, owner=principal.id)
        self._runner.submit_audit(job, limit)
        return job

    async def set_verification(self, principal: Principal, session: str, options: VerifyOptions | bool) -> None:
        """Verify the session's next turns in this way; False: not at all."""
        await self.reader.load_session(principal, session)
        await self.run_in_thread(partial(self._store.set_verification, session, VerifyOptions.to_record(options)))
        self.changes.notify(session)

    async def delete_session(self, principal: Principal, session: str) -> None:
        """Cancel a session's jobs, and delete it with its pictures. Raises `UnknownSessionError`."""
        await self.reader.require_visible(principal, session)
        with self._runner.capacity.close_session(session):
            await self._runner.cancel_session(session, "its session was deleted")
            await self.run_in_thread(partial(self._store.delete_session, session))
        self.jobs.forget(session)
        self.devices.forget_checkpoints()
        self.changes.notify(session)

    # Jobs

    def list_jobs(self, session: str) -> list[TurnJob]:
        """This server's jobs of a session that have not ended, in the order of submission."""
        return self.jobs.list_of_session(session)

    def find_job(self, principal: Principal, session: str, number: int) -> TurnJob | None:
        """This server's running or recently ended job of a turn, where it is the caller's."""
        job = self.jobs.find(session, number)
        return job if job is not None and principal.can_see(job.owner) else None

    def find_replay(self, principal: Principal, session: str, replay: str) -> ReplayJob:
        """A running or recently ended replay. Raises `Problem` where there is none or it is another caller's."""
        job = self.jobs.find_replay(session, replay)
        if job is None or not principal.can_see(job.owner):
            detail = f"no replay “{replay}”: it is long over, or the server was started again; ask for another"
            raise Problem(404, "unknown-replay", "There is no such replay", detail)
        return job

    async def find_events(self, principal: Principal, session: str, number: int) -> tuple[TurnJob | None, EventLog]:
        """A turn's job with its events; where it ended long ago, no job and the last event only.

        Raises `UnknownSessionError` or `UnknownTurnError` where there is none or it is another caller's.
        """
        job = self.find_job(principal, session, number)
        if job is not None:
            return job, job.events
        found = await self.reader.find_turn(principal, session, number)
        log = EventLog(f"{session}.{number}")
        if not isinstance(found, Attempt):
            log.add("done", found, last=True)
        elif found.status == "pending":
            job = self._runner.follow(session, number, found.log)
            return job, job.events
        else:
            name: EventName = "cancelled" if found.status == "cancelled" else "failed"
            log.add(name, to_problem(to_error(found)).to_json(), last=True)
        return None, log

    # Callers

    async def authenticate(self, headers: Headers) -> Principal:
        """The caller that a request's headers name. Raises `Problem`, 401."""
        return await run_in_threadpool(authenticate, self._store, headers, keyless=self.config.loopback)

    async def count_request(self, principal: Principal) -> None:
        """Count a request against the key's rate limit, which all servers on the database share. Raises 429."""
        maximum = principal.limits.requests_per_minute
        if self._runner.shared.is_enabled and principal.id is not None and maximum is not None:
            seconds = await self.run_in_thread(partial(self._store.rate_limits.take, principal.id, maximum))
            refuse_beyond_rate(principal, maximum, seconds)
        else:
            self._rate.take(principal)

    def check_steps(self, principal: Principal, steps: int | None) -> None:
        """Raise `Problem`, 403, where the caller may not ask for so many steps."""
        check_steps(steps, principal, self.config)

    async def run_in_thread(self, work: Callable[[], Result]) -> Result:
        """Do blocking work in a thread, so that the event loop goes on."""
        return await self._threads.run(work)

    # Lifecycle

    @property
    def is_model_loaded(self) -> bool:
        """Whether the default model is loaded on every device."""
        return self.devices.has_model(self.models.default)

    @property
    def is_stopping(self) -> bool:
        """Whether the server stops, and takes no jobs."""
        return self._runner.capacity.is_closed

    def warm_up(self) -> None:
        """Load the default model and the rules for feedback, and begin to watch for changes by other processes."""
        self.devices.warm_up(self.models.default)
        loop = asyncio.get_running_loop()

        def on_lost(session: str, number: int) -> None:
            loop.call_soon_threadsafe(self._runner.cancel_lost, session, number)

        self._store.attempts.on_lost(on_lost)
        self._runner.shared.start()
        resume = None
        if self.takes_over:
            resume = partial(self._runner.resume, partial(find_principal, self._store, keyless=self.config.loopback))
        self._poll = asyncio.create_task(StorePoll(self._store, self.changes, self.run_in_thread, resume).run())
        blank = State("", NegativePrompt(), 0)  # not for a language model, which may cost money
        self._threads.submit_interpretation(partial(OfflineInterpreter().interpret, "a house without fog", blank))

    async def stop(self) -> None:
        """Cancel the jobs that wait, let those that draw finish in time, and end all event streams."""
        await self._runner.stop()
        self._poll.cancel()
        await self._runner.shared.stop()
        self.changes.close()

    def close(self) -> None:
        """Stop the threads."""
        self._threads.close()
        self.devices.close()

    async def _submit_change(
        self,
        principal: Principal,
        session: str,
        kind: Kind,
        change: Change,
        idempotency_key: IdempotencyKey | None,
        background: bool,
    ) -> TurnJob:
        await self.reader.require_visible(principal, session)
        words = change.words if kind == "say" else ""
        job = TurnJob(kind, session, words, owner=principal.id, idempotency_key=idempotency_key)
        return await self._runner.submit_turn(job, principal, partial(self._record, job, principal, change), background)

    async def _submit_move(
        self, principal: Principal, session: str, kind: Kind, idempotency_key: IdempotencyKey | None, move: Move
    ) -> TurnJob:
        await self.reader.require_visible(principal, session)
        job = TurnJob(kind, session, "", owner=principal.id, idempotency_key=idempotency_key)
        return self._runner.submit_move(job, move)

    def _record(
        self, job: TurnJob, principal: Principal, command: StartCommand | Change, start: SessionStart | None = None
    ) -> Attempt:
        """Store a command for `prepare_recorded`."""
        return self._store.attempts.record(
            job.session,
            to_one_line(command.words),
            command.as_json(),
            start=start,
            idempotency_key=job.idempotency_key,
            admit=self._admit(principal, job.session),
        )

    def _admit(self, principal: Principal, session: str) -> Callable[[Sequence[WaitingTurn]], None]:
        """Bounds the queue of all servers on the database; see `QueueCapacity`."""
        return partial(self._runner.capacity.check_waiting, principal.id, session)

"""The service: everything that is asked of sessions goes through it, and only so much at once.

    run = await service.say(caller, session, "too dark")     # Problem: 404, 429, 503
    turn = await run.result()                                # waits; raises what went wrong
    async for event in run.events.follow(): ...              # or watch it
    run.cancel("not needed any more")

What is asked of one session is recorded under a number before anybody is answered, and happens in that order. Words are
interpreted in a thread; pictures are drawn by one thread a device, whose queue is fair between sessions.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from .....errors import InvalidInputError
from .....generation import GenerationRequest
from .....storage import (
    AlreadyRequestedError,
    Attempt,
    IdempotencyKey,
    SessionRecord,
    SessionStart,
    UnknownSessionError,
    new_session_id,
)
from ....commands import Change, EditCommand, SayCommand, SeedCommand, StartCommand
from ....conversation import Conversation, Turn, prepare_recorded
from ....edits import Edit, State
from ....exclusions import NegativePrompt
from ....feedback import Feedback
from ....replay.regenerate import ReplayResult, replay_turn
from ....session_start import SessionOptions
from ....studio import Studio
from ....terms import to_one_line
from ....turn_execution import TurnCancelled, end_turn, run_turn
from .. import problems
from ..auth import Principal
from ..config import ServerConfig
from ..quotas import RateLimiter, apply_quotas, check_request
from ..telemetry.telemetry import Telemetry
from .device_pool import DevicePool, await_uncancellable
from .fair_queue import KeyedLock
from .job import Job
from .key_shares import Places, most_for
from .registry import JobRegistry
from .remote_turns import StorePoll, find_turn, to_error
from .session_watchers import SessionWatchers
from .turn_and_replay_jobs import Kind, ReplayJob, TurnJob

Result = TypeVar("Result")

_READERS = 16
"""Threads that read the database."""
_ARCHIVISTS = 2
"""How many of them may write or read archives, which takes long."""
_INTERPRETERS = 16
"""Threads that read words, half of them at most for one key: a language model may take its time."""
_COME_AGAIN = 10
"""Seconds after which a stream of events may have ended."""
_FIRST_GUESS = 5.0
"""Seconds that a picture is thought to take before one was drawn."""


class Service:
    """The studio of a server; `devices` are further studios on the same store, one for each device more."""

    def __init__(
        self, studio: Studio, config: ServerConfig, telemetry: Telemetry, devices: Iterable[Studio] = ()
    ) -> None:
        self.studio, self.config, self.telemetry = studio, config, telemetry
        studios = (studio, *devices)
        for each in studios:
            each.allow_models(config.models)
        self.devices = DevicePool(studios, telemetry.record_step)
        self.jobs = JobRegistry(config)
        self.rate = RateLimiter()
        self.changes = SessionWatchers()
        self.streams = Places(config.watchers, config.share)
        """The streams of events that are followed."""
        self.stopping = False
        self._recording = KeyedLock()
        self.archives = asyncio.Semaphore(_ARCHIVISTS)
        """Held by whoever writes or reads an archive."""
        self._closed: Counter[str] = Counter()
        self._order = KeyedLock()
        self._followers: dict[tuple[str, int], TurnJob] = {}
        telemetry.metrics.watch_queue(lambda: len(self.jobs.list_waiting()), lambda: len(self.jobs.list_drawing()))
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="notthat-read")
        self._interpreters = ThreadPoolExecutor(_INTERPRETERS, thread_name_prefix="notthat-interpret")
        self._interpreting = KeyedLock(at_once=_INTERPRETERS // 2)
        self._seconds = _FIRST_GUESS

    # What can be asked for

    async def start(
        self,
        principal: Principal,
        options: SessionOptions,
        receipt: IdempotencyKey | None = None,
        *,
        background: bool = False,
    ) -> TurnJob:
        """Begin a session; its id is the run's."""
        model = options.model or self.config.models[0]
        if model not in self.config.models:
            there = ", ".join(self.config.models)
            raise problems.Problem(
                400, "unknown-model", "There is no such model", f"no model “{model}”: there is {there}"
            )
        command = StartCommand(options=replace(options, model=model))
        run = TurnJob("start", new_session_id(), command.words, owner=principal.id, receipt=receipt)
        start = SessionStart(model, options.policies, principal.id)
        return await self._submit(run, principal, partial(self._record, run, command, start), background)

    async def say(
        self,
        principal: Principal,
        session: str,
        feedback: str | Feedback,
        receipt: IdempotencyKey | None = None,
        *,
        turn: int | None = None,
        background: bool = False,
    ) -> TurnJob:
        """Say what is wrong with a session's picture: the one that is shown, or that of a `turn`."""
        said = Feedback((feedback,)) if isinstance(feedback, str) else feedback
        command = SayCommand(feedback=said, turn=turn)
        return await self._submit_change(principal, session, "say", command, receipt, background)

    async def edit(
        self,
        principal: Principal,
        session: str,
        edits: Iterable[Edit],
        receipt: IdempotencyKey | None = None,
        *,
        background: bool = False,
    ) -> TurnJob:
        """Change what is excluded or wanted by edits; a `Reroll` is another one from another seed."""
        return await self._submit_change(
            principal, session, "edits", EditCommand(edits=tuple(edits)), receipt, background
        )

    async def seed(
        self,
        principal: Principal,
        session: str,
        seed: int,
        receipt: IdempotencyKey | None = None,
        *,
        background: bool = False,
    ) -> TurnJob:
        """The same again from this seed."""
        return await self._submit_change(principal, session, "seed", SeedCommand(seed=seed), receipt, background)

    async def undo(
        self, principal: Principal, session: str, turns: int = 1, receipt: IdempotencyKey | None = None
    ) -> TurnJob:
        """Go back; nothing is drawn."""
        return await self._move(principal, session, "undo", receipt, lambda on: on.undo(turns, receipt))

    async def branch(
        self, principal: Principal, session: str, turn: int, receipt: IdempotencyKey | None = None
    ) -> TurnJob:
        """Go on from a turn; nothing is drawn."""
        return await self._move(principal, session, "branch", receipt, lambda on: on.branch(turn, receipt))

    async def retry(
        self, principal: Principal, session: str, turn: int | None = None, *, background: bool = False
    ) -> TurnJob:
        """Draw a turn again that came to no picture, by default the session's latest."""
        await self.require_visible(principal, session)
        run = TurnJob("retry", session, "", owner=principal.id, receipt=None)
        again = partial(self.studio.store.attempts.retry, session, turn)
        return await self._submit(run, principal, again, background)

    async def cancel(self, principal: Principal, session: str, number: int) -> bool:
        """Cancel a turn that waits or is being drawn, whichever process does; its words are kept. False where none is.

        Another process notices within seconds.
        """
        run = self.jobs.find(session, number)
        if run is not None and principal.can_see(run.owner):
            return run.cancel("cancelled")
        found = await self.find_turn(principal, session, number)
        if not isinstance(found, Attempt) or found.status != "pending":
            return False
        return await self.run_in_thread(
            partial(self.studio.store.attempts.cancel, session, found.turn.number, "cancelled")
        )

    async def replay(self, principal: Principal, session: str, *, background: bool = False) -> ReplayJob:
        """Draw every turn again from its stored request alone, and compare; nothing is kept of it.

        Turns that are asked for meanwhile, also of the same session, are drawn in between.
        """
        await self.session(principal, session)
        turns = await self.run_in_thread(partial(self.studio.store.turns, session))
        for each in turns:
            check_request(each.request, principal, self.config)
        replaying = ReplayJob(session, tuple(turn.number for turn in turns), owner=principal.id)
        self._check_capacity(principal.id, session)
        self.jobs.add_replay(replaying)
        self._start_job(replaying, partial(self._run_replay, replaying, turns), background)
        return replaying

    async def session(self, principal: Principal, session: str) -> SessionRecord:
        """A session of the caller's. Raises `UnknownSessionError` where there is none, or it is another's."""
        record = await self.run_in_thread(lambda: self.studio.store.session(session))
        if not principal.can_see(record.owner):
            raise UnknownSessionError(f"no session “{session}”")
        return record

    async def require_visible(self, principal: Principal, session: str) -> None:
        """Raise `UnknownSessionError` where the session is not the caller's; its first turn may be all there is."""
        await self.run_in_thread(partial(self._require_visible, principal, session))

    async def find_turn(self, principal: Principal, session: str, number: int) -> Turn | Attempt:
        """What a promised number of a session of the caller's came to: a turn, or a turn without a picture.

        Raises `UnknownSessionError` or `UnknownTurnError` where nothing was promised, or the session is another's.
        """
        await self.require_visible(principal, session)
        return await self.run_in_thread(partial(find_turn, self.studio.store, session, number))

    async def run_in_thread(self, work: Callable[[], Result]) -> Result:
        """Do what reads words or the database in a thread, so that the event loop goes on."""
        return await self._submit_read(work)

    @contextmanager
    def closed_to_jobs(self, session: str) -> Iterator[None]:
        """For the block, nothing more can be asked of the session: whoever tries hears that there is none."""
        self._closed[session] += 1
        try:
            yield
        finally:
            self._closed[session] -= 1
            self._closed += Counter()  # without those that are zero

    def forget(self, session: str) -> None:
        """Forget what is in memory of a deleted session, and let its event streams end."""
        self.jobs.forget(session)
        self.devices.forget_checkpoints()
        self.changes.notify(session)

    def check_stream(self, principal: Principal) -> None:
        """Raise `Problem` where the caller may follow no more events: 429, or 503 when the server stops."""
        if self.changes.closed:
            raise problems.server_stopping()
        if not self.streams.has_place(principal.id):
            detail = f"too many event streams are open: close one, or try again in {_COME_AGAIN} s"
            raise problems.too_many("too-many-watchers", "Too many event streams", detail, _COME_AGAIN)

    def warm_up(self) -> None:
        """Load the default model and the interpreter's words, and begin to watch what other processes do."""
        self.devices.warm_up(self.config.models[0])
        loop = asyncio.get_running_loop()

        def on_lost(session: str, number: int) -> None:
            loop.call_soon_threadsafe(self._lost, session, number)

        self.studio.store.attempts.on_lost(on_lost)
        self._poll = asyncio.create_task(StorePoll(self.studio.store, self.changes, self.run_in_thread).run())
        blank = State("", NegativePrompt(), 0)
        self._interpreters.submit(self.studio.interpreter.interpret, "a house without fog", blank)

    async def stop(self) -> None:
        """Take nothing on any more; give back what waits, and finish what is drawn, or give that back, too."""
        self.stopping = True
        for replaying in self.jobs.replays():
            replaying.cancel("the server was stopped before all turns were drawn: ask again")
        reason = "the server was stopped before it was drawn: it can be retried"
        for run in self.jobs.list_waiting():
            run.cancel(reason)
        tasks = [run.task for run in self.jobs.list_unfinished() if run.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self.config.grace)
            for run in self.jobs.list_unfinished():
                run.cancel(reason)
            if late:
                await asyncio.wait(late)
        self.changes.close()
        self._poll.cancel()

    def _lost(self, session: str, number: int) -> None:
        """Another process cancelled a turn of this one's, or took it over."""
        if (run := self.jobs.find(session, number)) is not None:
            run.cancel("it was cancelled, or taken over, by another process")

    def close(self) -> None:
        """Let the threads go."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._interpreters.shutdown(wait=False, cancel_futures=True)
        self.devices.close()

    # How it is done

    async def _submit_change(
        self,
        principal: Principal,
        session: str,
        kind: Kind,
        change: Change,
        receipt: IdempotencyKey | None,
        background: bool,
    ) -> TurnJob:
        await self.require_visible(principal, session)
        words = change.words if kind == "say" else ""
        run = TurnJob(kind, session, words, owner=principal.id, receipt=receipt)
        return await self._submit(run, principal, partial(self._record, run, change), background)

    async def _move(
        self,
        principal: Principal,
        session: str,
        kind: Kind,
        receipt: IdempotencyKey | None,
        move: Callable[[Conversation], Turn],
    ) -> TurnJob:
        """Do what draws nothing, and so needs no record."""
        await self.require_visible(principal, session)
        if known := self.jobs.find_repeated(receipt):
            return known
        self._check_capacity(principal.id, session)
        run = TurnJob(kind, session, "", owner=principal.id, receipt=receipt)
        self.jobs.add(run)
        self._start_job(run, partial(self._moved, run, move), background=False)
        return run

    async def _moved(self, job: TurnJob, move: Callable[[Conversation], Turn]) -> Turn:
        async with self._order.lock(job.session):
            job.clock.mark_begun()
            return await await_uncancellable(self._submit_read(partial(self._move_once, job, move)))

    def _move_once(self, job: TurnJob, move: Callable[[Conversation], Turn]) -> Turn:
        """Do it, or answer with what this very request came to before, perhaps on another server."""
        store = self.studio.store
        try:
            if job.receipt is not None:
                store.idempotency_keys.require_new(job.receipt)
            return move(Conversation.open(job.session, self.studio))
        except AlreadyRequestedError as earlier:
            problems.check_fingerprint(earlier.fingerprint, job.receipt)
            return store.turn(earlier.session, earlier.number)

    def _record(self, job: TurnJob, command: StartCommand | Change, start: SessionStart | None = None) -> Attempt:
        """Record what was asked, as `prepare_recorded` reads it."""
        words = to_one_line(command.words)
        return self.studio.store.attempts.record(
            job.session, words, command.as_json(), start=start, idempotency_key=job.receipt
        )

    def _require_visible(self, principal: Principal, session: str) -> None:
        try:
            owner = self.studio.store.session(session).owner
        except UnknownSessionError:
            firsts = [
                each.start
                for each in self.studio.store.attempts.all(session, with_refused=True)
                if each.start is not None
            ]
            # without one, its first picture may have come in between
            owner = firsts[0].owner if firsts else self.studio.store.session(session).owner
        if not principal.can_see(owner):
            raise UnknownSessionError(f"no session “{session}”")

    async def _submit(
        self, job: TurnJob, principal: Principal, record: Callable[[], Attempt], background: bool
    ) -> TurnJob:
        """Record what was asked and begin with it; a request that was made before is answered by its first turn."""
        if known := self.jobs.find_repeated(job.receipt):
            await known.numbered.wait()
            if known.error is not None and known.attempt is None:
                raise known.error
            return known
        self._check_capacity(principal.id, job.session)
        self.jobs.add(job)
        try:
            async with self._recording.lock(job.session):  # numbers in the order in which things were asked
                job.attempt = await await_uncancellable(self._submit_read(record))
        except AlreadyRequestedError as earlier:
            self.jobs.drop(job)
            problems.check_fingerprint(earlier.fingerprint, job.receipt)
            return self.follow(earlier.session, earlier.number, background=background)
        except Exception as error:
            job.error = error
            self.jobs.drop(job)
            raise
        finally:
            job.numbered.set()
        self.jobs.number(job, job.attempt.turn.number)
        self._start_job(job, partial(self._prepare_and_draw, job, principal), background)
        self.changes.notify(job.session)
        return job

    def follow(self, session: str, number: int, *, background: bool = True) -> TurnJob:
        """The run of a turn of this server's, or one that follows what another process does about the turn."""
        run = self.jobs.find(session, number) or self._followers.get((session, number))
        if run is None:
            run = self._followers[session, number] = TurnJob("elsewhere", session, "", owner=None, receipt=None)
            run.number, run.background = number, background
            run.task = asyncio.create_task(self._run_job(run, partial(self._follow, run)))
            run.task.add_done_callback(lambda _: self._followers.pop((session, number), None))
        return run

    async def _follow(self, job: TurnJob) -> Turn:
        """Look at a turn of another process until it has ended."""
        with self.changes.watch(job.session) as news:
            while True:
                news.clear()
                found = await self.run_in_thread(partial(find_turn, self.studio.store, job.session, job.number))
                if not isinstance(found, Attempt):
                    return found
                if found.status != "pending":
                    raise to_error(found)
                if found.command is None and not job.is_interpreted:
                    job.interpreted(found)
                await news.wait()
                if self.changes.closed:
                    raise problems.server_stopping()

    def _check_capacity(self, key: str | None, session: str) -> None:
        """Raise `Problem` where nothing more may wait: at all, of this key or of this session.

        `Retry-After` is when the line, which is fair, will have drawn one of those that stand in the way.
        """
        if session in self._closed:
            raise UnknownSessionError(f"no session “{session}”")
        if self.stopping:
            raise problems.server_stopping()
        waiting = self.jobs.list_waiting()
        mine = [run for run in waiting if run.owner == key]
        keys = len({run.owner for run in waiting})
        most = most_for(key, len(mine), len(waiting), self.config.queue, self.config.share)
        if len(waiting) >= self.config.queue:
            raise problems.queue_full(f"{len(waiting)} turns are waiting", self._estimate_seconds(1))
        if len(mine) >= most:
            raise problems.queue_full(f"{len(mine)} turns of this key are waiting", self._estimate_seconds(keys))
        of_session = sum(run.session == session for run in mine)
        if of_session >= self.config.session_queue:
            until = min(len(waiting), keys * len({run.session for run in mine}))
            raise problems.queue_full(f"{of_session} turns of this session are waiting", self._estimate_seconds(until))

    def _estimate_seconds(self, turns: int) -> int:
        return max(1, math.ceil(self._seconds * turns / len(self.devices)))

    def _start_job(self, job: Job[Any], work: Callable[[], Awaitable[Any]], background: bool) -> None:
        job.background, job.linger = background, self.config.linger
        job.set_queue_position(len(self.devices.line) + 1)
        job.task = asyncio.create_task(self._run_job(job, work))
        job.task.add_done_callback(lambda _: self._handle_end(job))

    async def _run_job(self, job: Job[Any], work: Callable[[], Awaitable[Any]]) -> None:
        try:
            job.succeed(await work())
        except Exception as error:
            job.fail(error)

    def _handle_end(self, job: Job[Any]) -> None:
        if not job.events.ended:  # it was cancelled while it waited, or before it began
            job.fail(TurnCancelled(job.stopped or "stopped"))
        if isinstance(job, TurnJob) and job.clock.drawing is not None:
            self._seconds += (job.clock.ended - job.clock.drawing - self._seconds) / 8
        self.jobs.handle_end(job)
        self.changes.notify(job.session)
        self.telemetry.record_end(job)

    async def _prepare_and_draw(self, job: TurnJob, principal: Principal) -> Turn:
        try:
            async with self._order.lock(job.session):
                job.check()
                job.clock.mark_begun()
                async with self._interpreting.lock(job.owner or job.session):
                    loop = asyncio.get_running_loop()
                    prepare = partial(self._prepare, job, principal)
                    prepared = await await_uncancellable(loop.run_in_executor(self._interpreters, prepare))
                if not isinstance(prepared, Attempt):
                    return prepared
                job.interpreted(prepared)
                self.jobs.number(job, prepared.turn.number)
                return await self.devices.run_on_device(job, run_turn, prepared)
        except (asyncio.CancelledError, TurnCancelled):
            if job.clock.drawing is None and job.attempt is not None:  # else `run_turn` has recorded it
                await await_uncancellable(
                    self._submit_read(
                        partial(end_turn, self.studio, job.attempt, "cancelled", job.stopped or "stopped")
                    )
                )
            raise

    def _prepare(self, job: TurnJob, principal: Principal) -> "Turn | Attempt":
        if job.attempt is None:
            raise RuntimeError("a turn is recorded before it is prepared")

        def allow(options: SessionOptions) -> SessionOptions:
            defaults = self.studio.engine(options.model or self.studio.model).defaults
            return apply_quotas(options, principal, self.config, defaults)

        def check(request: GenerationRequest) -> None:
            check_request(request.model_dump(), principal, self.config)

        return prepare_recorded(
            self.studio,
            job.attempt,
            allow,
            check,
            refusals=(InvalidInputError, problems.Problem),
            after_refusal="fail" if job.kind == "retry" else "refuse" if job.background else "drop",
        )

    async def _run_replay(self, job: ReplayJob, turns: list[Turn]) -> tuple[ReplayResult, ...]:
        for turn in turns:
            job.record_result(await self.devices.run_on_device(job, replay_turn, turn))
        return tuple(job.results)

    def _submit_read(self, work: Callable[[], Result]) -> "asyncio.Future[Result]":
        return asyncio.get_running_loop().run_in_executor(self._readers, work)

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
from ....replay.regenerate import Replayed, replay_turn
from ....session_start import Beginning
from ....studio import Studio
from ....terms import one_line
from ....turn_execution import CancelledError, draw, end_turn
from .. import problems
from ..auth import Caller
from ..config import Serving
from ..quotas import Rate, allowed, check_request
from ..telemetry.telemetry import Watching
from .device_pool import Devices, to_its_end
from .fair_queue import Order
from .job import Underway
from .key_shares import Places, most_for
from .registry import Runs
from .remote_turns import StorePoll, error_of, find_turn
from .session_watchers import Changes
from .turn_and_replay_jobs import Kind, Replaying, Run

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

    def __init__(self, studio: Studio, serving: Serving, watching: Watching, devices: Iterable[Studio] = ()) -> None:
        self.studio, self.serving, self.watching = studio, serving, watching
        studios = (studio, *devices)
        for each in studios:
            each.allow_models(serving.models)
        self.devices = Devices(studios, watching.stepped)
        self.runs = Runs(serving)
        self.rate = Rate()
        self.changes = Changes()
        self.streams = Places(serving.watchers, serving.share)
        """The streams of events that are followed."""
        self.stopping = False
        self._recording = Order()
        self.archives = asyncio.Semaphore(_ARCHIVISTS)
        """Held by whoever writes or reads an archive."""
        self._closed: Counter[str] = Counter()
        self._order = Order()
        self._followers: dict[tuple[str, int], Run] = {}
        watching.metrics.watch_queue(lambda: len(self.runs.waiting()), lambda: len(self.runs.drawing()))
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="notthat-read")
        self._interpreters = ThreadPoolExecutor(_INTERPRETERS, thread_name_prefix="notthat-interpret")
        self._interpreting = Order(at_once=_INTERPRETERS // 2)
        self._seconds = _FIRST_GUESS

    # What can be asked for

    async def start(
        self, caller: Caller, beginning: Beginning, receipt: IdempotencyKey | None = None, *, background: bool = False
    ) -> Run:
        """Begin a session; its id is the run's."""
        model = beginning.model or self.serving.models[0]
        if model not in self.serving.models:
            there = ", ".join(self.serving.models)
            raise problems.Problem(
                400, "unknown-model", "There is no such model", f"no model “{model}”: there is {there}"
            )
        command = StartCommand(options=replace(beginning, model=model))
        run = Run("start", new_session_id(), command.words, owner=caller.id, receipt=receipt)
        start = SessionStart(model, beginning.policies, caller.id)
        return await self._submit(run, caller, partial(self._record, run, command, start), background)

    async def say(
        self,
        caller: Caller,
        session: str,
        feedback: str | Feedback,
        receipt: IdempotencyKey | None = None,
        *,
        turn: int | None = None,
        background: bool = False,
    ) -> Run:
        """Say what is wrong with a session's picture: the one that is shown, or that of a `turn`."""
        said = Feedback((feedback,)) if isinstance(feedback, str) else feedback
        command = SayCommand(feedback=said, turn=turn)
        return await self._ask(caller, session, "say", command, receipt, background)

    async def edit(
        self,
        caller: Caller,
        session: str,
        edits: Iterable[Edit],
        receipt: IdempotencyKey | None = None,
        *,
        background: bool = False,
    ) -> Run:
        """Change what is excluded or wanted by edits; a `Reroll` is another one from another seed."""
        return await self._ask(caller, session, "edits", EditCommand(edits=tuple(edits)), receipt, background)

    async def seed(
        self,
        caller: Caller,
        session: str,
        seed: int,
        receipt: IdempotencyKey | None = None,
        *,
        background: bool = False,
    ) -> Run:
        """The same again from this seed."""
        return await self._ask(caller, session, "seed", SeedCommand(seed=seed), receipt, background)

    async def undo(self, caller: Caller, session: str, turns: int = 1, receipt: IdempotencyKey | None = None) -> Run:
        """Go back; nothing is drawn."""
        return await self._move(caller, session, "undo", receipt, lambda on: on.undo(turns, receipt))

    async def branch(self, caller: Caller, session: str, turn: int, receipt: IdempotencyKey | None = None) -> Run:
        """Go on from a turn; nothing is drawn."""
        return await self._move(caller, session, "branch", receipt, lambda on: on.branch(turn, receipt))

    async def retry(self, caller: Caller, session: str, turn: int | None = None, *, background: bool = False) -> Run:
        """Draw a turn again that came to no picture, by default the session's latest."""
        await self.require_visible(caller, session)
        run = Run("retry", session, "", owner=caller.id, receipt=None)
        again = partial(self.studio.store.attempts.retry, session, turn)
        return await self._submit(run, caller, again, background)

    async def cancel(self, caller: Caller, session: str, number: int) -> bool:
        """Cancel a turn that waits or is being drawn, whichever process does; its words are kept. False where none is.

        Another process notices within seconds.
        """
        run = self.runs.find(session, number)
        if run is not None and caller.may_see(run.owner):
            return run.cancel("cancelled")
        found = await self.find_turn(caller, session, number)
        if not isinstance(found, Attempt) or found.status != "pending":
            return False
        return await self.reading(partial(self.studio.store.attempts.cancel, session, found.turn.number, "cancelled"))

    async def replay(self, caller: Caller, session: str, *, background: bool = False) -> Replaying:
        """Draw every turn again from its stored request alone, and compare; nothing is kept of it.

        Turns that are asked for meanwhile, also of the same session, are drawn in between.
        """
        await self.session(caller, session)
        turns = await self.reading(partial(self.studio.store.turns, session))
        for each in turns:
            check_request(each.request, caller, self.serving)
        replaying = Replaying(session, tuple(turn.number for turn in turns), owner=caller.id)
        self._admit(caller.id, session)
        self.runs.add_replay(replaying)
        self._begin(replaying, partial(self._compare, replaying, turns), background)
        return replaying

    async def session(self, caller: Caller, session: str) -> SessionRecord:
        """A session of the caller's. Raises `UnknownSessionError` where there is none, or it is another's."""
        record = await self.reading(lambda: self.studio.store.session(session))
        if not caller.may_see(record.owner):
            raise UnknownSessionError(f"no session “{session}”")
        return record

    async def require_visible(self, caller: Caller, session: str) -> None:
        """Raise `UnknownSessionError` where the session is not the caller's; its first turn may be all there is."""
        await self.reading(partial(self._require_visible, caller, session))

    async def find_turn(self, caller: Caller, session: str, number: int) -> Turn | Attempt:
        """What a promised number of a session of the caller's came to: a turn, or a turn without a picture.

        Raises `UnknownSessionError` or `UnknownTurnError` where nothing was promised, or the session is another's.
        """
        await self.require_visible(caller, session)
        return await self.reading(partial(find_turn, self.studio.store, session, number))

    async def reading(self, work: Callable[[], Result]) -> Result:
        """Do what reads words or the database in a thread, so that the event loop goes on."""
        return await self._read(work)

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
        self.runs.forget(session)
        self.devices.forget_checkpoints()
        self.changes.tell(session)

    def check_stream(self, caller: Caller) -> None:
        """Raise `Problem` where the caller may follow no more events: 429, or 503 when the server stops."""
        if self.changes.closed:
            raise problems.stopping()
        if not self.streams.has_place(caller.id):
            detail = f"too many event streams are open: close one, or try again in {_COME_AGAIN} s"
            raise problems.too_many("too-many-watchers", "Too many event streams", detail, _COME_AGAIN)

    def warm_up(self) -> None:
        """Load the default model and the interpreter's words, and begin to watch what other processes do."""
        self.devices.warm_up(self.serving.models[0])
        loop = asyncio.get_running_loop()

        def on_lost(session: str, number: int) -> None:
            loop.call_soon_threadsafe(self._lost, session, number)

        self.studio.store.attempts.on_lost(on_lost)
        self._poll = asyncio.create_task(StorePoll(self.studio.store, self.changes, self.reading).run())
        blank = State("", NegativePrompt(), 0)
        self._interpreters.submit(self.studio.interpreter.interpret, "a house without fog", blank)

    async def stop(self) -> None:
        """Take nothing on any more; give back what waits, and finish what is drawn, or give that back, too."""
        self.stopping = True
        for replaying in self.runs.replaying():
            replaying.cancel("the server was stopped before all turns were drawn: ask again")
        reason = "the server was stopped before it was drawn: it can be retried"
        for run in self.runs.waiting():
            run.cancel(reason)
        tasks = [run.task for run in self.runs.unfinished() if run.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self.serving.grace)
            for run in self.runs.unfinished():
                run.cancel(reason)
            if late:
                await asyncio.wait(late)
        self.changes.close()
        self._poll.cancel()

    def _lost(self, session: str, number: int) -> None:
        """Another process cancelled a turn of this one's, or took it over."""
        if (run := self.runs.find(session, number)) is not None:
            run.cancel("it was cancelled, or taken over, by another process")

    def close(self) -> None:
        """Let the threads go."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._interpreters.shutdown(wait=False, cancel_futures=True)
        self.devices.close()

    # How it is done

    async def _ask(
        self, caller: Caller, session: str, kind: Kind, change: Change, receipt: IdempotencyKey | None, background: bool
    ) -> Run:
        await self.require_visible(caller, session)
        words = change.words if kind == "say" else ""
        run = Run(kind, session, words, owner=caller.id, receipt=receipt)
        return await self._submit(run, caller, partial(self._record, run, change), background)

    async def _move(
        self,
        caller: Caller,
        session: str,
        kind: Kind,
        receipt: IdempotencyKey | None,
        move: Callable[[Conversation], Turn],
    ) -> Run:
        """Do what draws nothing, and so needs no record."""
        await self.require_visible(caller, session)
        if known := self.runs.same(receipt):
            return known
        self._admit(caller.id, session)
        run = Run(kind, session, "", owner=caller.id, receipt=receipt)
        self.runs.add(run)
        self._begin(run, partial(self._moved, run, move), background=False)
        return run

    async def _moved(self, run: Run, move: Callable[[Conversation], Turn]) -> Turn:
        async with self._order.of(run.session):
            run.clock.began()
            return await to_its_end(self._read(partial(self._move_once, run, move)))

    def _move_once(self, run: Run, move: Callable[[Conversation], Turn]) -> Turn:
        """Do it, or answer with what this very request came to before, perhaps on another server."""
        store = self.studio.store
        try:
            if run.receipt is not None:
                store.idempotency_keys.require_new(run.receipt)
            return move(Conversation.open(run.session, self.studio))
        except AlreadyRequestedError as earlier:
            problems.check_fingerprint(earlier.fingerprint, run.receipt)
            return store.turn(earlier.session, earlier.number)

    def _record(self, run: Run, command: StartCommand | Change, start: SessionStart | None = None) -> Attempt:
        """Record what was asked, as `prepare_recorded` reads it."""
        words = one_line(command.words)
        return self.studio.store.attempts.record(
            run.session, words, command.as_json(), start=start, idempotency_key=run.receipt
        )

    def _require_visible(self, caller: Caller, session: str) -> None:
        try:
            owner = self.studio.store.session(session).owner
        except UnknownSessionError:
            firsts = [each.start for each in self.studio.store.attempts.all(session) if each.start is not None]
            # without one, its first picture may have come in between
            owner = firsts[0].owner if firsts else self.studio.store.session(session).owner
        if not caller.may_see(owner):
            raise UnknownSessionError(f"no session “{session}”")

    async def _submit(self, run: Run, caller: Caller, record: Callable[[], Attempt], background: bool) -> Run:
        """Record what was asked and begin with it; a request that was made before is answered by its first turn."""
        if known := self.runs.same(run.receipt):
            await known.numbered.wait()
            if known.error is not None and known.attempt is None:
                raise known.error
            return known
        self._admit(caller.id, run.session)
        self.runs.add(run)
        try:
            async with self._recording.of(run.session):  # numbers in the order in which things were asked
                run.attempt = await to_its_end(self._read(record))
        except AlreadyRequestedError as earlier:
            self.runs.drop(run)
            problems.check_fingerprint(earlier.fingerprint, run.receipt)
            return self.follow(earlier.session, earlier.number, background=background)
        except Exception as error:
            run.error = error
            self.runs.drop(run)
            raise
        finally:
            run.numbered.set()
        self.runs.number(run, run.attempt.turn.number)
        self._begin(run, partial(self._turn, run, caller), background)
        self.changes.tell(run.session)
        return run

    def follow(self, session: str, number: int, *, background: bool = True) -> Run:
        """The run of a turn of this server's, or one that follows what another process does about the turn."""
        run = self.runs.find(session, number) or self._followers.get((session, number))
        if run is None:
            run = self._followers[session, number] = Run("elsewhere", session, "", owner=None, receipt=None)
            run.number, run.background = number, background
            run.task = asyncio.create_task(self._carry_out(run, partial(self._follow, run)))
            run.task.add_done_callback(lambda _: self._followers.pop((session, number), None))
        return run

    async def _follow(self, run: Run) -> Turn:
        """Look at a turn of another process until it has ended."""
        with self.changes.watched(run.session) as news:
            while True:
                news.clear()
                found = await self.reading(partial(find_turn, self.studio.store, run.session, run.number))
                if not isinstance(found, Attempt):
                    return found
                if found.status != "pending":
                    raise error_of(found)
                if found.command is None and not run.is_interpreted:
                    run.interpreted(found)
                await news.wait()
                if self.changes.closed:
                    raise problems.stopping()

    def _admit(self, key: str | None, session: str) -> None:
        """Raise `Problem` where nothing more may wait: at all, of this key or of this session.

        `Retry-After` is when the line, which is fair, will have drawn one of those that stand in the way.
        """
        if session in self._closed:
            raise UnknownSessionError(f"no session “{session}”")
        if self.stopping:
            raise problems.stopping()
        waiting = self.runs.waiting()
        mine = [run for run in waiting if run.owner == key]
        keys = len({run.owner for run in waiting})
        most = most_for(key, len(mine), len(waiting), self.serving.queue, self.serving.share)
        if len(waiting) >= self.serving.queue:
            raise problems.queue_full(f"{len(waiting)} turns are waiting", self._seconds_for(1))
        if len(mine) >= most:
            raise problems.queue_full(f"{len(mine)} turns of this key are waiting", self._seconds_for(keys))
        of_session = sum(run.session == session for run in mine)
        if of_session >= self.serving.session_queue:
            until = min(len(waiting), keys * len({run.session for run in mine}))
            raise problems.queue_full(f"{of_session} turns of this session are waiting", self._seconds_for(until))

    def _seconds_for(self, turns: int) -> int:
        return max(1, math.ceil(self._seconds * turns / len(self.devices)))

    def _begin(self, run: Underway[Any], work: Callable[[], Awaitable[Any]], background: bool) -> None:
        run.background, run.linger = background, self.serving.linger
        run.moved(len(self.devices.line) + 1)
        run.task = asyncio.create_task(self._carry_out(run, work))
        run.task.add_done_callback(lambda _: self._ended(run))

    async def _carry_out(self, run: Underway[Any], work: Callable[[], Awaitable[Any]]) -> None:
        try:
            run.done(await work())
        except Exception as error:
            run.failed(error)

    def _ended(self, run: Underway[Any]) -> None:
        if not run.events.ended:  # it was cancelled while it waited, or before it began
            run.failed(CancelledError(run.stopped or "stopped"))
        if isinstance(run, Run) and run.clock.drawing is not None:
            self._seconds += (run.clock.ended - run.clock.drawing - self._seconds) / 8
        self.runs.ended(run)
        self.changes.tell(run.session)
        self.watching.ended(run)

    async def _turn(self, run: Run, caller: Caller) -> Turn:
        try:
            async with self._order.of(run.session):
                run.check()
                run.clock.began()
                async with self._interpreting.of(run.owner or run.session):
                    loop = asyncio.get_running_loop()
                    prepare = partial(self._prepare, run, caller)
                    prepared = await to_its_end(loop.run_in_executor(self._interpreters, prepare))
                if not isinstance(prepared, Attempt):
                    return prepared
                run.interpreted(prepared)
                self.runs.number(run, prepared.turn.number)
                return await self.devices.draw(run, draw, prepared)
        except (asyncio.CancelledError, CancelledError):
            if run.clock.drawing is None and run.attempt is not None:  # else `draw` has recorded it
                await to_its_end(
                    self._read(partial(end_turn, self.studio, run.attempt, "cancelled", run.stopped or "stopped"))
                )
            raise

    def _prepare(self, run: Run, caller: Caller) -> "Turn | Attempt":
        if run.attempt is None:
            raise RuntimeError("a turn is recorded before it is prepared")

        def allow(options: Beginning) -> Beginning:
            defaults = self.studio.engine(options.model or self.studio.model).defaults
            return allowed(options, caller, self.serving, defaults)

        def check(request: GenerationRequest) -> None:
            check_request(request.model_dump(), caller, self.serving)

        return prepare_recorded(
            self.studio,
            run.attempt,
            allow,
            check,
            refusals=(InvalidInputError, problems.Problem),
            keep_refused=run.background or run.kind == "retry",
        )

    async def _compare(self, replaying: Replaying, turns: list[Turn]) -> tuple[Replayed, ...]:
        for turn in turns:
            replaying.compared(await self.devices.draw(replaying, replay_turn, turn))
        return tuple(replaying.results)

    def _read(self, work: Callable[[], Result]) -> "asyncio.Future[Result]":
        return asyncio.get_running_loop().run_in_executor(self._readers, work)

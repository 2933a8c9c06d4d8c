"""The service: everything that is asked of sessions goes through it, and only so much at once.

    run = await service.say(caller, session, "too dark")     # Problem: 404, 429, 503
    turn = await run.result()                                # waits; raises what went wrong
    async for event in run.events.follow(): ...              # or watch it
    run.cancel("not needed any more")

What is asked of one session happens in the order in which it was asked. Words are understood at once, in a thread;
pictures are drawn by one thread a device, whose line is fair between sessions.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from ....storage import Attempt, Receipt, SessionRecord, UnknownSessionError, new_session_id
from ...beginning import Beginning, begin_session
from ...conversation import Conversation, Turn
from ...edits import Edit, State
from ...exclusions import NegativePrompt
from ...feedback import Feedback, joined
from ...recording import CancelledError, draw
from ...replaying import Replayed, replay_turn
from ...studio import Studio
from . import problems
from .callers import Caller
from .changes import Changes
from .devices import Devices, to_its_end
from .limits import Rate, allowed
from .line import Order
from .registry import Runs
from .runs import Kind, Replaying, Run
from .serving import Serving
from .underway import Underway
from .watching import Watching

Result = TypeVar("Result")
Prepare = Callable[[], "Turn | Attempt"]

_READERS = 16
"""Threads that read words and the database: a language model may take its time."""
_FIRST_GUESS = 5.0
"""Seconds that a picture is thought to take before one was drawn."""


class Service:
    """The studio of a server; `devices` are further studios on the same store, one for each device more."""

    def __init__(self, studio: Studio, serving: Serving, watching: Watching, devices: Iterable[Studio] = ()) -> None:
        self.studio, self.serving, self.watching = studio, serving, watching
        self.devices = Devices((studio, *devices), watching.stepped)
        self.runs = Runs(serving)
        self.rate = Rate()
        self.changes = Changes(serving.watchers)
        self.stopping = False
        self._order = Order()
        watching.metrics.watch_queue(lambda: len(self.runs.waiting()), lambda: len(self.runs.drawing()))
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="notthat-read")
        self._seconds = _FIRST_GUESS

    # What can be asked for

    async def start(
        self, caller: Caller, beginning: Beginning, receipt: Receipt | None = None, *, background: bool = False
    ) -> Run:
        """Begin a session; its id is the run's."""
        model = beginning.model or self.serving.models[0]
        if model not in self.serving.models:
            there = ", ".join(self.serving.models)
            raise problems.Problem(
                400, "unknown-model", "There is no such model", f"no model “{model}”: there is {there}"
            )
        words = joined([beginning.prompt, *beginning.feedback])
        run = Run("start", new_session_id(), words, owner=caller.id, receipt=receipt)

        def prepare() -> Attempt:
            defaults = self.studio.engine(model).defaults
            asked = allowed(replace(beginning, model=model), caller, self.serving, defaults)
            return begin_session(asked, self.studio, run.session, receipt)

        return self._submit(run, prepare, number=0, background=background)

    async def say(
        self,
        caller: Caller,
        session: str,
        feedback: str | Feedback,
        receipt: Receipt | None = None,
        *,
        turn: int | None = None,
        background: bool = False,
    ) -> Run:
        """Say what is wrong with a session's picture: the one that is shown, or that of a `turn`."""
        return await self._ask(
            caller, session, "say", str(feedback), receipt, background, lambda on: on.heard(feedback, receipt), turn
        )

    async def edit(
        self,
        caller: Caller,
        session: str,
        edits: Iterable[Edit],
        receipt: Receipt | None = None,
        *,
        background: bool = False,
    ) -> Run:
        """Change what is excluded or wanted by edits; a `Reroll` is another one from another seed."""
        edits = tuple(edits)
        return await self._ask(caller, session, "edits", "", receipt, background, lambda on: on.edited(edits, receipt))

    async def seed(
        self, caller: Caller, session: str, seed: int, receipt: Receipt | None = None, *, background: bool = False
    ) -> Run:
        """The same again from this seed."""
        return await self._ask(caller, session, "seed", "", receipt, background, lambda on: on.seeded(seed, receipt))

    async def undo(self, caller: Caller, session: str, turns: int = 1, receipt: Receipt | None = None) -> Run:
        """Go back; nothing is drawn."""
        return await self._ask(caller, session, "undo", "", receipt, False, lambda on: on.undo(turns, receipt))

    async def branch(self, caller: Caller, session: str, turn: int, receipt: Receipt | None = None) -> Run:
        """Go on from a turn; nothing is drawn."""
        return await self._ask(caller, session, "branch", "", receipt, False, lambda on: on.branch(turn, receipt))

    async def retry(self, caller: Caller, session: str, turn: int | None = None, *, background: bool = False) -> Run:
        """Draw a turn again that came to no picture, by default the session's latest."""
        number = await self.reading(partial(self._number_again, caller, session))
        run = Run("retry", session, "", owner=caller.id, receipt=None)
        again = partial(self.studio.store.attempts.again, session, turn)
        return self._submit(run, again, number=number, background=background)

    async def replay(self, caller: Caller, session: str, *, background: bool = False) -> Replaying:
        """Draw every turn again from its stored request alone, and compare; nothing is kept of it.

        Turns that are asked for meanwhile, also of the same session, are drawn in between.
        """
        await self.session(caller, session)
        turns = await self.reading(partial(self.studio.store.turns, session))
        replaying = Replaying(session, tuple(turn.number for turn in turns), owner=caller.id)
        self._admit(session)
        self.runs.add_replay(replaying)
        self._begin(replaying, partial(self._compare, replaying, turns), background)
        return replaying

    async def session(self, caller: Caller, session: str) -> SessionRecord:
        """A session of the caller's. Raises `UnknownSessionError` where there is none, or it is another's."""
        record = await self.reading(lambda: self.studio.store.session(session))
        if not caller.may_see(record.owner):
            raise UnknownSessionError(f"no session “{session}”")
        return record

    async def reading(self, work: Callable[[], Result]) -> Result:
        """Do what reads words or the database in a thread, so that the event loop goes on."""
        return await self._read(work)

    def warm_up(self) -> None:
        """Load the default model and the interpreter's words, so that the first to come needn't wait for them."""
        self.devices.warm_up(self.serving.models[0])
        blank = State("", NegativePrompt(), 0)
        self._read(partial(self.studio.interpreter.interpret, "a house without fog", blank))

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

    def close(self) -> None:
        """Let the threads go."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        self.devices.close()

    # How it is done

    async def _ask(
        self,
        caller: Caller,
        session: str,
        kind: Kind,
        words: str,
        receipt: Receipt | None,
        background: bool,
        change: Callable[[Conversation], Turn | Attempt],
        turn: int | None = None,
    ) -> Run:
        number = await self.reading(partial(self._next_number, caller, session))
        run = Run(kind, session, words, owner=caller.id, receipt=receipt)

        def prepare() -> Turn | Attempt:
            return change(Conversation.open(session, self.studio, turn=turn))

        return self._submit(run, prepare, number=number, background=background)

    def _next_number(self, caller: Caller, session: str) -> int:
        """The number of a session's next turn, as far as the database knows; raises where it isn't the caller's."""
        try:
            record = self.studio.store.session(session)
        except UnknownSessionError:
            begun = self.runs.beginning(session)
            if begun is None or not caller.may_see(begun.owner):
                raise
            return 1
        if not caller.may_see(record.owner):
            raise UnknownSessionError(f"no session “{session}”")
        return self.studio.store.next_number(session)

    def _number_again(self, caller: Caller, session: str) -> int:
        """The same for a turn that came to no picture; a session's first one may be all that there is of it."""
        try:
            return self._next_number(caller, session)
        except UnknownSessionError:
            firsts = [each.start for each in self.studio.store.attempts.all(session) if each.start is not None]
            if not firsts or not caller.may_see(firsts[0].owner):
                raise
            return 0

    def _submit(self, run: Run, prepare: Prepare, *, number: int, background: bool) -> Run:
        if known := self.runs.same(run.receipt):
            return known
        self._admit(run.session)
        self.runs.add(run, number)
        self._begin(run, partial(self._turn, run, prepare), background)
        self.changes.tell(run.session)
        return run

    def _admit(self, session: str) -> None:
        if self.stopping:
            raise problems.stopping()
        waiting = self.runs.waiting()
        if len(waiting) >= self.serving.queue:
            raise problems.queue_full(f"{len(waiting)} turns are waiting", self._seconds_for(len(waiting)))
        mine = sum(run.session == session for run in waiting)
        if mine >= self.serving.session_queue:
            raise problems.queue_full(f"{mine} turns of this session are waiting", self._seconds_for(mine))

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

    async def _turn(self, run: Run, prepare: Prepare) -> Turn:
        if run.receipt is not None and (kept := await self.reading(partial(self._kept, run.receipt))):
            return kept
        async with self._order.of(run.session):
            run.clock.began()
            prepared = await to_its_end(self._read(prepare))
            if not isinstance(prepared, Attempt):
                return prepared
            run.recorded(prepared)
            self.runs.renumber(run, prepared.turn.number)
            return await self._draw(run, prepared)

    async def _draw(self, run: Run, attempt: Attempt) -> Turn:
        try:
            return await self.devices.draw(run, draw, attempt)
        except (asyncio.CancelledError, CancelledError):
            if run.clock.drawing is None:  # else `draw` has said so
                reason = run.stopped or "stopped"
                await to_its_end(self._read(lambda: self.studio.store.attempts.end(attempt, "cancelled", reason)))
            raise

    async def _compare(self, replaying: Replaying, turns: list[Turn]) -> tuple[Replayed, ...]:
        for turn in turns:
            replaying.compared(await self.devices.draw(replaying, replay_turn, turn))
        return tuple(replaying.results)

    def _kept(self, receipt: Receipt) -> Turn | None:
        """The turn that this very request made before, perhaps before this process."""
        kept = self.studio.store.receipts.find(receipt.key)
        if kept is None:
            return None
        problems.check_fingerprint(kept.fingerprint, receipt)
        return self.studio.store.turn(kept.session, kept.number)

    def _read(self, work: Callable[[], Result]) -> "asyncio.Future[Result]":
        return asyncio.get_running_loop().run_in_executor(self._readers, work)

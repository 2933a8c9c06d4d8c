"""The runs and replays that there are, and those that ended a short while ago: found by turn, receipt, session, id."""

import time
from typing import Any, TypeVar

from .....storage import IdempotencyKey
from ..config import Serving
from ..problems import check_fingerprint
from .job import Underway
from .turn_and_replay_jobs import Replaying, Run

Key = TypeVar("Key")
Known = TypeVar("Known", bound=Underway[Any])


class Runs:
    """Lives on the event loop. What has ended is kept for a bounded time, and only so much of it."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._unfinished: set[Underway[Any]] = set()
        self._ended: dict[Underway[Any], float] = {}  # oldest first
        self._by_turn: dict[tuple[str, int], Run] = {}
        self._by_receipt: dict[str, Run] = {}
        self._replays: dict[tuple[str, str], Replaying] = {}

    def add(self, run: Run) -> None:
        """A run begins; its number comes when it is recorded."""
        self._unfinished.add(run)
        if run.receipt is not None:
            self._by_receipt[run.receipt.key] = run

    def number(self, run: Run, number: int) -> None:
        """A run is to be this turn; it is found under an earlier number, too."""
        run.number = number
        self._by_turn[run.session, number] = run

    def drop(self, run: Run) -> None:
        """Forget a run that could not be recorded."""
        self._unfinished.discard(run)
        self._by_receipt = _without(run, self._by_receipt)

    def add_replay(self, replaying: Replaying) -> None:
        """A replay begins."""
        self._replays[replaying.session, replaying.id] = replaying
        self._unfinished.add(replaying)

    def ended(self, run: Underway[Any]) -> None:
        """Something has ended; what came to no turn may be asked for again."""
        self._unfinished.discard(run)
        self._ended[run] = time.monotonic()
        if run.outcome in ("cancelled", "failed"):
            self._by_receipt = _without(run, self._by_receipt)
        self._forget_old()

    def forget(self, session: str) -> None:
        """Forget what has ended of a session."""
        for run in [each for each in self._ended if each.session == session]:
            self._forget(run)

    def find(self, session: str, number: int) -> Run | None:
        """The run of a turn, if it isn't long ago."""
        self._forget_old()
        return self._by_turn.get((session, number))

    def find_replay(self, session: str, replay: str) -> Replaying | None:
        """A replay of a session by its id, if it isn't long ago."""
        self._forget_old()
        return self._replays.get((session, replay))

    def same(self, receipt: IdempotencyKey | None) -> Run | None:
        """The run of the same request. Raises `Problem` where its name was another request's."""
        run = self._by_receipt.get(receipt.key) if receipt else None
        if run is not None and run.receipt is not None and receipt is not None:
            check_fingerprint(run.receipt.fingerprint, receipt)
        return run

    def of(self, session: str) -> list[Run]:
        """A session's recorded runs that have not ended, in the order in which they were asked for."""
        runs = [
            run
            for run in self._unfinished
            if isinstance(run, Run) and run.session == session and (run.attempt is not None or not run.draws)
        ]
        return sorted(runs, key=lambda run: run.clock.asked)

    def replaying(self) -> list[Replaying]:
        """The replays that have not ended."""
        return [run for run in self._unfinished if isinstance(run, Replaying)]

    def unfinished(self) -> list[Underway[Any]]:
        """All that have not ended."""
        return list(self._unfinished)

    def waiting(self) -> list[Underway[Any]]:
        """Those that are not drawn now, and are to be."""
        return [run for run in self._unfinished if run.waiting]

    def drawing(self) -> list[Underway[Any]]:
        """Those that are."""
        return [run for run in self._unfinished if run.drawing]

    def _forget_old(self) -> None:
        oldest = time.monotonic() - self._serving.kept_seconds
        for run, then in list(self._ended.items()):
            if len(self._ended) <= self._serving.kept_runs and then >= oldest:
                return
            self._forget(run)

    def _forget(self, run: Underway[Any]) -> None:
        del self._ended[run]
        self._by_turn = _without(run, self._by_turn)
        self._by_receipt = _without(run, self._by_receipt)
        self._replays = _without(run, self._replays)


def _without(run: Underway[Any], found: dict[Key, Known]) -> dict[Key, Known]:
    return {key: value for key, value in found.items() if value is not run}

"""The runs that there are, and those that ended a short while ago: found by turn, by receipt, by session."""

import time

from ....storage import Receipt
from .problems import check_fingerprint
from .runs import Run
from .serving import Serving


class Runs:
    """Lives on the event loop. What has ended is kept for a bounded time, and only so much of it."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._unfinished: set[Run] = set()
        self._ended: dict[Run, float] = {}  # oldest first
        self._by_turn: dict[tuple[str, int], Run] = {}
        self._by_receipt: dict[str, Run] = {}

    def add(self, run: Run, number: int) -> None:
        """A run begins, and is to be this turn, or the next that no other run of the session is to be or was."""
        if run.draws:
            while (other := self._by_turn.get((run.session, number))) and other.outcome in (None, "done"):
                number += 1
            self._by_turn[run.session, number] = run
        run.number = number
        self._unfinished.add(run)
        if run.receipt is not None:
            self._by_receipt[run.receipt.key] = run

    def renumber(self, run: Run, number: int) -> None:
        """A run is known by this number, too: another process took the one that was promised."""
        self._by_turn[run.session, number] = run

    def ended(self, run: Run) -> None:
        """A run has ended; what came to no turn may be asked for again."""
        self._unfinished.discard(run)
        self._ended[run] = time.monotonic()
        if run.receipt is not None and run.outcome in ("cancelled", "failed"):
            self._by_receipt.pop(run.receipt.key, None)
        self._forget_old()

    def find(self, session: str, number: int) -> Run | None:
        """The run of a turn, if it isn't long ago."""
        self._forget_old()
        return self._by_turn.get((session, number))

    def same(self, receipt: Receipt | None) -> Run | None:
        """The run of the same request. Raises `Problem` where its name was another request's."""
        run = self._by_receipt.get(receipt.key) if receipt else None
        if run is not None and run.receipt is not None and receipt is not None:
            check_fingerprint(run.receipt.fingerprint, receipt)
        return run

    def of(self, session: str) -> list[Run]:
        """A session's runs that have not ended, in the order in which they were asked for."""
        return sorted((run for run in self._unfinished if run.session == session), key=lambda run: run.clock.asked)

    def beginning(self, session: str) -> Run | None:
        """The run that begins this session, while it does."""
        return next((run for run in self.of(session) if run.kind == "start"), None)

    def unfinished(self) -> list[Run]:
        """All that have not ended."""
        return list(self._unfinished)

    def waiting(self) -> list[Run]:
        """Those that are not drawn yet."""
        return [run for run in self._unfinished if run.waiting]

    def drawing(self) -> list[Run]:
        """Those that are."""
        return [run for run in self._unfinished if run.drawing]

    def _forget_old(self) -> None:
        oldest = time.monotonic() - self._serving.kept_seconds
        for run, then in list(self._ended.items()):
            if len(self._ended) <= self._serving.kept_runs and then >= oldest:
                return
            self._forget(run)

    def _forget(self, run: Run) -> None:
        del self._ended[run]
        self._by_turn = {key: value for key, value in self._by_turn.items() if value is not run}
        if run.receipt is not None and self._by_receipt.get(run.receipt.key) is run:
            del self._by_receipt[run.receipt.key]

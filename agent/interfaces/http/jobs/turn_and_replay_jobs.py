"""What is asked of a session: a run, on its way to a turn; and a replay, on its way through all turns there are."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Literal

from .....storage import Attempt, IdempotencyKey
from ....conversation import Turn
from ....replay.regenerate import ReplayResult
from .job import Job, Outcome

Kind = Literal["start", "say", "edits", "seed", "undo", "branch", "retry", "elsewhere"]


class TurnJob(Job[Turn]):
    """On its way to a turn. `number` is the turn that it is to be; of kind `elsewhere`, another process draws it."""

    name = "turn"

    def __init__(
        self, kind: Kind, session: str, words: str, *, owner: str | None, receipt: IdempotencyKey | None
    ) -> None:
        super().__init__(session, owner=owner)
        self.kind, self.words, self.receipt = kind, words, receipt
        self.number = 0
        self.attempt: Attempt | None = None
        """The turn as it is recorded."""
        self.numbered = asyncio.Event()
        """Set once it is recorded, or that has failed."""
        self.is_interpreted = False

    @property
    def can_draw(self) -> bool:
        """Whether it may come to a new turn."""
        return self.kind not in ("undo", "branch")

    @property
    def outcome(self) -> Outcome | None:
        """What it came to, None before it has ended; `unchanged` where nothing had to be drawn."""
        return "unchanged" if super().outcome == "done" and not self.is_interpreted else super().outcome

    @property
    def is_waiting(self) -> bool:
        """Whether it waits here to be drawn."""
        return self.kind != "elsewhere" and super().is_waiting

    @property
    def log_fields(self) -> Mapping[str, str | int | None]:
        """Its turn, where it may be one, and what was asked."""
        return {"turn": self.number if self.can_draw else None, "kind": self.kind}

    def interpreted(self, attempt: Attempt) -> None:
        """Its words are interpreted, and recorded as a turn."""
        self.attempt, self.is_interpreted = attempt, True
        self.clock.recorded = time.monotonic()
        turn = attempt.turn
        self.events.add(
            "interpreted",
            {
                "session": attempt.session,
                "turn": turn.number,
                "parent": turn.parent,
                "feedback": turn.feedback,
                "edits": list(turn.edits),
                "reply": turn.reply,
                "prompt": turn.prompt,
                "negative": turn.negative,
            },
        )


class ReplayJob(Job[tuple[ReplayResult, ...]]):
    """On its way through a session's turns, each drawn again and compared. Nothing is kept of it but its events."""

    name = "replay"
    previews = False

    def __init__(self, session: str, turns: tuple[int, ...], *, owner: str | None) -> None:
        super().__init__(session, owner=owner)
        self.id = secrets.token_hex(8)
        self.turns = turns
        """The numbers of the turns to be drawn."""
        self.results: list[ReplayResult] = []

    @property
    def phases(self) -> Mapping[str, tuple[float, float]]:
        """None: waiting and drawing take turns."""
        return {}

    @property
    def log_fields(self) -> Mapping[str, str | int | None]:
        """How many turns there are, and how many came out as they were."""
        return {"turns": len(self.turns), "identical": sum(result.identical for result in self.results)}

    def record_step(self, step: int, steps: int, seconds_left: float | None, preview: str | None) -> None:
        """A step of a turn is done."""
        left = None if seconds_left is None else round(seconds_left, 2)
        self.events.add(
            "step", {**self._turn_position(len(self.results)), "step": step, "steps": steps, "seconds_left": left}
        )

    def record_result(self, result: ReplayResult) -> None:
        """A turn was drawn, and held against what was kept; its steps are news no more."""
        told = {**self._turn_position(len(self.results)), "drift": None, **result.as_json()}
        self.results.append(result)
        self.events.forget("queued", "step")
        self.events.add("replayed", told)

    def _turn_position(self, index: int) -> dict[str, int]:
        return {"turn": self.turns[index], "count": index + 1, "turns": len(self.turns)}

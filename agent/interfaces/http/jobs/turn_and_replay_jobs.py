"""The kinds of job: a turn, a replay of all turns of a session, and an audit of a turn's exclusions."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any, Literal

from .....storage import Attempt, IdempotencyKey
from ....conversation import Turn
from ....exclusion_audit import AuditResult
from ....replay.regenerate import ReplayResult
from .job import Job, Outcome

Kind = Literal["start", "say", "edits", "seed", "undo", "branch", "release", "retry", "resume", "elsewhere"]


class TurnJob(Job[Turn]):
    """A job that makes turn `number`; another process draws the turn of a job of kind `elsewhere`."""

    name = "turn"

    def __init__(
        self, kind: Kind, session: str, words: str, *, owner: str | None, idempotency_key: IdempotencyKey | None
    ) -> None:
        super().__init__(session, owner=owner)
        self.kind, self.words, self.idempotency_key = kind, words, idempotency_key
        self.number = 0
        self.attempt: Attempt | None = None
        """The recorded turn."""
        self.recorded = asyncio.Event()
        """Set once the turn is recorded or recording it has failed."""
        self.is_interpreted = False

    @property
    def can_draw(self) -> bool:
        """Whether it may make a new turn."""
        return self.kind not in ("undo", "branch", "release")

    @property
    def outcome(self) -> Outcome | None:
        """How it ended, None before it has; `unchanged` where nothing had to be drawn."""
        return "unchanged" if super().outcome == "done" and not self.is_interpreted else super().outcome

    @property
    def turn(self) -> Turn | None:
        """The turn that it made, or that is shown where nothing had to be drawn; None without a result."""
        return self._result

    @property
    def is_waiting(self) -> bool:
        """Whether it waits in this process to be drawn."""
        return self.kind != "elsewhere" and super().is_waiting

    @property
    def log_fields(self) -> Mapping[str, str | int | None]:
        """The turn, where it may make one, and the kind."""
        return {"turn": self.number if self.can_draw else None, "kind": self.kind}

    def record_interpretation(self, attempt: Attempt) -> None:
        """Record the interpreted turn, which now waits for a device."""
        self.attempt, self.is_interpreted = attempt, True
        self.clock.mark_queued()
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
    """A job that draws each turn of a session again and compares it. Only its events are kept."""

    name = "replay"
    has_previews = False

    def __init__(self, session: str, turns: tuple[int, ...], *, owner: str | None) -> None:
        super().__init__(session, owner=owner)
        self.id = secrets.token_hex(8)
        self.turns = turns
        """The numbers of the turns to draw."""
        self.results: list[ReplayResult] = []

    @property
    def phases(self) -> Mapping[str, tuple[float, float]]:
        """None: it waits and draws once for each turn."""
        return {}

    @property
    def log_fields(self) -> Mapping[str, str | int | None]:
        """The number of turns, and of those with identical pixels."""
        return {"turns": len(self.turns), "identical": sum(result.identical for result in self.results)}

    def record_step(self, step: int, steps: int, seconds_left: float | None, preview: str | None) -> None:
        """Record a denoising step of the current turn."""
        left = None if seconds_left is None else round(seconds_left, 2)
        self.events.add(
            "step", {**self._turn_position(len(self.results)), "step": step, "steps": steps, "seconds_left": left}
        )

    def record_result(self, result: ReplayResult) -> None:
        """Record the result of the current turn, and remove the events of its steps."""
        data = {**self._turn_position(len(self.results)), "drift": None, **result.as_json()}
        self.results.append(result)
        self.events.remove("queued", "step")
        self.events.add("replayed", data)

    def _turn_position(self, index: int) -> dict[str, int]:
        return {"turn": self.turns[index], "count": index + 1, "turns": len(self.turns)}


class AuditJob(Job[dict[str, Any]]):
    """A job that draws a turn without each of its exclusions. Its result is JSON; nobody follows its events."""

    name = "audit"
    has_previews = False

    def __init__(self, turn: Turn, *, owner: str | None) -> None:
        super().__init__(turn.session, owner=owner)
        self.turn = turn
        self.results: list[AuditResult] = []

    @property
    def phases(self) -> Mapping[str, tuple[float, float]]:
        """None: it waits and draws once for each exclusion."""
        return {}

    @property
    def log_fields(self) -> Mapping[str, str | int | None]:
        """The turn, and how many exclusions were audited."""
        return {"turn": self.turn.number, "exclusions": len(self.results)}

    def record_step(self, step: int, steps: int, seconds_left: float | None, preview: str | None) -> None:
        """Record nothing."""

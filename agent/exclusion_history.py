"""The history of a term in a session: which turns excluded, reweighted or allowed it, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .exclusions import Exclusion
from .terms import normalize_term

if TYPE_CHECKING:
    from .conversation import Turn
    from .studio import Studio


@dataclass(frozen=True)
class ExclusionEvent:
    """A change of a term by a turn. `weight` is None if the turn allowed the term again."""

    turn: int
    term: str
    before: float | None
    weight: float | None
    source: str
    words: str

    def __str__(self) -> str:
        quote = f": “{self.words}”" if self.words else ""
        if self.weight is None:
            return f"turn {self.turn} allowed {self.term} again{quote}"
        if self.before is not None:
            return f"turn {self.turn} changed it from {self.before:g} to {self.weight:g}{quote}"
        if self.source != "user":
            return f"{self.term} ({self.weight:g}) by {self.source}"
        return f"turn {self.turn} excluded {self.term} ({self.weight:g}){quote}"


def explain_exclusion(exclusion: Exclusion) -> str:
    """Why a term is excluded now: `fog (1.2) since turn 1: “no fog”`."""
    why = f"since turn {exclusion.since}: “{exclusion.words}”" if not exclusion.is_locked else f"by {exclusion.source}"
    return f"{exclusion.term} ({exclusion.weight:g}) {why}"


def term_history(path: Sequence["Turn"], term: str) -> tuple[ExclusionEvent, ...]:
    """The changes of a term, in any spelling, on a path of turns from the first to the last."""
    events: list[ExclusionEvent] = []
    before: float | None = None
    name = term
    for turn in path:
        exclusion = next((item for item in turn.exclusions if normalize_term(item.term) == normalize_term(term)), None)
        now = exclusion.weight if exclusion else None
        if now != before:
            name, source = (exclusion.term, exclusion.source) if exclusion else (name, "user")
            words = turn.feedback
            if exclusion and before is None:
                words = exclusion.words if exclusion.source == "user" else ""
            events.append(ExclusionEvent(turn.number, name, before, now, source, words))
        before = now
    return tuple(events)


def load_path(studio: "Studio", turn: "Turn") -> list["Turn"]:
    """The path from the first turn to this one, without undone turns."""
    return studio.store.path(turn.session, turn.number)


def format_history(events: Iterable[ExclusionEvent], term: str) -> list[str]:
    """The history in lines; a single line if the term was never excluded."""
    return [str(event) for event in events] or [f"“{term}” was never excluded here."]

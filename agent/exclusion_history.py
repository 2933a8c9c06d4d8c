"""A term's story in a session: which turn excluded it, what became of its weight, and in whose words."""

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
    """What a turn did to a term: `weight` from then on, None where it was allowed again."""

    turn: int
    term: str
    before: float | None
    weight: float | None
    source: str
    words: str

    def __str__(self) -> str:
        said = f": “{self.words}”" if self.words else ""
        if self.weight is None:
            return f"turn {self.turn} allowed {self.term} again{said}"
        if self.before is not None:
            return f"turn {self.turn} changed it from {self.before:g} to {self.weight:g}{said}"
        if self.source != "user":
            return f"{self.term} ({self.weight:g}) by {self.source}"
        return f"turn {self.turn} excluded {self.term} ({self.weight:g}){said}"


def explain_exclusion(exclusion: Exclusion) -> str:
    """Why something is excluded now: `fog (1.2) since turn 1: “no fog”`."""
    why = f"since turn {exclusion.since}: “{exclusion.words}”" if not exclusion.is_locked else f"by {exclusion.source}"
    return f"{exclusion.term} ({exclusion.weight:g}) {why}"


def term_history(path: Sequence["Turn"], term: str) -> tuple[ExclusionEvent, ...]:
    """What the turns of a path, first to last, did to a term in any spelling of it."""
    events: list[ExclusionEvent] = []
    before: float | None = None
    name = term
    for turn in path:
        found = next((each for each in turn.exclusions if normalize_term(each.term) == normalize_term(term)), None)
        now = found.weight if found else None
        if now != before:
            name, source = (found.term, found.source) if found else (name, "user")
            words = turn.feedback
            if found and before is None:
                words = found.words if found.source == "user" else ""
            events.append(ExclusionEvent(turn.number, name, before, now, source, words))
        before = now
    return tuple(events)


def load_path(studio: "Studio", turn: "Turn") -> list["Turn"]:
    """The turns that led to this one, from the first; what was undone on the way is not among them."""
    return studio.store.path(turn.session, turn.number)


def format_history(events: Iterable[ExclusionEvent], term: str) -> list[str]:
    """The story in lines; one that says so where nothing ever happened to the term."""
    return [str(event) for event in events] or [f"“{term}” was never excluded here."]

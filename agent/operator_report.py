"""A report for operators: which exclusions work, where interpreters and models fall short, and how long turns take.

It has counts only; the terms themselves, which are users' words, are added on request.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from ..errors import InvalidInputError
from ..storage import (
    AttemptCounts,
    DrawingTimes,
    InterpreterCounts,
    PolicyEffect,
    SessionCounts,
    Store,
    TermCounts,
)
from .exclusion_effects import NO_EFFECT
from .handoff import wants_handoff

_AGE = re.compile(r"(\d{1,6})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class SourceCounts:
    """The exclusions of one source (`user` or `policy:NAME`), over all terms; see `TermCounts`."""

    source: str
    terms: int
    """Different terms."""
    excluded: int
    complained_again: int
    allowed_back: int
    gone_at_once: int = 0
    gone_at_second: int = 0
    gone_later: int = 0
    still_there: int = 0
    unjudged: int = 0


@dataclass(frozen=True)
class OperatorReport:
    """The counts from `since` (None: all) to `until`, both in UTC."""

    since: datetime | None
    until: datetime
    sessions: SessionCounts
    without_picture: AttemptCounts
    handoffs: int
    """Turns that call for a person. Feedback that changed nothing made no turn; the metrics count it too."""
    exclusions: tuple[SourceCounts, ...]
    policies: tuple[PolicyEffect, ...]
    interpreters: tuple[InterpreterCounts, ...]
    models: tuple[DrawingTimes, ...]
    terms: tuple[TermCounts, ...] | None
    """The most often excluded first; None unless they were asked for."""

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        report: dict[str, Any] = _adapter.dump_python(self, mode="json")
        return report


_adapter = TypeAdapter(OperatorReport)


def build_report(store: Store, since: datetime | None = None, *, terms: int | None = None) -> OperatorReport:
    """Count what the store has. `terms` is how many terms the report lists; None leaves out all words."""
    statistics = store.statistics
    counted = statistics.count_terms(since)
    return OperatorReport(
        since=since,
        until=datetime.now(UTC),
        sessions=statistics.count_sessions(since),
        without_picture=statistics.count_attempts(since),
        handoffs=sum(wants_handoff(feedback, number) for number, feedback in statistics.feedback(since)),
        exclusions=tuple(_sum_by_source(counted)),
        policies=tuple(statistics.measure_policies(NO_EFFECT, since)),
        interpreters=tuple(statistics.count_interpreters(since)),
        models=tuple(statistics.measure_times(since)),
        terms=None if terms is None else tuple(counted[:terms]),
    )


def parse_since(text: str, now: datetime | None = None) -> datetime:
    """A moment from an ISO 8601 date or time (UTC unless it has a zone), or from an age: `24h`, `7d` or `2w`.

    Raises:
        InvalidInputError: if it is neither, or before the year 1.
    """
    now = now or datetime.now(UTC)
    try:
        if age := _AGE.fullmatch(text.strip()):
            return now - int(age[1]) * _UNITS[age[2]]
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(
            f"--since: “{text}” is no date: write 2026-12-01, 2026-12-01T08:00, 24h, 7d or 2w"
        ) from None


def _sum_by_source(terms: Iterable[TermCounts]) -> Iterable[SourceCounts]:
    by_source: dict[str, list[TermCounts]] = {}
    for term in terms:
        by_source.setdefault(term.source, []).append(term)
    for source, found in sorted(by_source.items(), key=lambda item: (item[0] != "user", item[0])):
        names = [field.name for field in fields(SourceCounts)[2:]]
        sums = {name: sum(getattr(term, name) for term in found) for name in names}
        yield SourceCounts(source, terms=len(found), **sums)

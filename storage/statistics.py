"""Counts of what is stored, for operators: terms, policies, interpreters, durations and turns without a picture.

`since` limits a count to the turns from that moment on; None counts all. Undone turns count, deleted sessions don't.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    Text,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import aliased

from .engine import Database
from .tables import AttemptRow, ExclusionRow, SessionRow, TurnRow

_BATCH = 1000
"""Rows that `feedback` has in memory at a time."""


@dataclass(frozen=True)
class SessionCounts:
    """The sessions that have turns in the period, and these turns."""

    sessions: int
    turns: int
    longest: int
    """The most turns that one session has in the period."""


@dataclass(frozen=True)
class TermCounts:
    """What happened to one term of one source (`user` or `policy:NAME`)."""

    term: str
    source: str
    excluded: int
    """Turns that began to exclude it; for a policy, sessions."""
    complained_again: int
    """Turns that raised its weight, since it was still to be seen."""
    allowed_back: int
    """Turns that dropped it."""
    gone_at_once: int = 0
    """Verified turns in whose first picture it was gone, and which kept that picture."""
    gone_at_second: int = 0
    """Verified turns that kept their second picture, and in which it was gone."""
    gone_later: int = 0
    """The same for later pictures."""
    still_there: int = 0
    """Verified turns in whose picture it was there."""
    unjudged: int = 0
    """Verified turns in which no judge could tell."""


@dataclass(frozen=True)
class PolicyEffect:
    """How a policy acts on a model. Its own effect is known from turns that have no other exclusions."""

    policy: str
    model: str
    turns: int
    """Turns with the policy."""
    unmeasured: int
    """Those whose effect was not measured: exclusions could not act, or an old version drew them."""
    measured_alone: int
    """Those in which only this policy excludes something, and its effect was measured."""
    without_effect: int
    """Those of `measured_alone` whose picture it did not visibly move."""


@dataclass(frozen=True)
class InterpreterCounts:
    """The turns whose feedback an interpreter read, and those in which it fell back to the rules."""

    interpreter: str
    turns: int
    fallbacks: int


@dataclass(frozen=True)
class DrawingTimes:
    """The seconds that a model took to draw a turn's picture; percentiles are nearest ranks."""

    model: str
    turns: int
    mean: float
    p50: float
    p95: float
    longest: float
    verified: int = 0
    """Turns that were verified."""
    tries: float | None = None
    """The mean number of pictures that were drawn for a verified turn; None without such turns."""


@dataclass(frozen=True)
class AttemptCounts:
    """Turns without a picture. A refused one has nothing to retry; a retried one that is done counts no more."""

    pending: int = 0
    failed: int = 0
    cancelled: int = 0
    refused: int = 0


class Statistics:
    """The counts of a store. Each method is one read; on large databases it takes seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_sessions(self, since: datetime | None = None) -> SessionCounts:
        """The sessions and turns of the period."""
        per_session = (
            select(TurnRow.session_id, func.count().label("turns"))
            .where(_from(since))
            .group_by(TurnRow.session_id)
            .subquery()
        ).c.turns
        counts = select(func.count(), func.coalesce(func.sum(per_session), 0), func.coalesce(func.max(per_session), 0))
        with self._database.read_session() as db:
            sessions, turns, longest = db.execute(counts).one()
        return SessionCounts(sessions, int(turns), longest)

    def count_terms(self, since: datetime | None = None) -> list[TermCounts]:
        """The counts of every term, the most often excluded first.

        A weight that verification raised, in a turn without an edit that raises one, is no complaint.
        """
        changes = _changes(since).subquery().c
        is_gone = changes.verdict == "gone"
        excluded = func.sum(changes.is_new)
        query = (
            select(
                changes.term,
                changes.source,
                excluded,
                _count_if((changes.now > changes.before) & ((changes.chosen == 0) | (changes.is_raised == 1))),
                _count_if(changes.now.is_(None)),
                _count_if(is_gone & (changes.chosen == 0)),
                _count_if(is_gone & (changes.chosen == 1)),
                _count_if(is_gone & (changes.chosen > 1)),
                _count_if(changes.verdict == "there"),
                _count_if(changes.verdict == "unknown"),
            )
            .group_by(changes.term, changes.source)
            .order_by(excluded.desc(), changes.term, changes.source)
        )
        with self._database.read_session() as db:
            return [TermCounts(*row) for row in db.execute(query)]

    def measure_policies(self, threshold: float, since: datetime | None = None) -> list[PolicyEffect]:
        """How each policy acts on each model; an effect below `threshold`, a share of the prediction, is none."""
        sources = (
            select(ExclusionRow.turn_id, ExclusionRow.source)
            .join(TurnRow, TurnRow.id == ExclusionRow.turn_id)
            .where(ExclusionRow.source.startswith("policy:"), _from(since))
            .distinct()
            .subquery()
        )
        other = aliased(ExclusionRow)
        alone = ~exists().where(other.turn_id == sources.c.turn_id, other.source != sources.c.source)
        effect = TurnRow.provenance["negative_effect"].as_float()
        query = (
            select(
                sources.c.source,
                SessionRow.model,
                func.count(),
                _count_if(effect.is_(None)),
                _count_if(alone & effect.is_not(None)),
                _count_if(alone & (effect < threshold)),
            )
            .join(TurnRow, TurnRow.id == sources.c.turn_id)
            .join(SessionRow, SessionRow.id == TurnRow.session_id)
            .group_by(sources.c.source, SessionRow.model)
            .order_by(sources.c.source, SessionRow.model)
        )
        with self._database.read_session() as db:
            return [
                PolicyEffect(source.removeprefix("policy:"), model, *numbers)
                for source, model, *numbers in db.execute(query)
            ]

    def count_interpreters(self, since: datetime | None = None) -> list[InterpreterCounts]:
        """The turns of each interpreter that have feedback; turns from edits and seeds have none."""
        name = TurnRow.provenance["interpreter", "name"].as_string()
        fallback = TurnRow.provenance["interpreter", "fallback"].as_boolean()
        query = (
            select(name, func.count(), _count_if(fallback.is_(True)))
            .where(name.is_not(None), _from(since))
            .group_by(name)
            .order_by(name)
        )
        with self._database.read_session() as db:
            return [InterpreterCounts(*row) for row in db.execute(query)]

    def measure_times(self, since: datetime | None = None) -> list[DrawingTimes]:
        """How long each model draws."""
        ranked = (
            select(
                SessionRow.model,
                TurnRow.seconds,
                func.nullif(func.json_array_length(TurnRow.provenance["verification", "tries"]), 0).label("tries"),
                func.row_number().over(partition_by=SessionRow.model, order_by=TurnRow.seconds).label("rank"),
                func.count().over(partition_by=SessionRow.model).label("turns"),
            )
            .join(SessionRow, SessionRow.id == TurnRow.session_id)
            .where(_from(since))
            .subquery()
        ).c
        p50, p95 = (ranked.turns + 1) // 2, (ranked.turns * 19 + 19) // 20
        query = (
            select(
                ranked.model,
                func.count(),
                func.avg(ranked.seconds),
                func.max(case((ranked.rank == p50, ranked.seconds))),
                func.max(case((ranked.rank == p95, ranked.seconds))),
                func.max(ranked.seconds),
                func.count(ranked.tries),
                cast(func.avg(ranked.tries), Float),
            )
            .group_by(ranked.model)
            .order_by(ranked.model)
        )
        with self._database.read_session() as db:
            return [DrawingTimes(*row) for row in db.execute(query)]

    def count_attempts(self, since: datetime | None = None) -> AttemptCounts:
        """The turns without a picture, by how they ended."""
        query = select(AttemptRow.status, AttemptRow.refused, func.count()).group_by(
            AttemptRow.status, AttemptRow.refused
        )
        if since is not None:
            query = query.where(AttemptRow.created_at >= since)
        counts: defaultdict[str, int] = defaultdict(int)
        with self._database.read_session() as db:
            for status, is_refused, number in db.execute(query):
                counts["refused" if is_refused else status] += number
        return AttemptCounts(**counts)

    def feedback(self, since: datetime | None = None) -> Iterator[tuple[int, str]]:
        """The number and the feedback of every turn."""
        query = select(TurnRow.id, TurnRow.number, TurnRow.feedback).where(_from(since)).order_by(TurnRow.id)
        last = 0
        while True:
            with self._database.read_session() as db:
                rows = db.execute(query.where(TurnRow.id > last).limit(_BATCH)).all()
            yield from ((number, feedback) for _, number, feedback in rows)
            if len(rows) < _BATCH:
                return
            last = rows[-1].id


def _from(since: datetime | None) -> ColumnElement[bool]:
    return true() if since is None else TurnRow.created_at >= since


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _changes(since: datetime | None) -> Select[Any]:
    """For each turn and term: whether the turn brought it, its weight in the turn and in the parent, and its verdict.

    `chosen` is the index of the picture that the turn kept, and `is_raised` whether an edit of the turn raises a
    weight. It has no join on terms: SQLite would use their index, which is slow for the terms of policies.
    """
    parent = aliased(TurnRow)
    is_parent = (parent.session_id == TurnRow.session_id) & (parent.number == TurnRow.parent)
    is_new = case((ExclusionRow.since == TurnRow.number, 1), else_=0)
    weight, nothing = ExclusionRow.weight, cast(null(), Float)
    is_verified = ExclusionRow.verdict.is_not(None)  # so that JSON is only read where there is something
    chosen = case((is_verified, TurnRow.provenance["verification", "chosen"].as_integer()), else_=0)
    is_raised = case((is_verified & cast(TurnRow.edits, Text).contains('"reweight"'), 1), else_=0)
    columns = TurnRow.id.label("turn"), ExclusionRow.term, ExclusionRow.source
    both = union_all(
        select(
            *columns,
            is_new.label("is_new"),
            weight.label("now"),
            nothing.label("before"),
            ExclusionRow.verdict.label("verdict"),
            chosen.label("chosen"),
            is_raised.label("is_raised"),
        )
        .join(ExclusionRow, ExclusionRow.turn_id == TurnRow.id)
        .where(_from(since)),
        select(*columns, literal(0), nothing, weight, cast(null(), Text), literal(0), literal(0))
        .join(parent, is_parent)
        .join(ExclusionRow, ExclusionRow.turn_id == parent.id)
        .where(_from(since)),
    ).subquery()
    found = both.c
    return select(
        found.turn,
        found.term,
        found.source,
        *(func.max(column).label(column.name) for column in list(found)[3:]),
    ).group_by(found.turn, found.term, found.source)

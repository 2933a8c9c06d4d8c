"""`notthat report`: what operators want to know of the stored sessions."""

from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from ....storage import TermCounts
    from ...operator_report import OperatorReport, SourceCounts

_LIMIT = 50
"""Terms listed without `--limit`."""


def report(
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="From this date or age on: 2026-12-01, 24h, 7d, 2w.")
    ] = None,
    terms: Annotated[
        bool, typer.Option("--terms", help="List the excluded terms too. They are in the users' words.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="List at most this many terms, the most frequent ones.")] = _LIMIT,
    as_json: Json = False,
) -> None:
    """Report how the exclusions, the policies, the interpreter and the models do, over all sessions.

    Example:  notthat report --since 7d --terms
    """
    from ...operator_report import build_report, parse_since
    from .console import emit, out

    start = None if since is None else parse_since(since)
    with open_store() as store:
        found = build_report(store, start, terms=limit if terms else None)
    if as_json:
        emit(found.as_json())
        return
    for line in _summarize(found):
        typer.echo(line)
    for table in _build_tables(found):
        if table.rows:
            typer.echo("")
            out.print(table)


def _summarize(found: "OperatorReport") -> "Iterator[str]":
    period = "in all" if found.since is None else f"since {found.since:%Y-%m-%d %H:%M} UTC"
    sessions, missing = found.sessions, found.without_picture
    yield f"{period}: sessions {sessions.sessions}, turns {sessions.turns} (at most {sessions.longest} in a session)"
    yield (
        f"turns without a picture: pending {missing.pending}, failed {missing.failed}, "
        f"cancelled {missing.cancelled}, refused {missing.refused}"
    )
    yield f"turns that call for a person: {found.handoffs}"


def _build_tables(found: "OperatorReport") -> "Iterator[Table]":
    counts = ("excluded", "complained again", "allowed back")
    verdicts = ("gone at once", "at second try", "later", "still there", "unknown")
    yield _build_table(
        ("source", "terms", *counts),
        [(s.source, s.terms, s.excluded, s.complained_again, s.allowed_back) for s in found.exclusions],
    )
    yield _build_table(
        ("source, verified", *verdicts),
        [(s.source, *_list_verdicts(s)) for s in found.exclusions if any(_list_verdicts(s))],
    )
    yield _build_table(
        ("policy", "model", "turns", "not measured", "measured alone", "without effect"),
        [(p.policy, p.model, p.turns, p.unmeasured, p.measured_alone, p.without_effect) for p in found.policies],
    )
    yield _build_table(
        ("interpreter", "turns", "fallbacks"), [(i.interpreter, i.turns, i.fallbacks) for i in found.interpreters]
    )
    yield _build_table(
        ("model", "turns", "mean", "median", "95%", "longest", "verified", "pictures for each"),
        [
            (
                m.model,
                m.turns,
                *(f"{s:.2f} s" for s in (m.mean, m.p50, m.p95, m.longest)),
                m.verified,
                "" if m.tries is None else f"{m.tries:.2f}",
            )
            for m in found.models
        ],
    )
    yield _build_table(
        ("term", "source", *counts),
        [(t.term, t.source, t.excluded, t.complained_again, t.allowed_back) for t in found.terms or ()],
    )
    yield _build_table(
        ("term, verified", "source", *verdicts),
        [(t.term, t.source, *_list_verdicts(t)) for t in found.terms or () if any(_list_verdicts(t))],
    )


def _list_verdicts(counts: "SourceCounts | TermCounts") -> tuple[int, ...]:
    return (
        counts.gone_at_once,
        counts.gone_at_second,
        counts.gone_later,
        counts.still_there,
        counts.unjudged,
    )


def _build_table(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(*columns, box=None, header_style="dim", pad_edge=False)
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row))
    return table

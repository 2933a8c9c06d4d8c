"""Commands that look at what is kept, and change nothing: a turn, a term's story, the sessions."""

from dataclasses import asdict
from typing import Annotated

import typer

from .options import Json, SessionId, open_studio

_SHOWN = 20
"""How many sessions people are shown who don't say how many."""


def show(
    session: SessionId,
    turn: Annotated[int | None, typer.Option(help="Which turn; by default the one that is shown now.")] = None,
    effects: Annotated[bool, typer.Option("--effects", help="Measure how far each term moves the picture.")] = False,
    as_json: Json = False,
) -> None:
    """Show a turn: its picture, its words, and what is excluded since when and in whose words."""
    from ..conversation import turn_json
    from ..effects import by_term
    from .console import emit, exclusions, out, show_turn

    with open_studio() as studio:
        record = studio.store.turn(session, turn)
        moved = by_term(studio, record) if effects else None
        if as_json:
            emit({**turn_json(record), **({} if moved is None else {"effects": moved})})
            return
        out.print(f"turn {record.number}: {record.feedback}", markup=False)
        show_turn(record, studio.store.images.open(record.sha256))
        out.print(f"{record.prompt}  (seed {record.seed})", markup=False)
        if record.exclusions:
            out.print(exclusions(record, moved))


def why(
    session: SessionId,
    term: Annotated[str, typer.Argument(help="Something that is, or was, excluded.")],
    as_json: Json = False,
) -> None:
    """Tell the story of a term: which turn excluded it, what became of its weight, and in whose words."""
    from ..stories import path_to, story, told
    from .console import emit

    with open_studio() as studio:
        events = story(path_to(studio, studio.store.turn(session, None)), term)
    if as_json:
        emit({"session": session, "term": term, "events": [asdict(event) for event in events]})
        return
    for line in told(events, term):
        typer.echo(line)


def sessions(
    limit: Annotated[
        int | None, typer.Option(min=1, help="How many of the newest; by default 20, with --json or --unfinished all.")
    ] = None,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Turns without a picture instead: being drawn, failed, cancelled.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the sessions, newest first."""
    from .console import emit
    from .listing import attempt_json, attempt_line

    with open_studio() as studio:
        if unfinished:
            for attempt in studio.store.attempts.all()[::-1][:limit]:
                emit(attempt_json(attempt)) if as_json else typer.echo(attempt_line(attempt))
            return
        if limit is None and not as_json:
            limit = _SHOWN
        for session in studio.store.sessions(limit):
            created = session.created_at.isoformat(timespec="seconds")
            if as_json:
                emit({**asdict(session), "created_at": created, "policies": list(session.policies)})
            else:
                turns = f"{session.turns} turn{'s' if session.turns != 1 else ''}"
                typer.echo(f"{session.id}  {created:19.19}  {turns:>9}  {session.prompt}")
        if not as_json and limit is not None and (more := studio.store.count_sessions() - limit) > 0:
            typer.echo(f"{more} more: --limit {limit + more}", err=True)

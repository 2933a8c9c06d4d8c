"""Commands that look at what is kept, and change nothing: a turn, a term's story."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ....storage import Attempt
from .options import Json, SessionId, open_studio


def show(
    session: SessionId,
    turn: Annotated[int | None, typer.Option(help="Which turn; by default the one that is shown now.")] = None,
    effects: Annotated[bool, typer.Option("--effects", help="Measure how far each term moves the picture.")] = False,
    as_json: Json = False,
) -> None:
    """Show a turn: its picture, its words, and what is excluded since when and in whose words."""
    from ...exclusion_effects import effects_by_term
    from ...turn_json import turn_json
    from .console import emit, exclusions_table, out, show_turn

    with open_studio() as studio:
        record = studio.store.turn(session, turn)
        moved = effects_by_term(studio, record) if effects else None
        if as_json:
            emit({**turn_json(record), **({} if moved is None else {"effects": moved})})
            return
        out.print(f"turn {record.number}: {record.feedback}", markup=False)
        show_turn(record, studio.store.images.open(record.sha256))
        out.print(f"{record.prompt}  (seed {record.seed})", markup=False)
        if record.exclusions:
            out.print(exclusions_table(record, moved))


def why(
    session: SessionId,
    term: Annotated[str, typer.Argument(help="Something that is, or was, excluded.")],
    as_json: Json = False,
) -> None:
    """Tell the story of a term: which turn excluded it, what became of its weight, and in whose words."""
    from ...exclusion_history import format_history, load_path, term_history
    from .console import emit

    with open_studio() as studio:
        events = term_history(load_path(studio, studio.store.turn(session, None)), term)
    if as_json:
        emit({"session": session, "term": term, "events": [asdict(event) for event in events]})
        return
    for line in format_history(events, term):
        typer.echo(line)


def attempt_to_json(attempt: Attempt) -> dict[str, Any]:
    """A turn without a picture, as `--json` gives it."""
    return {
        "session": attempt.session,
        "turn": attempt.turn.number,
        "parent": attempt.turn.parent,
        "status": attempt.status,
        "reason": attempt.reason,
        "feedback": attempt.turn.feedback,
        "created_at": attempt.created_at.isoformat(timespec="seconds"),
    }


def format_attempt(attempt: Attempt) -> str:
    """The same for people, in a line."""
    why = f": {attempt.reason}" if attempt.reason else ""
    return f"{attempt.session}  turn {attempt.turn.number}  {attempt.status}{why}  “{attempt.turn.feedback}”"

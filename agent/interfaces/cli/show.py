"""`notthat show` and `notthat why`: read a turn or the history of a term."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Json, SessionId, open_studio

if TYPE_CHECKING:
    from ....storage import Attempt


def show(
    session: SessionId,
    turn: Annotated[int | None, typer.Option(help="Number of the turn; by default the current one.")] = None,
    effects: Annotated[
        bool, typer.Option("--effects", help="Measure the effect of each exclusion on the picture.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a turn: picture, feedback, and exclusions with their origin.

    Example:  notthat show 3f9c2a71d0b45e86 --turn 2 --effects
    """
    from ...exclusion_effects import effects_by_term
    from ...turn_serialization import turn_json
    from .console import emit, exclusions_table, out, show_turn

    with open_studio() as studio:
        record = studio.store.turn(session, turn)
        effects_of_terms = effects_by_term(studio, record) if effects else None
        if as_json:
            emit({**turn_json(record), **({} if effects_of_terms is None else {"effects": effects_of_terms})})
            return
        out.print(f"turn {record.number}: {record.feedback}", markup=False)
        show_turn(record, studio.store.images.open(record.sha256))
        out.print(f"{record.prompt}  (seed {record.seed})", markup=False)
        if record.exclusions:
            out.print(exclusions_table(record, effects_of_terms))


def why(
    session: SessionId,
    term: Annotated[str, typer.Argument(help="A term that is or was excluded.")],
    as_json: Json = False,
) -> None:
    """Show the history of a term: which turns excluded, reweighted or allowed it, and the feedback that did so.

    Example:  notthat why 3f9c2a71d0b45e86 watermark
    """
    from ...exclusion_history import format_history, load_path, term_history
    from .console import emit

    with open_studio() as studio:
        events = term_history(load_path(studio, studio.store.turn(session, None)), term)
    if as_json:
        emit({"session": session, "term": term, "events": [asdict(event) for event in events]})
        return
    for line in format_history(events, term):
        typer.echo(line)


def attempt_to_json(attempt: "Attempt") -> dict[str, Any]:
    """A turn without a picture, in the format of `--json`."""
    return {
        "session": attempt.session,
        "turn": attempt.turn.number,
        "parent": attempt.turn.parent,
        "status": attempt.status,
        "reason": attempt.reason,
        "feedback": attempt.turn.feedback,
        "created_at": attempt.created_at.isoformat(timespec="seconds"),
    }


def format_attempt(attempt: "Attempt") -> str:
    """A turn without a picture, as one line of text."""
    reason = f": {attempt.reason}" if attempt.reason else ""
    return f"{attempt.session}  turn {attempt.turn.number}  {attempt.status}{reason}  “{attempt.turn.feedback}”"

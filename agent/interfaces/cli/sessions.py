"""`notthat sessions`: what sessions there are; and `notthat sessions delete`."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ....errors import InvalidInputError
from .options import Json, SessionId, open_store, open_studio

if TYPE_CHECKING:
    from ....storage import Store

app = typer.Typer(invoke_without_command=True)

_SHOWN = 20
"""How many sessions people are shown who don't say how many."""


@app.callback()
def sessions(
    context: typer.Context,
    limit: Annotated[
        int | None, typer.Option(min=1, help="How many of the newest; by default 20, with --json or --unfinished all.")
    ] = None,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Turns without a picture instead: being drawn, failed, cancelled.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the sessions, newest first; or delete one."""
    if context.invoked_subcommand is not None:
        if limit is not None or unfinished or as_json:
            raise InvalidInputError(f"options go behind the command: notthat sessions {context.invoked_subcommand} …")
        return
    from .console import emit
    from .show import attempt_to_json, format_attempt

    with open_studio() as studio:
        if unfinished:
            for attempt in studio.store.attempts.all()[::-1][:limit]:
                emit(attempt_to_json(attempt)) if as_json else typer.echo(format_attempt(attempt))
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


@app.command()
def delete(
    session: SessionId,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a session with its words and pictures, for good. Pictures that another session has stay.

    Example:  notthat sessions delete 3f9c2a71d0b45e86
    """
    from .console import emit

    with open_store() as store:
        if not yes:
            _confirm(store, session)
        deleted = store.delete_session(session)
    if as_json:
        emit({"session": session, "turns": deleted.turns, "pictures": deleted.pictures})
    else:
        typer.echo(f"deleted {_count(deleted.turns, 'turn')} and {_count(deleted.pictures, 'picture')}")


def _confirm(store: "Store", session: str) -> None:
    """Ask on the terminal, of a session that is there; raise `typer.Exit` where the answer is no."""
    if not sys.stdin.isatty():
        raise InvalidInputError("nothing was deleted: say --yes where nobody can be asked")
    what = f"session {session}"
    if store.has_session(session):
        record = store.session(session)
        what += f" (“{record.prompt}”, {_count(record.turns, 'turn')})"
    typer.echo(f"Delete {what} with its words and pictures, for good? [y/N] ", err=True, nl=False)  # not on stdout
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        typer.echo("notthat: nothing was deleted", err=True)
        raise typer.Exit(1)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"

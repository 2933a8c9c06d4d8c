"""`notthat sessions`: list sessions; `notthat sessions delete`: delete one."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ....errors import InvalidInputError
from .options import Json, SessionId, open_store, open_studio

if TYPE_CHECKING:
    from ....storage import Store

app = typer.Typer(invoke_without_command=True)

_DEFAULT_LIMIT = 20
"""Sessions listed without `--limit`."""


@app.callback()
def sessions(
    context: typer.Context,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Number of sessions; by default the newest 20, with --json or --unfinished all."),
    ] = None,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="List turns without a picture instead: running, failed or cancelled.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List sessions, newest first, or delete one.

    Example:  notthat sessions --limit 5
    """
    if context.invoked_subcommand is not None:
        if limit is not None or unfinished or as_json:
            raise InvalidInputError(f"put options after the command: notthat sessions {context.invoked_subcommand} …")
        return
    from .console import emit
    from .show import attempt_to_json, format_attempt

    with open_studio() as studio:
        if unfinished:
            for attempt in studio.store.attempts.all()[::-1][:limit]:
                emit(attempt_to_json(attempt)) if as_json else typer.echo(format_attempt(attempt))
            return
        if limit is None and not as_json:
            limit = _DEFAULT_LIMIT
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
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a session with its feedback and pictures, permanently. Pictures that other sessions use are kept.

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
    """Ask for confirmation on the terminal; raise `typer.Exit` if the answer is no."""
    if not sys.stdin.isatty():
        raise InvalidInputError("nothing was deleted: stdin is no terminal, so give --yes to confirm")
    description = f"session {session}"
    if store.has_session(session):
        record = store.session(session)
        description += f" (“{record.prompt}”, {_count(record.turns, 'turn')})"
    typer.echo(
        f"Delete {description} with its feedback and pictures, permanently? [y/N] ", err=True, nl=False
    )  # not on stdout
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        typer.echo("notthat: nothing was deleted", err=True)
        raise typer.Exit(1)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"

"""`notthat export` and `notthat import`: move a session between stores in one file."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Json, SessionId, open_studio


def export(
    session: SessionId,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="File to create: a zip of JSON and PNGs.")],
    as_json: Json = False,
) -> None:
    """Export a session with all turns and pictures to a file.

    Example:  notthat export 3f9c2a71d0b45e86 harbour.zip
    """
    from ....storage import export as export_session
    from ...turn_png import turn_png_text
    from .console import emit

    with open_studio() as studio:
        turns = export_session(studio.store, session, file, turn_png_text)
    if as_json:
        emit({"session": session, "turns": turns, "file": str(file.absolute())})
    else:
        typer.echo(f"{turns} turn{'s' if turns != 1 else ''} in {file}")


def import_(
    file: Annotated[Path, typer.Argument(help="A file written by notthat export.")],
    as_json: Json = False,
) -> None:
    """Import a session from an exported file. Its ids are kept. If anything is invalid, nothing is imported.

    Example:  notthat import harbour.zip
    """
    from ....storage import import_ as import_session
    from ...import_validation import check_turn
    from ...turn_png import turn_png_text
    from .console import emit

    with open_studio() as studio:
        session = import_session(studio.store, file, check_turn, turn_png_text)
        turns = studio.store.session(session).turns
    if as_json:
        emit({"session": session, "turns": turns, "file": str(file.absolute())})
    else:
        typer.echo(f"session {session}, {turns} turn{'s' if turns != 1 else ''}")

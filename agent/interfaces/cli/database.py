"""`notthat db`: look after the database."""

from functools import partial
from typing import Annotated

import typer

from ....errors import NotthatError
from .options import Json, load_settings, open_studio

app = typer.Typer(help="Look after the database.", no_args_is_help=True)


@app.command()
def upgrade(as_json: Json = False) -> None:
    """Bring a database that an older notthat made up to date."""
    from ....storage import upgrade as upgrade_database
    from .console import emit

    settings = load_settings()
    revision = upgrade_database(settings.database_url, home=settings.home)
    if as_json:
        emit({"revision": revision})
    else:
        typer.echo(f"the database is at revision {revision}")


@app.command()
def check(
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended; pictures are drawn again from their requests.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look for damage: rows, references, and pictures that are missing or changed. Exit 1 where there is any."""
    from ....storage import check as check_store
    from ....storage import repair as repair_store
    from ...replay.regenerate import regenerate
    from ...turn_png import turn_png_text
    from .console import emit

    with open_studio() as studio:
        findings = check_store(studio.store)
        if repair and findings:
            for line in repair_store(studio.store, findings, partial(regenerate, studio), turn_png_text):
                typer.echo(line, err=True)
            findings = check_store(studio.store)
    for finding in findings:
        if as_json:
            emit(
                {
                    "kind": finding.kind,
                    "place": str(finding.place),
                    "message": finding.message,
                    "harmless": finding.is_harmless,
                }
            )
        else:
            typer.echo(f"{finding.place}: {finding.message}")
    if not as_json and not findings:
        typer.echo("nothing wrong")
    if any(not finding.is_harmless for finding in findings):
        raise NotthatError("the store is damaged: see above")


@app.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    as_json: Json = False,
) -> None:
    """Delete pictures that no turn names, and what crashes left behind."""
    from ....storage import prune as prune_store
    from .console import emit

    with open_studio() as studio:
        pruned = prune_store(studio.store, dry_run=dry_run)
    pictures, temporary = ([str(path) for path in paths] for paths in (pruned.pictures, pruned.temporary))
    if as_json:
        emit({"pictures": pictures, "temporary": temporary, "bytes": pruned.bytes, "dry_run": dry_run})
    else:
        done = "would free" if dry_run else "freed"
        typer.echo(f"{done} {pruned.bytes} bytes: {len(pictures)} pictures, {len(temporary)} temporary files")

"""`notthat db`: maintain the database and the pictures."""

from functools import partial
from typing import Annotated

import typer

from ....errors import NotthatError
from .options import Json, load_settings, open_studio

app = typer.Typer(help="Maintain the database and the pictures.", no_args_is_help=True)


@app.command()
def upgrade(as_json: Json = False) -> None:
    """Upgrade the database schema to this version of notthat.

    Example:  notthat db upgrade
    """
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
        bool,
        typer.Option("--repair", help="Repair what can be repaired; damaged pictures are redrawn from their requests."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check rows, references and pictures for damage. Exits with 1 if there is any.

    Example:  notthat db check --repair
    """
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
        typer.echo("no damage found")
    if any(not finding.is_harmless for finding in findings):
        raise NotthatError("the store is damaged, see above: try notthat db check --repair, or restore a backup")


@app.command()
def prune(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would be deleted, but delete nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete pictures that no turn refers to and temporary files left by crashes.

    Example:  notthat db prune --dry-run
    """
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

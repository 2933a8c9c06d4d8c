"""`notthat audit`: leave out one exclusion at a time, and show what each of them does to the picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ....errors import InvalidInputError
from .options import Json, SessionId, open_studio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from ...exclusion_audit import AuditResult, ExclusionAudit


def audit(
    session: SessionId,
    turn: Annotated[int | None, typer.Option(help="Number of the turn; by default the current one.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Audit at most this many exclusions, the latest ones; by default 20.")
    ] = None,
    grid: Annotated[
        Path | None, typer.Option(dir_okay=False, writable=True, help="Write a PNG with all pictures.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw a turn again without each of its exclusions, from the same seed, and show what each one changes.

    Each exclusion costs a picture. Nothing is stored.

    Example:  notthat audit 3f9c2a71d0b45e86 --grid audit.png
    """
    from ...exclusion_audit import DEFAULT_LIMIT, ExclusionAudit
    from .console import emit, out, progress

    if grid is not None and not grid.parent.is_dir():  # before the pictures are drawn
        raise InvalidInputError(f"--grid: there is no folder {grid.parent}")
    with open_studio() as studio:
        audited = ExclusionAudit(studio, studio.store.turn(session, turn), limit or DEFAULT_LIMIT)
        for line in [*_announce(audited), *audited.warnings()]:
            typer.echo(f"notthat: {line}", err=True)
        results = []
        with progress(f"drawing {audited.pictures} pictures") as on_step:
            for result in audited.results(on_step):
                results.append(result)
                if as_json:
                    emit(result.as_json())
        is_reproduced = not results or audited.is_reproduced
    without_effect = [result.exclusion.term for result in results if not result.difference.is_visible]
    if as_json:
        summary = {"session": session, "turn": audited.turn.number, "pictures": audited.pictures}
        emit({**summary, "identical": is_reproduced, "without_effect": without_effect})
    elif not results:
        typer.echo(f"Turn {audited.turn.number} excludes nothing.")
    else:
        out.print(_build_table(results))
        for result in results:
            if not result.difference.is_visible:
                typer.echo(result.summary)
        if not is_reproduced:
            typer.echo("The turn's own picture comes out different here: notthat replay says why.")
    if grid is not None:
        _write_grid(audited.turn.number, results, grid)


def _announce(audited: "ExclusionAudit") -> list[str]:
    """What an audit of many exclusions draws and leaves out."""
    from ...exclusion_audit import DEFAULT_LIMIT

    total, chosen = len(audited.turn.exclusions), len(audited.exclusions)
    if total <= DEFAULT_LIMIT:
        return []
    if chosen == total:
        return [f"drawing {audited.pictures} pictures, for {total} exclusions"]
    return [
        f"drawing {audited.pictures} pictures, for the latest {chosen} of {total} exclusions: --limit {total} for all"
    ]


def _write_grid(number: int, results: "Sequence[AuditResult]", grid: Path) -> None:
    from ...replay.gif_and_grid import save_audit_grid

    if results:
        save_audit_grid(number, results, grid)
        typer.echo(f"wrote {grid}", err=True)
    else:
        typer.echo(f"notthat: {grid} was not written, since turn {number} excludes nothing", err=True)


def _build_table(results: "Sequence[AuditResult]") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        "excluded", "weight", "by", "pixels changed", "mean", "PSNR", box=None, header_style="dim", pad_edge=False
    )
    for result in results:
        exclusion, difference = result.exclusion, result.difference
        psnr = f"{difference.psnr:.1f} dB" if difference.max_abs_diff else "same"
        changed, mean = f"{difference.changed:.1%}", f"{difference.mean_abs_diff:.2f}"
        table.add_row(escape(exclusion.term), f"{exclusion.weight:g}", escape(exclusion.source), changed, mean, psnr)
    return table

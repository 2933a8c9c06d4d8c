"""`notthat replay`: redraw and verify a session, re-interpret it, branch from a turn, or write reports."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ....errors import InvalidInputError, NotthatError
from .options import Json, SessionId, open_studio

if TYPE_CHECKING:
    from ...replay.regenerate import ReplayResult
    from ...studio import Studio

_FILE = {"dir_okay": False, "writable": True}


def replay(
    session: SessionId,
    verify: Annotated[bool, typer.Option("--verify", help="Exit with 1 unless every turn is identical.")] = False,
    interpret: Annotated[
        bool,
        typer.Option("--interpret", help="Re-interpret the feedback instead of drawing, and show which edits differ."),
    ] = False,
    tries: Annotated[
        bool, typer.Option("--tries", help="Redraw every try of verified turns instead, and compare the pixels.")
    ] = False,
    from_: Annotated[int | None, typer.Option("--from", help="With --with: branch from this turn.")] = None,
    with_: Annotated[str | None, typer.Option("--with", help="With --from: the feedback on that turn.")] = None,
    kept: Annotated[
        bool, typer.Option("--kept", help="Use the stored pictures; needs --html, --gif or --grid.")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Write a report as an HTML page.", **_FILE)] = None,
    gif: Annotated[
        Path | None, typer.Option(help="Write an animated GIF of the turns up to the head.", **_FILE)
    ] = None,
    grid: Annotated[Path | None, typer.Option(help="Write a PNG with all pictures.", **_FILE)] = None,
    as_json: Json = False,
) -> None:
    """Redraw every turn from its stored request and compare the pixels.

    Examples:  notthat replay 3f9c2a71d0b45e86 --verify
               notthat replay 3f9c2a71d0b45e86 --html harbour.html --kept
               notthat replay 3f9c2a71d0b45e86 --from 2 --with "no fog either"
    """
    files = (html, gif, grid)
    if (from_ is None) != (with_ is None):
        raise InvalidInputError("--from TURN and --with FEEDBACK need each other: give both")
    if sum((from_ is not None, interpret, tries, any(files) or kept)) > 1:
        raise InvalidInputError("--from, --interpret, --tries and report files can't be combined: give one of them")
    if kept and (verify or not any(files)):
        raise InvalidInputError("--kept draws nothing: give --html, --gif or --grid, and no --verify")
    with open_studio() as studio:
        if from_ is not None and with_ is not None:
            _branch_with_feedback(studio, session, from_, with_, as_json)
        elif interpret:
            _reinterpret_session(studio, session, verify, as_json)
        elif tries:
            _regenerate_tries(studio, session, verify, as_json)
        else:
            results = [] if kept else _regenerate_session(studio, session, as_json)
            _write_reports(studio, session, results, html, gif, grid)
            different = sum(not result.identical for result in results)
            if verify and different:
                raise NotthatError(f"{different} of {len(results)} turns differ")


def _regenerate_session(studio: "Studio", session: str, as_json: bool) -> "list[ReplayResult]":
    from ...replay.regenerate import replay_session
    from .console import emit, progress

    results = []
    with progress("replaying") as on_step:
        for result in replay_session(studio, session, on_step):
            results.append(result)
            if as_json:
                emit(result.as_json())
            else:
                differs = f"differs by up to {result.max_abs_diff} levels of 255"
                typer.echo(f"turn {result.turn}: {'identical' if result.identical else differs}")
                if result.drift:
                    typer.echo(f"  {result.drift.summary}")
    identical = sum(result.identical for result in results)
    if as_json:
        emit({"turns": len(results), "identical": identical})
    else:
        typer.echo(f"{identical} of {len(results)} identical")
    return results


def _regenerate_tries(studio: "Studio", session: str, verify: bool, as_json: bool) -> None:
    from ...replay.regenerate import replay_tries
    from .console import emit, progress

    results = []
    with progress("replaying") as on_step:
        for result in replay_tries(studio, session, on_step):
            results.append(result)
            if as_json:
                emit(result.as_json())
            else:
                same = "identical" if result.identical else "differs"
                typer.echo(f"turn {result.turn}, try {result.number} ({result.how}): {same}")
    identical = sum(result.identical for result in results)
    if as_json:
        emit({"tries": len(results), "identical": identical})
    else:
        typer.echo(f"{identical} of {len(results)} tries identical")
    if verify and identical < len(results):
        raise NotthatError(f"{len(results) - identical} of {len(results)} tries differ")


def _reinterpret_session(studio: "Studio", session: str, verify: bool, as_json: bool) -> None:
    import json

    from ...conversation import Conversation
    from ...replay.reinterpret import reinterpret
    from .console import emit

    turns = same = 0
    for result in reinterpret(Conversation.open(session, studio)):
        turns, same = turns + 1, same + result.same
        if as_json:
            emit(asdict(result))
        elif result.same:
            typer.echo(f"turn {result.turn}: same edits")
        else:
            typer.echo(f"turn {result.turn}: “{result.feedback}”")
            for when, edits in (("then", result.then), ("now", result.now)):
                typer.echo(f"  {when:<5}{json.dumps(edits, ensure_ascii=False)}")
    if as_json:
        emit({"turns": turns, "same": same})
    else:
        typer.echo(f"{same} of {turns} have the same edits")
    if verify and same < turns:
        raise NotthatError(f"{turns - same} of {turns} turns are interpreted differently now")


def _branch_with_feedback(studio: "Studio", session: str, number: int, feedback: str, as_json: bool) -> None:
    from ...conversation import Conversation
    from ...turn_serialization import turn_json
    from .console import emit, progress, show_turn

    with progress("drawing") as on_step:
        turn = Conversation.open(session, studio, turn=number).say(feedback, on_step)
    if as_json:
        emit(turn_json(turn))
    else:
        show_turn(turn, studio.store.images.open(turn.sha256))


def _write_reports(
    studio: "Studio",
    session: str,
    results: "list[ReplayResult]",
    html: Path | None,
    gif: Path | None,
    grid: Path | None,
) -> None:
    from ...replay.gif_and_grid import save_gif, save_grid
    from ...replay.html_report import render_report

    if not (html or gif or grid):
        return
    record, turns, images = studio.store.session(session), studio.store.turns(session), studio.store.images
    if html:
        text = render_report(record, turns, images, {result.turn: result for result in results})
        try:
            html.write_text(text, encoding="utf-8")
        except OSError as error:
            raise NotthatError(f"{html} can't be written: {error.strerror or error}") from None
    if gif:
        save_gif(turns, record.head, images, gif)
    if grid:
        save_grid(turns, images, grid)
    for path in (html, gif, grid):
        if path:
            typer.echo(f"wrote {path}", err=True)

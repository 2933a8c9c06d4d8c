"""What people see in a terminal: bars while it works, the picture where it can be drawn, the exclusions.

Answers go to stdout, everything else to stderr; with `--json`, stdout is one JSON object a line.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from PIL.Image import Image

    from ...generation import Progress as Step
    from ..conversation import Turn

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_ROWS = 20
"""How many lines of the terminal a picture may take."""


def emit(value: dict[str, Any]) -> None:
    """One JSON object on a line of its own; in ASCII alone where stdout can't hold more."""
    try:
        print(json.dumps(value, ensure_ascii=False), flush=True)
    except UnicodeEncodeError:
        print(json.dumps(value), flush=True)


@contextmanager
def progress(what: str) -> Iterator["Callable[[Step], None]"]:
    """A bar on stderr, where that is a terminal; call what it gives with every step."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda step: bar.update(task, completed=step.step, total=step.steps)


def show_turn(turn: "Turn", image: "Image | None" = None) -> None:
    """The reply, the picture, and what is in force."""
    out.print(f"[bold]{escape(turn.reply)}[/bold]")
    draw(image)
    if turn.negative:
        out.print(f"[dim]without[/dim] {escape(turn.negative)}")
    out.print(f"[dim]{escape(str(turn.image))}[/dim]")


def draw(image: "Image | None") -> None:
    """Draw a picture in the terminal, as well as it can; nothing where stdout isn't one."""
    if image is None or not out.is_terminal:
        return
    # It logs, with a traceback, that a terminal doesn't answer its questions, and then does without.
    logging.getLogger("textual_image").addHandler(logging.NullHandler())
    from textual_image.renderable import Image as Drawing

    out.print(Drawing(image, height=min(_ROWS, max(4, out.height - 6)), width="auto"))


def exclusions(turn: "Turn") -> Table:
    """What is excluded at a turn: term, weight, who brought it, when, and in whose words."""
    table = Table("excluded", "weight", "by", "since turn", "words", box=None, header_style="dim", pad_edge=False)
    for e in turn.exclusions:
        table.add_row(escape(e.term), f"{e.weight:g}", e.source, str(e.since), escape(e.words))
    return table

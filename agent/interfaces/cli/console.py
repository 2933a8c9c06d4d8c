"""What people see in a terminal: bars while it works, the picture where it can be drawn, the exclusions.

Answers go to stdout, everything else to stderr; with `--json`, stdout is one JSON object a line.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

if TYPE_CHECKING:
    from PIL.Image import Image

    from ....generation import Progress as Step
    from ...conversation import Turn

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_ROWS = 20
"""How many lines of the terminal a picture may take."""

_BETWEEN_PREVIEWS = 0.5
"""Seconds; a picture that is sooner there has no previews."""


def emit(value: dict[str, Any]) -> None:
    """One JSON object on a line of its own; in ASCII alone where stdout can't hold more."""
    try:
        print(json.dumps(value, ensure_ascii=False), flush=True)
    except UnicodeEncodeError:
        print(json.dumps(value), flush=True)


@contextmanager
def progress(what: str, *, previews: bool = False) -> Iterator["Callable[[Step], None]"]:
    """A bar on stderr, where that is a terminal; call what it gives with every step.

    With `previews`, what is to come is shown above it meanwhile, where the terminal can show pictures.
    """
    if not err.is_terminal:
        yield lambda step: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pace]}"))
    bar = Progress(*columns)
    task = bar.add_task(what, total=None, pace="")
    sketch = PreviewThrottle() if previews and can_draw() else None
    with Live(bar, console=err, transient=True) as live:

        def on_step(step: "Step") -> None:
            bar.update(task, completed=step.step, total=step.steps, pace=format_speed(step))
            if sketch and sketch.is_due(step):
                live.update(Group(sketch.drawing, bar))

        yield on_step


class PreviewThrottle:
    """The latest preview, drawn in coloured half lines: those any terminal can draw over, again and again."""

    def __init__(self) -> None:
        from textual_image.renderable.halfcell import Image as Drawing

        self._kind = Drawing
        self._due = time.monotonic() + _BETWEEN_PREVIEWS
        self.drawing: RenderableType = ""

    def is_due(self, step: "Step") -> bool:
        """Take a step's preview, where it has one and it is time for the next."""
        if step.preview is None or time.monotonic() < self._due:
            return False
        self.drawing = self._kind(step.preview(), height=_image_rows(), width="auto")
        self._due = time.monotonic() + _BETWEEN_PREVIEWS
        return True


def format_speed(step: "Step") -> str:
    """How fast it goes, and how long it will take still: `1.9 steps/s, 0:08 left`."""
    left = step.seconds_left
    if not step.steps_per_second or left is None:
        return ""
    return f"{step.steps_per_second:.2g} steps/s, {int(left) // 60}:{int(left) % 60:02d} left"


def show_turn(turn: "Turn", image: "Image | None" = None) -> None:
    """The reply, the picture, and what is in force."""
    out.print(f"[bold]{escape(turn.reply)}[/bold]")
    draw_image(image)
    if turn.negative:
        out.print(f"[dim]without[/dim] {escape(turn.negative)}")
    out.print(f"[dim]{escape(str(turn.image))}[/dim]")


def draw_image(image: "Image | None") -> None:
    """Draw a picture in the terminal, as well as it can; nothing where stdout isn't one."""
    if image is None or not can_draw():
        return
    from textual_image.renderable import Image as Drawing

    out.print(Drawing(image, height=_image_rows(), width="auto"))


def can_draw() -> bool:
    """Whether pictures can be shown: stdout is a terminal."""
    # It logs, with a traceback, that a terminal doesn't answer its questions, and then does without.
    logging.getLogger("textual_image").addHandler(logging.NullHandler())
    return out.is_terminal


def _image_rows() -> int:
    return min(_ROWS, max(4, out.height - 6))


def exclusions_table(turn: "Turn", effects: Mapping[str, float] | None = None) -> Table:
    """What is excluded at a turn: term, weight, who brought it, when, in whose words; with `effects`, how it acts."""
    columns = ["excluded", "weight", "by", "since turn", "words", *([] if effects is None else ["moves it by"])]
    table = Table(*columns, box=None, header_style="dim", pad_edge=False)
    for e in turn.exclusions:
        moved = [] if effects is None else [f"{effects[e.term]:.1%}" if e.term in effects else "nothing"]
        table.add_row(escape(e.term), f"{e.weight:g}", escape(e.source), str(e.since), escape(e.words), *moved)
    return table

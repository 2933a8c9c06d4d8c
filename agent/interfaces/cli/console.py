"""Terminal output: progress bars, pictures where the terminal can show them, and the table of exclusions.

Results go to stdout, everything else to stderr. With `--json`, stdout has one JSON object per line.
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

from ...waiting import listen

if TYPE_CHECKING:
    from PIL.Image import Image

    from ....generation import Progress as Step
    from ....storage import QuestionRecord
    from ...conversation import Turn

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_ROWS = 20
"""Maximum height of a picture, in lines of the terminal."""

_PREVIEW_INTERVAL = 0.5
"""Seconds before the first preview and between previews."""


def emit(value: dict[str, Any]) -> None:
    """Print one JSON object on a line, escaped to ASCII if the encoding of stdout requires it."""
    try:
        print(json.dumps(value, ensure_ascii=False), flush=True)
    except UnicodeEncodeError:
        print(json.dumps(value), flush=True)


@contextmanager
def progress(label: str, *, previews: bool = False) -> Iterator["Callable[[Step], None]"]:
    """Show a progress bar on stderr if it is a terminal. Yields the callback to call with every step.

    With `previews`, previews of the picture are shown above the bar if the terminal can show pictures. While the
    interpreter waits for a language model, the bar says so.
    """
    if not err.is_terminal:
        yield lambda step: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pace]}"))
    bar = Progress(*columns)
    task = bar.add_task(label, total=None, pace="")
    throttle = PreviewThrottle() if previews and can_draw() else None
    with Live(bar, console=err, transient=True) as live:

        def on_step(step: "Step") -> None:
            bar.update(task, completed=step.step, total=step.steps, pace=format_speed(step))
            if throttle and throttle.take_preview(step):
                live.update(Group(throttle.drawing, bar))

        with listen(lambda wait: bar.update(task, description=escape(wait or label))):
            yield on_step


class PreviewThrottle:
    """Keeps the latest preview, at most one per interval, as half-block characters that any terminal can redraw."""

    def __init__(self) -> None:
        from textual_image.renderable.halfcell import Image as Drawing

        self._kind = Drawing
        self._due = time.monotonic() + _PREVIEW_INTERVAL
        self.drawing: RenderableType = ""

    def take_preview(self, step: "Step") -> bool:
        """Render the preview of a step if it has one and the interval is over; whether it was rendered."""
        if step.preview is None or time.monotonic() < self._due:
            return False
        self.drawing = self._kind(step.preview(), height=_image_rows(), width="auto")
        self._due = time.monotonic() + _PREVIEW_INTERVAL
        return True


def format_speed(step: "Step") -> str:
    """The speed and the remaining time as text: `1.9 steps/s, 0:08 left`; empty while they are unknown."""
    left = step.seconds_left
    if not step.steps_per_second or left is None:
        return ""
    return f"{step.steps_per_second:.2g} steps/s, {int(left) // 60}:{int(left) % 60:02d} left"


def show_turn(turn: "Turn", image: "Image | None" = None) -> None:
    """Print the reply, the picture, the exclusions, the path of the picture and the open question."""
    out.print(f"[bold]{escape(turn.reply)}[/bold]")
    draw_image(image)
    if turn.negative:
        out.print(f"[dim]without[/dim] {escape(turn.negative)}")
    out.print(f"[dim]{escape(str(turn.image))}[/dim]")
    if turn.question is not None:
        show_question(turn.question)


def show_answered_turn(turn: "Turn", open_image: "Callable[[], Image]") -> None:
    """Print what feedback came to: a turn as `show_turn` does, or only the question to the user."""
    if turn.question is None:
        show_turn(turn, open_image())
    else:
        show_question(turn.question)


def show_question(question: "QuestionRecord") -> None:
    """Print a question with the keys that answer it."""
    from ...answers import answer_keys

    out.print(f"[bold]{escape(question.text)}[/bold] [dim]{escape(f'[{answer_keys(question)}]')}[/dim]")


def draw_image(image: "Image | None") -> None:
    """Show a picture in the terminal at the best quality it supports; does nothing if stdout is no terminal."""
    if image is None or not can_draw():
        return
    from textual_image.renderable import Image as Drawing

    out.print(Drawing(image, height=_image_rows(), width="auto"))


def can_draw() -> bool:
    """Whether stdout is a terminal, so that pictures can be shown."""
    # textual_image logs a traceback if the terminal does not answer its queries, then uses a fallback.
    logging.getLogger("textual_image").addHandler(logging.NullHandler())
    return out.is_terminal


def _image_rows() -> int:
    return min(_ROWS, max(4, out.height - 6))


def exclusions_table(turn: "Turn", effects: Mapping[str, float] | None = None) -> Table:
    """The exclusions of a turn as a table; `effects` (term to share of the prediction) adds a column."""
    from ...verification.replies import describe_verdict

    has_verdicts = any(e.verdict is not None for e in turn.exclusions)
    columns = ["excluded", "weight", "by", "since turn", "words", *([] if effects is None else ["effect"])]
    columns += ["verdict"] if has_verdicts else []
    table = Table(*columns, box=None, header_style="dim", pad_edge=False)
    for e in turn.exclusions:
        effect = [] if effects is None else [f"{effects[e.term]:.1%}" if e.term in effects else "none"]
        verdict = [escape(describe_verdict(e))] if has_verdicts else []
        table.add_row(
            escape(e.term), f"{e.weight:g}", escape(e.source), str(e.since), escape(e.words), *effect, *verdict
        )
    return table

"""Draws the tree of a session's turns as SVG."""

from collections.abc import Sequence
from html import escape

from ...storage import TurnRecord

_STEP, _LANE, _RADIUS, _MARGIN = 56, 44, 15, 22
"""Pixels."""


def layout_tree(turns: Sequence[TurnRecord]) -> dict[int, tuple[int, int]]:
    """The depth and lane of each turn, by number. The first child of a turn continues its lane."""
    positions: dict[int, tuple[int, int]] = {}
    continued: set[int] = set()
    lanes = 1
    for turn in turns:
        if turn.parent is None:
            positions[turn.number] = (0, 0)
            continue
        depth, lane = positions[turn.parent]
        if turn.parent in continued:
            lane, lanes = lanes, lanes + 1
        continued.add(turn.parent)
        positions[turn.number] = (depth + 1, lane)
    return positions


def render_tree(turns: Sequence[TurnRecord], head: int) -> str:
    """The tree as SVG: a circle for each turn, with a link to `#turn-N`. The circle of the head is filled."""
    centres = {
        number: (_MARGIN + depth * _STEP, _MARGIN + lane * _LANE)
        for number, (depth, lane) in layout_tree(turns).items()
    }
    width = max(x for x, _ in centres.values()) + _MARGIN
    height = max(y for _, y in centres.values()) + _MARGIN
    parts = [f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="group">']
    for turn in turns:
        if turn.parent is not None:
            (x1, y1), (x2, y2) = centres[turn.parent], centres[turn.number]
            bend = x2 - _STEP / 2
            parts.append(f'<path d="M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}"/>')
    for turn in turns:
        x, y = centres[turn.number]
        kind = ' class="head"' if turn.number == head else ""
        parts.append(
            f'<a href="#turn-{turn.number}"{kind}><title>{escape(turn.feedback)}</title>'
            f'<circle cx="{x}" cy="{y}" r="{_RADIUS}"/><text x="{x}" y="{y}">{turn.number}</text></a>'
        )
    return "".join([*parts, "</svg>"])

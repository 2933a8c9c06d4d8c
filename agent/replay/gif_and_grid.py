"""Writes pictures to one file: the path to a turn as a GIF, all turns of a session or an audit as a grid."""

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ...errors import NotthatError
from ...storage import ImageStore, TurnRecord
from ..exclusion_audit import AuditResult
from ..image_difference import draw_difference

_FRAME_MS, _LAST_FRAME_MS = 900, 2500
_GAP, _CAPTION = 12, 34
_CAPTION_SIZE = 12
_LARGEST = 512
"""Longest side of a picture of an audit, in pixels."""
_PAPER, _INK = "#ffffff", "#333333"


def find_path(turns: Sequence[TurnRecord], number: int) -> list[TurnRecord]:
    """The path of turns from the first one to turn `number`."""
    by_number = {turn.number: turn for turn in turns}
    path = [by_number[number]]
    while path[-1].parent is not None:
        path.append(by_number[path[-1].parent])
    return path[::-1]


def save_gif(turns: Sequence[TurnRecord], head: int, images: ImageStore, path: Path) -> None:
    """Write an animated GIF with a frame for each turn on the path to the head, in the size of the first picture.

    Raises `NotthatError` if the file can't be written or a picture is missing.
    """
    frames = [images.open(turn.sha256).convert("RGB") for turn in find_path(turns, head)]
    frames = [frame if frame.size == frames[0].size else frame.resize(frames[0].size) for frame in frames]
    times = [_FRAME_MS] * (len(frames) - 1) + [_LAST_FRAME_MS]
    try:
        frames[0].save(path, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0)
    except OSError as error:
        raise NotthatError(f"{path} can't be written: {error.strerror or error}") from None


def save_grid(turns: Sequence[TurnRecord], images: ImageStore, path: Path) -> None:
    """Write a PNG with the pictures of all turns in order of creation, with their numbers, parents and feedback.

    Raises `NotthatError` if the file can't be written or a picture is missing.
    """
    cells = []
    for turn in turns:
        parent = "" if turn.parent is None else f" (from {turn.parent})"
        cells.append((images.open(turn.sha256).convert("RGB"), (f"turn {turn.number}{parent}", turn.feedback)))
    _save_cells(cells, path)


def save_audit_grid(number: int, results: Sequence[AuditResult], path: Path) -> None:
    """Write a PNG with turn `number` and, without each exclusion, its picture beside a map of what changes.

    A map is darker where more changes. Pictures are shrunk to at most 512 pixels. Raises `NotthatError` if the file
    can't be written.
    """
    cells = [(_shrink(results[0].before), (f"turn {number}", "with all exclusions"))]
    for result in results:
        change = draw_difference(result.before, result.image)
        exclusion, changed = result.exclusion, result.difference.changed
        caption = (f"without {exclusion.term} ({exclusion.source})", f"{changed:.1%} of the pixels change")
        cells.append((_place_beside(_shrink(result.image), _shrink(change)), caption))
    _save_cells(cells, path)


def _save_cells(cells: Sequence[tuple[Image.Image, tuple[str, str]]], path: Path) -> None:
    """Write a PNG of pictures, each with two lines of text below, in about as many rows as columns."""
    width, height = (max(picture.size[axis] for picture, _ in cells) for axis in (0, 1))
    columns = math.ceil(math.sqrt(len(cells)))
    cell = (width + _GAP, height + _GAP + _CAPTION)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP, math.ceil(len(cells) / columns) * cell[1] + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_CAPTION_SIZE)
    for place, (picture, caption) in enumerate(cells):
        x, y = _GAP + place % columns * cell[0], _GAP + place // columns * cell[1]
        sheet.paste(picture, (x, y))
        for line, text in enumerate(caption):
            draw.text((x, y + height + 2 + 15 * line), _fit_caption(text, width, font), _INK, font)
    try:
        sheet.save(path, "PNG")
    except OSError as error:
        raise NotthatError(f"{path} can't be written: {error.strerror or error}") from None


def _shrink(picture: Image.Image) -> Image.Image:
    picture = picture.copy()
    picture.thumbnail((_LARGEST, _LARGEST))
    return picture


def _place_beside(left: Image.Image, right: Image.Image) -> Image.Image:
    pair = Image.new("RGB", (left.width + _GAP // 2 + right.width, left.height), _PAPER)
    pair.paste(left, (0, 0))
    pair.paste(right, (left.width + _GAP // 2, 0))
    return pair


def _fit_caption(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Shorten the text with an ellipsis if it is wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."

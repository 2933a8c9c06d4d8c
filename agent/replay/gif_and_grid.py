"""Writes the pictures of a session to one file: the path to a turn as a GIF, or all turns as a grid."""

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ...errors import NotthatError
from ...storage import ImageStore, TurnRecord

_FRAME_MS, _LAST_FRAME_MS = 900, 2500
_GAP, _CAPTION = 12, 34
_CAPTION_SIZE = 12
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
    pictures = [images.open(turn.sha256).convert("RGB") for turn in turns]
    width, height = (max(picture.size[axis] for picture in pictures) for axis in (0, 1))
    columns = math.ceil(math.sqrt(len(pictures)))
    cell = (width + _GAP, height + _GAP + _CAPTION)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP, math.ceil(len(pictures) / columns) * cell[1] + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_CAPTION_SIZE)
    for place, (turn, picture) in enumerate(zip(turns, pictures, strict=True)):
        x, y = _GAP + place % columns * cell[0], _GAP + place // columns * cell[1]
        sheet.paste(picture, (x, y))
        parent = "" if turn.parent is None else f" (from {turn.parent})"
        for line, text in enumerate((f"turn {turn.number}{parent}", turn.feedback)):
            draw.text((x, y + height + 2 + 15 * line), _fit_caption(text, width, font), _INK, font)
    try:
        sheet.save(path, "PNG")
    except OSError as error:
        raise NotthatError(f"{path} can't be written: {error.strerror or error}") from None


def _fit_caption(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Shorten the text with an ellipsis if it is wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."

"""Pins: what a session keeps as it is ("keep the hat"), and what alone may change ("only change the hair").

Pins are not edits: they say where the following turns may change the picture. They are read from clear requests only,
and stay until they are released ("you can change the hat again"). "Only change the hair" together with other feedback
is about that turn alone.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image, ImageDraw
from pydantic import BaseModel, ConfigDict, Field

from .exclusions import Term
from .judges import JudgePanel
from .terms import normalize_term, to_one_line

_THING = r"(?:the|his|her|their|its|my|that|this) (?P<thing>[a-z][a-z' -]{1,40}?)"
_POLITE = r"(?:please |ok(?:ay)? |but |and |also |just )*"
_AS_IS = (
    r"(?: (?:exactly |just )?(?:as (?:it|he|she|they|that) (?:is|are)|as is|alone|unchanged|untouched|the same|intact"
    r"|like (?:that|this)))?"
)
_KEEP = (
    re.compile(rf"{_POLITE}(?:keep|leave|preserve) {_THING}{_AS_IS}"),
    re.compile(rf"{_POLITE}(?:don't|dont|do not|never) (?:touch|change|alter|modify) {_THING}"),
)
_LEAVE = re.compile(rf"{_POLITE}leave {_THING}")
_ONLY = (
    re.compile(rf"{_POLITE}(?:only|just) (?:change|touch|alter|modify|redo) {_THING}"),
    re.compile(rf"{_POLITE}(?:change|touch|alter|modify|redo) only {_THING}"),
    re.compile(rf"{_POLITE}change nothing (?:but|except) {_THING}"),
)
_RELEASE = (
    re.compile(rf"{_POLITE}(?:unpin|release|unlock) {_THING}"),
    re.compile(rf"{_POLITE}you (?:can|may) change {_THING}(?: again| now)?"),
)
_CLAUSE = re.compile(r"\s*(?:[,;.!]| but | and )\s*")
_VERBS = re.compile(r"\b(?:keep|leave|change|touch|is|are|look|looks|more|less|than|to|with|without|for|from)\b")
_MARGIN = 0.08
"""How far a region is enlarged on each side, as a share of the picture: judges' boxes are tight."""
_ALL = 0.9
"""A region larger than this share of the picture restricts nothing."""

Kind = Literal["keep", "only"]


class Pin(BaseModel):
    """A part of the picture that stays as it is, or that alone may change, with the words that asked for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    term: Term
    words: str
    since: int = Field(ge=0)
    """The number of the turn whose picture was shown."""


@dataclass(frozen=True)
class PinRequest:
    """What a line asks about pins: new ones, and terms whose pins are released."""

    pins: tuple[Pin, ...] = ()
    released: tuple[str, ...] = ()


def read_pins(words: str, since: int) -> PinRequest:
    """The pins that a line of feedback asks for, clause by clause; only clear requests count."""
    text = to_one_line(words).lower().replace("’", "'").replace("nothing but", "nothing except")
    pins, released = list[Pin](), list[str]()
    for clause in _CLAUSE.split(text):
        for kind, term in _read_clause(clause.strip(" ?\"'")):
            if kind == "release":
                released.append(term)
            else:
                pins.append(Pin(kind=kind, term=term, words=words, since=since))
    return PinRequest(tuple(pins), tuple(released))


def _read_clause(clause: str) -> Iterable[tuple[Literal["keep", "only", "release"], str]]:
    kinds: tuple[tuple[Literal["keep", "only", "release"], tuple[re.Pattern[str], ...]], ...] = (
        ("release", _RELEASE),
        ("only", _ONLY),
        ("keep", _KEEP),
    )
    for kind, patterns in kinds:
        for pattern in patterns:
            found = pattern.fullmatch(clause)
            if found and not _VERBS.search(found["thing"]) and len(found["thing"].split()) <= 2:
                is_bare_leave = kind == "keep" and _LEAVE.fullmatch(clause) and " as " not in clause
                if not is_bare_leave or clause.endswith(("alone", "unchanged", "untouched", "intact", "the same")):
                    yield kind, found["thing"].strip()
                return


@dataclass(frozen=True)
class PinChange:
    """The pins of a session after feedback, those of this turn alone, and a line for each change."""

    pins: tuple[Pin, ...]
    this_turn: tuple[Pin, ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def active(self) -> tuple[Pin, ...]:
        """The pins of the turn."""
        return (*self.pins, *self.this_turn)


def change_pins(before: Sequence[Pin], asked: PinRequest, *, excluded: Iterable[str], has_edits: bool) -> PinChange:
    """Apply a request to a session's pins; pure.

    A kept thing that is now excluded is released. "Only" together with edits is about this turn alone.
    """
    pins = {normalize_term(pin.term): pin for pin in before}
    lines, this_turn = list[str](), list[Pin]()
    for term in asked.released:
        if pins.pop(normalize_term(term), None):
            lines.append(f"The {term} may change again.")
    for pin in asked.pins:
        if pin.kind == "only" and has_edits:
            this_turn.append(pin)
            continue
        pins[normalize_term(pin.term)] = pin
        what = f"The {pin.term} stays" if pin.kind == "keep" else f"Only the {pin.term} changes"
        lines.append(f"{what}{' as it is' if pin.kind == 'keep' else ''} from now on.")
    for term in excluded:
        kept = pins.get(normalize_term(term))
        if kept is not None and kept.kind == "keep":
            del pins[normalize_term(term)]
            lines.append(f"The {kept.term} is no longer kept, since it is excluded.")
    return PinChange(tuple(pins.values()), tuple(this_turn), tuple(lines))


def find_pinned(picture: Image.Image, asked: PinRequest, judges: JudgePanel) -> tuple[PinRequest, tuple[str, ...]]:
    """The request without pins whose thing no judge finds in the picture, and a line for each of those."""
    if not asked.pins:
        return asked, ()
    found = judges.judge(picture.convert("RGB"), [pin.term for pin in asked.pins])
    pins = tuple(pin for pin in asked.pins if found.by_term[pin.term].region is not None)
    lines = tuple(
        f"I can't find the {pin.term} in the picture, so nothing is pinned." for pin in asked.pins if pin not in pins
    )
    return PinRequest(pins, asked.released), lines


def draw_mask(
    picture: Image.Image, pins: Sequence[Pin], judges: JudgePanel
) -> tuple[Image.Image | None, tuple[str, ...]]:
    """The mask of a turn, white where the picture may change, and a line for each pin that can't be honoured.

    None if the whole picture may change.
    """
    found = judges.judge(picture.convert("RGB"), [pin.term for pin in pins])
    lines, keeps, changes = list[str](), list[tuple[float, ...]](), list[tuple[float, ...]]()
    for pin in pins:
        region = found.by_term[pin.term].region
        if region is None:
            may = "it may change" if pin.kind == "keep" else "everything may change"
            lines.append(f"I can't find the {pin.term} in the picture, so {may}.")
            continue
        box = _enlarge((region.left, region.top, region.right, region.bottom))
        if (box[2] - box[0]) * (box[3] - box[1]) > _ALL:
            lines.append(f"The {pin.term} fills the picture, so nothing is restricted.")
            continue
        (keeps if pin.kind == "keep" else changes).append(box)
    if not keeps and not changes:
        return None, tuple(lines)
    mask = Image.new("L", picture.size, 0 if changes else 255)
    drawing = ImageDraw.Draw(mask)
    for boxes, color in ((changes, 255), (keeps, 0)):
        for left, top, right, bottom in boxes:
            corners = (left * mask.width, top * mask.height, right * mask.width - 1, bottom * mask.height - 1)
            drawing.rectangle(corners, fill=color)
    return mask, tuple(lines)


def _enlarge(box: tuple[float, ...]) -> tuple[float, ...]:
    left, top, right, bottom = box
    return max(0.0, left - _MARGIN), max(0.0, top - _MARGIN), min(1.0, right + _MARGIN), min(1.0, bottom + _MARGIN)


def load_pins(stored: Iterable[dict[str, Any]]) -> tuple[Pin, ...]:
    """Pins from a store's JSON."""
    return tuple(Pin.model_validate(each) for each in stored)


def dump_pins(pins: Iterable[Pin]) -> tuple[dict[str, Any], ...]:
    """Pins as JSON for a store."""
    return tuple(pin.model_dump(mode="json") for pin in pins)

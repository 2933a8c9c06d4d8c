"""What exclusions did to a picture: told where it was next to nothing, and by term where somebody asks."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import ImageChops

from ..generation import GenerationRequest, Picture
from ..storage import Attempt, StorageError, TurnRecord
from .exclusions import Exclusion, format_term

if TYPE_CHECKING:
    from PIL.Image import Image

    from .studio import Studio

_NOTHING = 0.01
"""A share of the first step's prediction that nobody will see."""
_VISIBLE, _PIXELS = 8, 0.001
"""Levels of 255 by which a pixel has to change to be seen, and the share of pixels that may without being noticed."""


def measure_effect(studio: "Studio", attempt: Attempt, picture: Picture) -> Attempt:
    """The attempt with what its exclusions did to the picture; its reply says so where that is next to nothing.

    A model that can't exclude anything has said so before, and measures nothing.
    """
    effect, turn = picture.negative_effect, attempt.turn
    if effect is None:
        return attempt
    new = [str(edit["term"]) for edit in turn.edits if edit["op"] == "exclude"]
    reply = turn.reply
    if new and (effect < _NOTHING or _is_like_parent(studio, attempt, picture.image)):
        listed = " and ".join(f"“{term}”" for term in new)
        reply = f"{reply} Excluding {listed} moved the picture by almost nothing."
    told = {**(turn.provenance or {}), "negative_effect": round(effect, 4)}
    return replace(attempt, turn=replace(turn, reply=reply, provenance=told))


def negative_effect(turn: TurnRecord) -> float | None:
    """How far a turn's negative prompt moved the first step that it acts in, as a share of it; None if not measured."""
    found: float | None = (turn.provenance or {}).get("negative_effect")
    return found


def effects_by_term(studio: "Studio", turn: TurnRecord) -> dict[str, float]:
    """How far each of a turn's terms moves the prediction at the step where it joins; nothing where none can act."""
    request = GenerationRequest.create(**turn.request)
    if not request.negative_prompt:
        return {}
    found = studio.engine(request.model).effects(request)
    terms = {format_term(e.term, e.weight): e.term for e in turn.exclusions}
    return {terms[text]: moved for text, moved in found.items() if text in terms}


def describe_effect(studio: "Studio", turn: TurnRecord, exclusion: Exclusion) -> str:
    """How far one of a turn's exclusions moves its picture, in a sentence."""
    moved = effects_by_term(studio, turn).get(exclusion.term)
    if moved is None:
        return f"{exclusion.term} can't act here."
    return f"{exclusion.term} moves the picture's first step by {moved:.1%}."


def _is_like_parent(studio: "Studio", attempt: Attempt, image: "Image") -> bool:
    """Whether nothing but exclusions changed, and nobody would see that."""
    if attempt.turn.parent is None:
        return False
    parent = studio.store.turn(attempt.session, attempt.turn.parent)
    if _request_without_exclusions(parent.request) != _request_without_exclusions(attempt.turn.request):
        return False
    try:
        before = studio.store.images.open(parent.sha256).convert("RGB")
    except StorageError:  # a picture that is gone can't be held against another
        return False
    red, green, blue = ImageChops.difference(before, image.convert("RGB")).split()
    levels = ImageChops.lighter(ImageChops.lighter(red, green), blue).histogram()
    return sum(levels[_VISIBLE + 1 :]) < _PIXELS * sum(levels)


def _request_without_exclusions(stored: Mapping[str, Any]) -> GenerationRequest:
    request = GenerationRequest.create(**stored)  # which knows earlier names of the same value
    return request.model_copy(update={"negative_prompt": "", "shown": (), "joining_step": 0})

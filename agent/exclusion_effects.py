"""Measures the effect of exclusions on a picture, in total and per term."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..generation import GenerationRequest, Picture
from ..storage import Attempt, StorageError, TurnRecord
from .exclusions import Exclusion, format_term
from .image_difference import compare_images

if TYPE_CHECKING:
    from PIL.Image import Image

    from .studio import Studio

NO_EFFECT = 0.01
"""Change of the first step's prediction, as a share of it, below which the effect is invisible."""


def measure_effect(studio: "Studio", attempt: Attempt, picture: Picture) -> Attempt:
    """Add the effect of the exclusions to the attempt's provenance; if it is invisible, also to the reply.

    Returns the attempt unchanged if the model cannot exclude anything: a warning has said so already.
    """
    effect, turn = picture.negative_effect, attempt.turn
    if effect is None:
        return attempt
    new = [str(edit["term"]) for edit in turn.edits if edit["op"] == "exclude"]
    reply = turn.reply
    if new and (effect < NO_EFFECT or _is_like_parent(studio, attempt, picture.image)):
        listed = " and ".join(f"“{term}”" for term in new)
        reply = f"{reply} Excluding {listed} moved the picture by almost nothing."
    provenance = {**(turn.provenance or {}), "negative_effect": round(effect, 4)}
    return replace(attempt, turn=replace(turn, reply=reply, provenance=provenance))


def negative_effect(turn: TurnRecord) -> float | None:
    """The change of the first step with a negative prompt, as a share of its prediction; None if not measured."""
    effect: float | None = (turn.provenance or {}).get("negative_effect")
    return effect


def effects_by_term(studio: "Studio", turn: TurnRecord) -> dict[str, float]:
    """The change of the prediction by each term, at the step where it joins; empty if no term can act."""
    request = GenerationRequest.create(**turn.request)
    if not request.negative_prompt:
        return {}
    effects = studio.engine(request.model).effects(request)
    terms = {format_term(e.term, e.weight): e.term for e in turn.exclusions}
    return {terms[text]: effect for text, effect in effects.items() if text in terms}


def describe_effect(studio: "Studio", turn: TurnRecord, exclusion: Exclusion) -> str:
    """The effect of one exclusion on the picture, in a sentence."""
    effect = effects_by_term(studio, turn).get(exclusion.term)
    if effect is None:
        return f"{exclusion.term} can't act here."
    return f"{exclusion.term} moves the picture's first step by {effect:.1%}."


def _is_like_parent(studio: "Studio", attempt: Attempt, image: "Image") -> bool:
    """Whether only exclusions differ from the parent turn, and the difference in the picture is invisible."""
    if attempt.turn.parent is None:
        return False
    parent = studio.store.turn(attempt.session, attempt.turn.parent)
    if _request_without_exclusions(parent.request) != _request_without_exclusions(attempt.turn.request):
        return False
    try:
        before = studio.store.images.open(parent.sha256)
    except StorageError:  # a missing picture cannot be compared
        return False
    return not compare_images(before, image).is_visible


def _request_without_exclusions(stored: Mapping[str, Any]) -> GenerationRequest:
    request = GenerationRequest.create(**stored)  # also accepts the old names of fields
    return request.model_copy(update={"negative_prompt": "", "shown": (), "joining_step": 0})

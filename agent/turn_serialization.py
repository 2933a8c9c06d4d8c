"""A turn as JSON, as the command line and the server give it."""

from dataclasses import asdict
from typing import Any

from ..storage import ExclusionRecord, QuestionRecord, TurnRecord
from .exclusion_effects import negative_effect
from .verification.record import Verification


def turn_json(turn: TurnRecord) -> dict[str, Any]:
    """The turn as the public JSON object; `image` is the path of its PNG, `seconds` has milliseconds."""
    return {
        "session": turn.session,
        "turn": turn.number,
        "parent": turn.parent,
        "feedback": turn.feedback,
        "edits": list(turn.edits),
        "reply": turn.reply,
        "prompt": turn.prompt,
        "negative": turn.negative,
        "exclusions": [exclusion_json(exclusion) for exclusion in turn.exclusions],
        "seed": turn.seed,
        "steps": turn.request["num_inference_steps"],
        "guidance": turn.request["guidance_scale"],
        "model": turn.request["model"],
        "image": str(turn.image),
        "sha256": turn.sha256,
        "seconds": round(turn.seconds, 3),
        "negative_effect": negative_effect(turn),
        "source": source_json(turn),
        "pins": list(turn.pins),
        "question": None if turn.question is None else question_json(turn.question),
        **_tries_json(turn),
    }


def source_json(turn: TurnRecord) -> dict[str, Any] | None:
    """The picture that a turn starts from, with the paths of its files; None if it starts from noise."""
    if turn.source_image is None:
        return None
    place, name = str(turn.image), turn.image.name
    separator, root = place[-len(name) - 1], place[: -len(name) - len("/ab/")]
    places = {sha256: separator.join((root, sha256[:2], f"{sha256}.png")) for sha256 in turn.source_images}
    return {
        "image": places[turn.source_image],
        "sha256": turn.source_image,
        "strength": turn.request.get("strength", 1.0),
        "mask": None if turn.mask_image is None else places[turn.mask_image],
    }


def exclusion_json(exclusion: ExclusionRecord) -> dict[str, Any]:
    """An exclusion as JSON; `verdict`, `judge` and `probability` are only there if the turn was verified."""
    value = asdict(exclusion)
    if exclusion.verdict is None:
        for name in ("verdict", "judge", "probability"):
            del value[name]
    return value


def _tries_json(turn: TurnRecord) -> dict[str, int]:
    """How many pictures were drawn for a turn; nothing if it was not verified."""
    verification = Verification.of_turn(turn)
    return {} if verification is None else {"tries": len(verification.tries)}


def question_json(question: QuestionRecord) -> dict[str, Any]:
    """An open question as JSON."""
    return {**asdict(question), "edits": list(question.edits), "otherwise": list(question.otherwise)}

"""A turn's PNG: its picture with the text of its own request, whatever its file says."""

import json
from collections.abc import Mapping

from ..generation import GenerationRequest
from ..generation.errors import InvalidRequestError
from ..generation.png_metadata import build_png_text
from ..storage import ImageStore, NewTurn, TurnRecord

VERDICTS = "notthat verdicts"
"""The key of the verdicts: a JSON object from each term to its verdict, judge and probability."""


def turn_png_text(turn: NewTurn | TurnRecord) -> Mapping[str, str]:
    """The text of a turn's PNG, which never changes.

    A request that only another version of notthat can read is in the key `notthat` alone. The verdicts of a verified
    turn are in the key `notthat verdicts`.
    """
    version = (turn.provenance or {}).get("notthat")  # that drew it; the first ones didn't keep it
    try:
        text = dict(build_png_text(GenerationRequest.create(**turn.request), version))
    except InvalidRequestError:
        text = {"notthat": json.dumps(turn.request, ensure_ascii=False)}
    verdicts = {
        each.term: {"verdict": each.verdict, "judge": each.judge, "probability": each.probability}
        for each in turn.exclusions
        if each.verdict is not None
    }
    return {**text, VERDICTS: json.dumps(verdicts, ensure_ascii=False)} if verdicts else text


def build_turn_png(turn: TurnRecord, images: ImageStore) -> bytes:
    """A turn's PNG for whoever asks for this turn.

    Raises `MissingPictureError` or `DamagedPictureError`, which name the file.
    """
    return images.png(turn.image, turn_png_text(turn))

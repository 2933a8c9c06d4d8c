"""Audits the exclusions of a turn: draws it again without each of them, from the same seed, and compares.

Nothing is stored. Two exclusions that mean the same may each change nothing, since the other one still acts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from PIL.Image import Image

from ..errors import InvalidInputError
from ..generation import GenerationRequest, generate
from ..storage import ExclusionRecord, TurnRecord
from ..storage.images import pixels_sha256
from .exclusions import NegativePrompt, parse_negative
from .image_difference import ImageDifference, compare_images
from .studio import OnStep, Studio
from .turn_serialization import exclusion_json

DEFAULT_LIMIT = 20
"""Exclusions that are audited unless a caller asks for more; each costs a picture."""


@dataclass(frozen=True)
class AuditResult:
    """A turn's picture without one of its exclusions, compared with the picture that has all of them."""

    exclusion: ExclusionRecord
    difference: ImageDifference
    before: Image = field(compare=False, repr=False)
    """The turn's picture, drawn again."""
    image: Image = field(compare=False, repr=False)
    """The picture without the exclusion."""

    @property
    def summary(self) -> str:
        """What the exclusion does, in a sentence."""
        term = f"“{self.exclusion.term}”"
        if self.difference.max_abs_diff == 0:
            return f"{term} changes nothing: the picture is the same without it."
        if not self.difference.is_visible:
            return f"{term} changes almost nothing: nobody would see the difference without it."
        return f"Without {term}, {self.difference.changed:.1%} of the pixels change visibly."

    def as_json(self) -> dict[str, Any]:
        """The output of `--json`: the exclusion, the difference (`psnr` is null if there is none), and a sentence."""
        difference = {
            "max_abs_diff": self.difference.max_abs_diff,
            "mean_abs_diff": round(self.difference.mean_abs_diff, 4),
            "psnr": round(self.difference.psnr, 2) if self.difference.max_abs_diff else None,
            "changed": round(self.difference.changed, 4),
        }
        return {
            **exclusion_json(self.exclusion),
            **difference,
            "has_effect": self.difference.is_visible,
            "summary": self.summary,
        }


class ExclusionAudit:
    """The audit of one turn. It draws only when results are asked for.

    At most `limit` exclusions are audited: the latest ones.
    """

    def __init__(self, studio: Studio, turn: TurnRecord, limit: int = DEFAULT_LIMIT) -> None:
        if limit < 1:
            raise InvalidInputError("--limit: at least 1")
        self.turn = turn
        self.exclusions = turn.exclusions[-limit:]
        """Those that are audited, in order."""
        self._request = GenerationRequest.create(**turn.request)
        self._negative = NegativePrompt.from_records(turn.exclusions)
        self._engine = studio.engine(self._request.model)
        self._before: Image | None = None

    @property
    def pictures(self) -> int:
        """How many pictures it draws: the turn's, and one without each exclusion."""
        return len(self.exclusions) + 1 if self.exclusions else 0

    def warnings(self) -> list[str]:
        """What the model can't honour of the turn, one line each: for example, that no exclusion can act."""
        return self._engine.warnings(self._request)

    def results(self, on_step: OnStep | None = None) -> Iterator[AuditResult]:
        """Draw and compare, one exclusion at a time."""
        for exclusion in self.exclusions:
            yield self.compare(exclusion, on_step)

    def compare(self, exclusion: ExclusionRecord, on_step: OnStep | None = None) -> AuditResult:
        """Draw the turn without one exclusion, and compare. The first call also draws the turn itself."""
        before = self._draw_turn(on_step)
        image = generate(self._engine, self._request_without(exclusion.term), on_step).image
        return AuditResult(exclusion, compare_images(before, image), before, image)

    @property
    def is_reproduced(self) -> bool:
        """Whether this machine draws the turn's picture with the pixels that are stored; draws it if need be."""
        return pixels_sha256(self._draw_turn()) == self.turn.sha256

    def _draw_turn(self, on_step: OnStep | None = None) -> Image:
        if self._before is None:
            self._before = generate(self._engine, self._request, on_step).image
        return self._before

    def _request_without(self, term: str) -> GenerationRequest:
        """The request of a turn that allows the term again; a policy's term also leaves the base prompt."""
        base = parse_negative(self._request.base_negative_prompt)
        changed = {"base_negative_prompt": base.remove(term).render()} if term in base else {}
        return self._request.next_request(
            self._engine.defaults, negative_prompt=self._negative.remove(term).render(), **changed
        )

"""Regenerates pictures from their stored requests, and compares them with the stored pictures.

If a picture differs, the result lists what changed in its provenance: weights, libraries, device or number format.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL.Image import Image

from ...generation import GenerationRequest, generate
from ...storage import TurnRecord
from ...storage.images import pixels_sha256
from ..image_difference import ImageDifference, compare_images
from ..studio import OnStep, Studio
from ..verification.record import Verification

_COMPARED = ("weights", "adapters", "scheduler", "scheduler_config", "quantize", "dtype", "device", "notthat")


@dataclass(frozen=True)
class Drift:
    """The difference of a regenerated picture over all channels, and the differences in provenance."""

    mean_abs_diff: float
    """In levels of 255."""
    psnr: float
    """The peak signal-to-noise ratio in decibels: 10 log10(255² / mean squared difference)."""
    differs: Mapping[str, tuple[Any, Any]]
    """Provenance values that changed, as (then, now)."""
    recorded: bool
    """Whether the turn has a provenance."""

    @property
    def summary(self) -> str:
        """The difference in one line."""
        difference = f"mean {self.mean_abs_diff:.2f}, PSNR {self.psnr:.1f} dB"
        if not self.recorded:
            return f"{difference}; what it was drawn with was not recorded"
        if not self.differs:
            return f"{difference}; model, libraries, device and number format are the same"
        changes = "; ".join(f"{name}: {then} then, {now} now" for name, (then, now) in self.differs.items())
        return f"{difference}; {changes}"


@dataclass(frozen=True)
class ReplayResult:
    """The result of regenerating a turn. `max_abs_diff` is in levels of 255, over all pixels."""

    turn: int
    identical: bool
    max_abs_diff: int
    drift: Drift | None = field(default=None, compare=False)
    """None if the pictures are identical."""

    def as_json(self) -> dict[str, Any]:
        """The output of `--json`."""
        result: dict[str, Any] = {
            "turn": self.turn,
            "identical": self.identical,
            "max_abs_diff": self.max_abs_diff,
        }
        if self.drift:
            result["drift"] = {
                "mean_abs_diff": round(self.drift.mean_abs_diff, 4),
                "psnr": round(self.drift.psnr, 2),
                "recorded": self.drift.recorded,
                "differs": {name: list(pair) for name, pair in self.drift.differs.items()},
            }
        return result


def replay_session(studio: Studio, session: str, on_step: OnStep | None = None) -> Iterator[ReplayResult]:
    """Regenerate the turns of a session in order of creation, one at a time."""
    for turn in studio.store.turns(session):
        yield replay_turn(studio, turn, on_step)


def replay_turn(studio: Studio, turn: TurnRecord, on_step: OnStep | None = None) -> ReplayResult:
    """Regenerate one turn."""
    request = GenerationRequest.create(**turn.request)
    image = generate(studio.engine(request.model), request, on_step).image
    difference = compare_images(studio.store.images.open(turn.sha256), image)
    greatest = difference.max_abs_diff
    drift = None if greatest == 0 else _describe_drift(difference, turn.provenance, studio.provenance(request))
    return ReplayResult(turn.number, greatest == 0, greatest, drift)


@dataclass(frozen=True)
class ReplayedTry:
    """The result of drawing a try of a verified turn again: whether the pixels have the recorded hash."""

    turn: int
    number: int
    """The index of the try."""
    how: str
    identical: bool

    def as_json(self) -> dict[str, Any]:
        """The output of `--json`."""
        return {"turn": self.turn, "try": self.number, "how": self.how, "identical": self.identical}


def replay_tries(studio: Studio, session: str, on_step: OnStep | None = None) -> Iterator[ReplayedTry]:
    """Regenerate every try of a session's verified turns, one at a time."""
    for turn in studio.store.turns(session):
        verification = Verification.of_turn(turn)
        for number, each in enumerate(verification.tries if verification else ()):
            request = GenerationRequest.create(**each.request)
            image = generate(studio.engine(request.model), request, on_step).image
            yield ReplayedTry(turn.number, number, each.how, pixels_sha256(image) == each.sha256)


def regenerate(studio: Studio, turn: TurnRecord) -> Image:
    """Draw a turn's picture from its stored request."""
    request = GenerationRequest.create(**turn.request)
    return generate(studio.engine(request.model), request).image


def _describe_drift(difference: ImageDifference, then: dict[str, Any] | None, now: dict[str, Any]) -> Drift:
    return Drift(
        mean_abs_diff=difference.mean_abs_diff,
        psnr=difference.psnr,
        differs={} if then is None else _find_differences(then, now),
        recorded=then is not None,
    )


def _find_differences(then: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    pairs = {name: (then.get(name), now.get(name)) for name in _COMPARED if name in then and name in now}
    before, after = then.get("libraries", {}), now.get("libraries", {})
    pairs |= {name: (before.get(name), after.get(name)) for name in sorted({*before, *after})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

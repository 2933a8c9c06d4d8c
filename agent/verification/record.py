"""What is kept of a turn's verification, as JSON in its provenance."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...storage import NewTurn
from ..judges import Finding, Verdict

KEY = "verification"
"""Its key in a turn's provenance."""

How = Literal["first", "weight", "method", "region", "seed"]
"""What a try changed: nothing, weights, the guidance method, only one region, or the seed.

Each keeps what the ones before changed, but for a region, which the next seed drops.
"""

Share = Annotated[float, Field(ge=0, le=1)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TermVerdict(_Record):
    """What the judges found of one term. `region` is (left, top, right, bottom), as shares of the picture."""

    verdict: Verdict
    judge: str | None = None
    probability: Share | None = None
    region: tuple[Share, Share, Share, Share] | None = None

    @classmethod
    def from_finding(cls, finding: Finding) -> "TermVerdict":
        """The record of a finding."""
        box, region = finding.region, None
        if box is not None:
            region = round(box.left, 3), round(box.top, 3), round(box.right, 3), round(box.bottom, 3)
        return cls(verdict=finding.verdict, judge=finding.judge, probability=finding.probability, region=region)


class Try(_Record):
    """A picture that was drawn for a turn: the request that draws it again, the hash of its pixels, and verdicts."""

    how: How
    request: dict[str, Any]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    seconds: float
    verdicts: dict[str, TermVerdict]

    def terms(self, verdict: Verdict) -> list[str]:
        """The terms with this verdict."""
        return [term for term, found in self.verdicts.items() if found.verdict == verdict]

    @property
    def rank(self) -> tuple[int, int]:
        """How good the picture is, the lower the better: terms that are there, then terms that nobody can tell.

        Probabilities don't count: a picture that shows a term a little less is not worth what else a try changes.
        """
        return len(self.terms("there")), len(self.terms("unknown"))


class Verification(_Record):
    """All tries of a turn; `chosen` is the index of the one whose picture is the turn's.

    `failures` has a line for each judge or try that failed.
    """

    tries: tuple[Try, ...] = Field(min_length=1)
    chosen: int = Field(ge=0)
    failures: tuple[str, ...] = ()

    @classmethod
    def of_turn(cls, turn: NewTurn) -> "Verification | None":
        """The verification of a turn; None if it was not verified, or only another version can read it."""
        value = (turn.provenance or {}).get(KEY)
        return cls.model_validate(value) if is_valid(value) else None


def is_valid(value: object) -> bool:
    """Whether JSON is a verification that this version can read."""
    try:
        verification = Verification.model_validate(value)
    except ValidationError:
        return False
    return verification.chosen < len(verification.tries)

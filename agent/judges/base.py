"""The interface of all judges: a picture and a term in, the probability that the picture shows it out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from ...errors import NotthatError

if TYPE_CHECKING:
    from PIL.Image import Image

Verdict = Literal["gone", "there", "unknown"]
"""Whether an excluded term is gone from a picture; `unknown` if no judge can tell."""


class JudgeError(NotthatError):
    """A judge can't be used or has failed. The message gives the reason as a phrase that ends a sentence."""


@dataclass(frozen=True)
class Box:
    """A part of a picture, as shares of its width and height from its upper left corner: 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Presence:
    """The probability that a picture shows a term, from 0 to 1, and where it shows it, if the judge finds places."""

    probability: float
    region: Box | None = None


@dataclass(frozen=True)
class Thresholds:
    """Probabilities up to which a term is gone, and from which it is there. Between them, the judge can't tell.

    Raises:
        ValueError: `gone` is not below `there`, or one of them is not between 0 and 1.
    """

    gone: float
    there: float

    def __post_init__(self) -> None:
        if not 0 <= self.gone < self.there <= 1:
            raise ValueError(f"thresholds {self.gone} and {self.there} are not in order between 0 and 1")

    def verdict(self, probability: float) -> Verdict:
        """The verdict at this probability."""
        if probability <= self.gone:
            return "gone"
        return "there" if probability >= self.there else "unknown"


class Judge(Protocol):
    """Looks at pictures for terms. It knows neither the prompt nor the exclusions."""

    @property
    def name(self) -> str:
        """The name in options and records."""
        ...

    @property
    def thresholds(self) -> Thresholds:
        """What its probabilities mean."""
        ...

    def is_present(self, picture: "Image", term: str) -> Presence | None:
        """Whether an RGB picture shows what a term names. None if the judge can't tell this term.

        Raises:
            JudgeError: it failed.
        """
        ...

    def unload(self) -> None:
        """Free its memory. The next call loads it again."""
        ...


@dataclass(frozen=True)
class Finding:
    """What the judges say about one term in one picture. `judge` is None if none of them can tell the term."""

    verdict: Verdict
    judge: str | None = None
    probability: float | None = None
    region: Box | None = None


UNKNOWN = Finding("unknown")

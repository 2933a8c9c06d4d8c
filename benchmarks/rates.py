"""Statistics of the exclusion benchmark: rates, confidence intervals and side effects."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from judge import ATTRIBUTES, Pixels, Verdicts
from numpy.typing import NDArray

_ALTERNATIVES = (("glasses", "sunglasses"), ("cartoon", "sketch", "painting"), ("dark", "overexposed"))
"""Groups of alternatives: if one is excluded, another may replace it. That is no side effect."""


@dataclass(frozen=True)
class Rate:
    """`hits` of `of` pictures."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """The Wilson interval (1927, "Probable inference, the law of succession, and statistical inference")."""
        share, z2 = self.value, z * z / self.of
        middle = (share + z2 / 2) / (1 + z2)
        half = z / (1 + z2) * sqrt(share * (1 - share) / self.of + z2 / (4 * self.of))
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = self.interval()
        return f"{100 * self.value:.0f} % ({100 * low:.0f}–{100 * high:.0f})"


@dataclass(frozen=True)
class SideEffects:
    """The side effects of excluding one attribute.

    - `left`: pictures that still have the attribute.
    - `flips`: for each other attribute that the judge recognises, without alternatives of the excluded one, the share
      of pictures in which it appeared or disappeared.
    - `where_it_was`: the mean of `flips` over the pictures that had the attribute.
    - `untouched`: pictures that are unchanged, except for rounding.
    - `pixels`: the mean difference, from 0 to 255.
    - `composition`: the correlation of the pictures in grayscale at 16 x 16 pixels.
    """

    left: Rate
    flips: dict[str, float]
    where_it_was: float
    untouched: Rate
    pixels: float
    composition: float

    @classmethod
    def between(
        cls,
        name: str,
        pictures: tuple[Pixels, Pixels],
        verdicts: tuple[Verdicts, Verdicts],
        judged: Collection[str] = ATTRIBUTES,
    ) -> "SideEffects":
        """Compare with the pictures of the same seeds without the exclusion."""
        changed, had = verdicts[0] != verdicts[1], verdicts[0][:, ATTRIBUTES.index(name)]
        own = next((group for group in _ALTERNATIVES if name in group), (name,))
        others = {other: k for k, other in enumerate(ATTRIBUTES) if other in judged and other not in own}
        difference = np.abs(pictures[0].astype(np.int16) - pictures[1])
        return cls(
            left=Rate(int(verdicts[1][:, ATTRIBUTES.index(name)].sum()), len(verdicts[1])),
            flips={other: float(changed[:, k].mean()) for other, k in others.items()},
            where_it_was=float(changed[had][:, list(others.values())].mean()) if had.any() else 0.0,
            untouched=Rate(int((difference.max((1, 2, 3)) <= 1).sum()), len(difference)),
            pixels=float(difference.mean()),
            composition=float(
                np.mean([np.corrcoef(*map(_thumbnail, pair))[0, 1] for pair in zip(*pictures, strict=True)])
            ),
        )

    @property
    def worst(self) -> str:
        """The attribute that changed most often, with its rate."""
        name = max(self.flips, key=self.flips.__getitem__)
        return f"{name} {100 * self.flips[name]:.0f} %"


def _thumbnail(picture: Pixels) -> NDArray[np.float64]:
    side = picture.shape[0] // 16
    return picture.mean(-1).reshape(16, side, 16, side).mean((1, 3)).ravel()


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table."""
    print("\n| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")

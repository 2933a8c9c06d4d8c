"""Exclusions, and the negative prompt that they form."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..generation.prompt_syntax import escape_prompt
from ..storage.records import ExclusionRecord
from .lookalikes import looks_like
from .negative_syntax import Deviations, read_terms
from .terms import normalize_term, stem_term, to_one_line

MIN_WEIGHT = 0.1
MAX_WEIGHT = 2.0
DEFAULT_WEIGHT = 1.0
MAX_TERM_CHARACTERS = 80
MAX_TERM_WORDS = 8


def _tidy_term(text: str) -> str:
    term = to_one_line(text.replace(",", " "))  # a comma would make it two terms in a prompt
    if not term:
        raise ValueError("a term can't be empty")
    if len(term) > MAX_TERM_CHARACTERS or len(term.split()) > MAX_TERM_WORDS:
        raise ValueError(f"a term is at most {MAX_TERM_WORDS} words and {MAX_TERM_CHARACTERS} characters")
    return term


def _round_weight(weight: float) -> float:
    return round(weight, 4)


Term = Annotated[str, AfterValidator(_tidy_term)]
"""A noun phrase the model was trained on, on one line, without commas."""

Weight = Annotated[float, Field(ge=MIN_WEIGHT, le=MAX_WEIGHT, allow_inf_nan=False), AfterValidator(_round_weight)]
"""How much a term counts; 1.0 is the plain word."""


def clamp_weight(weight: float) -> float:
    """The nearest allowed weight, rounded to two decimals."""
    return round(min(MAX_WEIGHT, max(MIN_WEIGHT, weight)), 2)


class Exclusion(BaseModel):
    """One thing to leave out, and why: the turn that brought it and the user's own words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    term: Term
    weight: Weight = DEFAULT_WEIGHT
    source: str = "user"
    """`user`, or `policy:NAME`."""
    since: int
    """Number of the turn that brought it."""
    words: str
    """What the user said then; empty for a policy's."""

    @property
    def is_locked(self) -> bool:
        """Whether the user can't take it out: everything that isn't the user's own."""
        return self.source != "user"


@dataclass(frozen=True)
class NegativePrompt:
    """Exclusions in order of first mention; immutable. Each term occurs once, whatever its spelling.

    Raises `ValueError` if two exclusions have the same term.
    """

    exclusions: tuple[Exclusion, ...] = ()

    def __post_init__(self) -> None:
        if len(self._by_term) < len(self.exclusions):
            raise ValueError("a term stands in the negative prompt twice")

    @cached_property
    def _by_term(self) -> dict[str, Exclusion]:
        return {normalize_term(exclusion.term): exclusion for exclusion in self.exclusions}

    @cached_property
    def _by_stem(self) -> dict[str, Exclusion]:
        """The first exclusion with each stem."""
        return {stem_term(exclusion.term): exclusion for exclusion in reversed(self.exclusions)}

    @classmethod
    def from_records(cls, records: Iterable[ExclusionRecord]) -> Self:
        """The exclusions of a stored turn."""
        fields = Exclusion.model_fields
        return cls(tuple(Exclusion.model_validate({name: getattr(e, name) for name in fields}) for e in records))

    def as_records(self) -> tuple[ExclusionRecord, ...]:
        """The exclusions as storage records."""
        return tuple(ExclusionRecord(**exclusion.model_dump()) for exclusion in self)

    def __iter__(self) -> Iterator[Exclusion]:
        return iter(self.exclusions)

    def __len__(self) -> int:
        return len(self.exclusions)

    def __contains__(self, term: object) -> bool:
        return isinstance(term, str) and self.find(term) is not None

    @property
    def terms(self) -> tuple[str, ...]:
        """The terms as written, in order."""
        return tuple(exclusion.term for exclusion in self)

    @property
    def latest(self) -> Exclusion | None:
        """The user's most recent exclusion, to which "bring it back" refers."""
        own = [exclusion for exclusion in self if not exclusion.is_locked]
        return max(reversed(own), key=lambda exclusion: exclusion.since, default=None)

    def find(self, term: str) -> Exclusion | None:
        """The exclusion of this term in any spelling, or None.

        A locked exclusion also matches look-alike letters, so that they cannot bypass a policy.
        """
        same = self._by_term.get(normalize_term(term))
        if same or term.isascii():
            return same
        return next((e for e in self if e.is_locked and looks_like(term, e.term)), None)

    def find_stem(self, term: str) -> Exclusion | None:
        """The first exclusion with the same stem: "noise" for "noisy"."""
        return self._by_stem.get(stem_term(term))

    def add(self, exclusion: Exclusion) -> "NegativePrompt":
        """A copy with the exclusion at the end, or in place of the one with the same term."""
        same = self.find(exclusion.term)
        if same is None:
            return replace(self, exclusions=(*self.exclusions, exclusion))
        return replace(self, exclusions=tuple(exclusion if e is same else e for e in self))

    def merge(self, exclusions: Iterable[Exclusion]) -> "NegativePrompt":
        """Like `add` for each exclusion, matched by term only; linear."""
        merged = self._by_term | {normalize_term(exclusion.term): exclusion for exclusion in exclusions}
        return replace(self, exclusions=tuple(merged.values()))

    def remove(self, term: str) -> "NegativePrompt":
        """A copy without the term, locked or not."""
        removed = self.find(term)
        return replace(self, exclusions=tuple(e for e in self if e is not removed))

    def only_locked(self) -> "NegativePrompt":
        """A copy without the user's own exclusions."""
        return replace(self, exclusions=tuple(e for e in self if e.is_locked))

    def render(self) -> str:
        """The negative prompt for the model: `watermark, (blurry:1.3)`. Brackets in a term are escaped."""
        return ", ".join(format_term(e.term, e.weight) for e in self)


def format_term(term: str, weight: float) -> str:
    """An exclusion in prompt syntax."""
    term = escape_prompt(term)
    return term if weight == DEFAULT_WEIGHT else f"({term}:{weight:g})"


def parse_negative(text: str, *, since: int = 0, words: str = "") -> NegativePrompt:
    """Read a negative prompt as people write it: `a, (b:1.3), (c), [d]`.

    The inverse of `NegativePrompt.render` for terms and weights. Any text parses; `read_negative` also returns the
    deviations from what is written.
    """
    return read_negative(text, since=since, words=words)[0]


def read_negative(text: str, *, since: int = 0, words: str = "") -> tuple[NegativePrompt, list[str]]:
    """Like `parse_negative`, with a sentence for each kind of deviation from what is written.

    Weights out of range are clamped, terms without a positive weight are left out, and long terms are cut. A
    repeated term gets its highest weight.
    """
    exclusions: dict[str, Exclusion] = {}
    deviations = Deviations()
    for item in read_terms(text, deviations):
        if item.weight <= 0:
            deviations.add(_WEIGHTLESS, item.term)
            continue
        term = " ".join(item.term.split()[:MAX_TERM_WORDS])[:MAX_TERM_CHARACTERS].strip()
        if term != item.term:
            deviations.add(_CUT, term)
        weight = min(MAX_WEIGHT, max(MIN_WEIGHT, item.weight))
        if weight != item.weight:
            deviations.add(_CLAMPED, f"{term} {item.weight:g}")
        new = Exclusion(term=term, weight=weight, since=since, words=words)
        first = exclusions.setdefault(normalize_term(term), new)
        if first.weight < weight:
            exclusions[normalize_term(term)] = first.model_copy(update={"weight": weight})
    return NegativePrompt(tuple(exclusions.values())), deviations.sentences()


_WEIGHTLESS = "Not excluded, since the weight is zero or less: {}."
_CUT = f"Terms have at most {MAX_TERM_WORDS} words and {MAX_TERM_CHARACTERS} characters; shortened: {{}}."
_CLAMPED = f"Weights are between {MIN_WEIGHT:g} and {MAX_WEIGHT:g}; the nearest one is used for {{}}."

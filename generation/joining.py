"""How late a negative prompt may join without losing its effect: by kinds of terms, as a model's folder says."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from .prompt_syntax import parse, terms


class Joining(BaseModel):
    """A kind of terms that may all join after a share of the steps: an overlay later, say, than a hat."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    share: float = Field(ge=0, lt=1)
    terms: frozenset[str]


def joining_share(negative: str, base: str, kinds: Sequence[Joining], otherwise: float) -> float:
    """The share of the steps after which a negative prompt joins: that of the term which has to join first.

    Terms of the base are there from the beginning. A term of no kind joins after `otherwise`.
    """
    begun = set(map(_words, terms(base)))
    new = [term for term in map(_words, terms(negative)) if term not in begun]
    shares = [next((kind.share for kind in kinds if term in kind.terms), otherwise) for term in new]
    return min(shares, default=otherwise)


def _words(term: str) -> str:
    """A term without its weight."""
    return "".join(fragment.text or " " for fragment in parse(term)).strip().lower()

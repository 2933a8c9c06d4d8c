"""Delayed negative prompts: how late each kind of term may join without losing its effect."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from .prompt_syntax import parse_prompt, split_terms


class DelayedNegative(BaseModel):
    """A kind of terms, and the share of the steps after which they may join; an overlay may join later than a hat."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    share: float = Field(ge=0, lt=1)
    terms: frozenset[str]


def negative_start_share(negative: str, base: str, kinds: Sequence[DelayedNegative], otherwise: float) -> float:
    """The share of the steps after which a negative prompt joins: the smallest share of its terms.

    Terms of `base` act from the first step and do not count. A term of no kind joins after `otherwise`.
    """
    begun = set(map(_term_words, split_terms(base)))
    new = [term for term in map(_term_words, split_terms(negative)) if term not in begun]
    shares = [next((kind.share for kind in kinds if term in kind.terms), otherwise) for term in new]
    return min(shares, default=otherwise)


def _term_words(term: str) -> str:
    """A term without its weight, in lower case."""
    return "".join(fragment.text or " " for fragment in parse_prompt(term)).strip().lower()

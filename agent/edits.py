"""The edits: one vocabulary for what a turn changes, and the pure function that carries it out.

The same models are the schema of a language model's structured output, the stored JSON and the
public API.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from .exclusions import DEFAULT_WEIGHT, Exclusion, NegativePrompt, Term, Weight
from .terms import to_one_line

MAX_PROMPT_CHARACTERS = 2000
MAX_UNDONE_TURNS = 10_000


def _tidy_prompt(text: str) -> str:
    prompt = to_one_line(text)
    if not prompt:
        raise ValueError("a prompt can't be empty")
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise ValueError(f"a prompt is at most {MAX_PROMPT_CHARACTERS} characters")
    return prompt


class _Edit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Exclude(_Edit):
    """Leave this out from now on."""

    op: Literal["exclude"] = "exclude"
    term: Term
    weight: Weight = DEFAULT_WEIGHT


class Allow(_Edit):
    """Take this out of the exclusions again."""

    op: Literal["allow"] = "allow"
    term: Term


class Reweight(_Edit):
    """Exclude this harder, or less hard."""

    op: Literal["reweight"] = "reweight"
    term: Term
    weight: Weight


class SetPrompt(_Edit):
    """What is wanted, the whole of it."""

    op: Literal["prompt"] = "prompt"
    text: Annotated[str, AfterValidator(_tidy_prompt)]


class Undo(_Edit):
    """Go back this many turns."""

    op: Literal["undo"] = "undo"
    turns: Annotated[int, Field(ge=1, le=MAX_UNDONE_TURNS)] = 1


class Reset(_Edit):
    """Drop every exclusion of the user's, and none of a policy's."""

    op: Literal["reset"] = "reset"


class Reroll(_Edit):
    """The same again from another seed."""

    op: Literal["reroll"] = "reroll"


Edit = Annotated[
    Exclude | Allow | Reweight | SetPrompt | Undo | Reset | Reroll,
    Field(discriminator="op"),
]
"""Any one edit; `op` says which."""

edits_adapter: TypeAdapter[tuple[Edit, ...]] = TypeAdapter(tuple[Edit, ...])
"""Validates and serialises a list of edits: `edits_adapter.validate_json('[{"op": "reset"}]')`."""


@dataclass(frozen=True)
class State:
    """What decides the next picture, as far as a conversation changes it."""

    prompt: str
    negative: NegativePrompt
    seed: int
    policy: NegativePrompt = field(default_factory=NegativePrompt)
    """What the session's policies ask for, at the weights that they ask for."""
    recent: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """What was said and answered in the last turns, oldest first."""


def apply(state: State, edits: Iterable[Edit], *, turn: int, words: str) -> State:
    """The state after these edits, in their order; pure.

    `turn` is the number of the turn that the edits make and `words` what the user said: a new
    exclusion keeps both. A locked exclusion is never lost and never weakened. `Undo` changes nothing
    here: it moves the conversation's head, which a state knows nothing of.
    """
    for edit in edits:
        state = _apply_edit(state, edit, turn=turn, words=words)
    return state


def next_seed(seed: int, turn: int) -> int:
    """The seed that rerolling in this turn gives: 32 bits, the same for the same two numbers.

    Turn numbers are never used twice, so rerolling after an undo gives yet another picture.
    """
    return int.from_bytes(blake2b(f"{seed}:{turn}".encode(), digest_size=4).digest(), "big")


def _apply_edit(state: State, edit: Edit, *, turn: int, words: str) -> State:
    match edit:
        case Exclude():
            return replace(state, negative=_exclude(state.negative, edit, turn, words))
        case Reweight():
            return replace(state, negative=_reweight(state, edit, turn, words))
        case Allow():
            return replace(state, negative=_allow(state.negative, edit.term))
        case SetPrompt():
            return replace(state, prompt=edit.text)
        case Reset():
            kept = (state.policy.find(known.term) or known for known in state.negative.only_locked())
            return replace(state, negative=NegativePrompt(tuple(kept)))
        case Reroll():
            return replace(state, seed=next_seed(state.seed, turn))
        case Undo():
            return state


def _exclude(negative: NegativePrompt, edit: Exclude | Reweight, turn: int, words: str) -> NegativePrompt:
    known = negative.find(edit.term)
    if known is None:
        return negative.add(Exclusion(term=edit.term, weight=edit.weight, since=turn, words=words))
    return negative.add(known.model_copy(update={"weight": max(known.weight, edit.weight)}))


def _reweight(state: State, edit: Reweight, turn: int, words: str) -> NegativePrompt:
    known = state.negative.find(edit.term)
    if known is None:
        return _exclude(state.negative, edit, turn, words)
    weight = max(edit.weight, minimum_weight(known, state)) if known.is_locked else edit.weight
    return state.negative.add(known.model_copy(update={"weight": weight}))


def minimum_weight(known: Exclusion, state: State) -> float:
    """The least weight that a locked exclusion may have: what its policy asks for."""
    return (state.policy.find(known.term) or known).weight


def _allow(negative: NegativePrompt, term: str) -> NegativePrompt:
    known = negative.find(term)
    return negative if known is None or known.is_locked else negative.remove(term)

"""The edits of a turn, the state that they change, and the pure function that applies them.

The models are also the schema of language models' structured output, of the stored JSON and of the public API.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import groupby
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from .exclusions import DEFAULT_WEIGHT, Exclusion, NegativePrompt, Term, Weight
from .terms import normalize_term, to_one_line

MAX_PROMPT_CHARACTERS = 2000
MAX_UNDONE_TURNS = 10_000
MAX_CHOICE = 1000


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
"""Any edit; `op` is its kind."""


class Confirm(_Edit):
    """The answer to the open question of a session: yes or no.

    If the question asks for a choice, `choice` is the index of the chosen one in its `edits`.
    """

    op: Literal["confirm"] = "confirm"
    yes: bool
    choice: Annotated[int, Field(ge=0, le=MAX_CHOICE)] | None = None


UserEdit = Annotated[
    Exclude | Allow | Reweight | SetPrompt | Undo | Reset | Reroll | Confirm,
    Field(discriminator="op"),
]
"""Any edit, or the answer to a question. Only users answer: interpreters return `Edit`, and turns store `Edit`."""

edits_adapter: TypeAdapter[tuple[Edit, ...]] = TypeAdapter(tuple[Edit, ...])
"""Validates and serialises a list of edits: `edits_adapter.validate_json('[{"op": "reset"}]')`."""


@dataclass(frozen=True)
class State:
    """The part of the next request that a conversation changes."""

    prompt: str
    negative: NegativePrompt
    seed: int
    policy: NegativePrompt = field(default_factory=NegativePrompt)
    """The exclusions of the session's policies, with the policies' weights."""
    recent: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """Feedback and reply of the last turns, oldest first."""


def apply(state: State, edits: Iterable[Edit], *, turn: int, words: str) -> State:
    """Apply the edits in order and return the new state; pure.

    `turn` is the number of the new turn and `words` is the user's feedback; a new exclusion stores both. A locked
    exclusion is never removed or weakened. `Undo` has no effect here: it moves the conversation's head, which is not
    part of the state.
    """
    for is_exclusion, group in groupby(edits, lambda edit: isinstance(edit, Exclude)):
        if is_exclusion:  # together, since there may be thousands
            excluded = [edit for edit in group if isinstance(edit, Exclude)]
            state = replace(state, negative=_exclude_all(state.negative, excluded, turn, words))
            continue
        for edit in group:
            state = _apply_edit(state, edit, turn=turn, words=words)
    return state


def next_seed(seed: int, turn: int) -> int:
    """The seed after a reroll in this turn: 32 bits, a deterministic function of both numbers.

    Turn numbers are unique, so a reroll after an undo gives another picture.
    """
    return int.from_bytes(blake2b(f"{seed}:{turn}".encode(), digest_size=4).digest(), "big")


def _apply_edit(state: State, edit: Edit, *, turn: int, words: str) -> State:
    match edit:
        case Exclude():
            return replace(state, negative=_exclude_all(state.negative, [edit], turn, words))
        case Reweight():
            return replace(state, negative=_reweight(state, edit, turn, words))
        case Allow():
            return replace(state, negative=_allow(state.negative, edit.term))
        case SetPrompt():
            return replace(state, prompt=edit.text)
        case Reset():
            locked = (state.policy.find(old.term) or old for old in state.negative.only_locked())
            return replace(state, negative=NegativePrompt(tuple(locked)))
        case Reroll():
            return replace(state, seed=next_seed(state.seed, turn))
        case Undo():
            return state


def _exclude_all(
    negative: NegativePrompt, edits: Iterable[Exclude | Reweight], turn: int, words: str
) -> NegativePrompt:
    changed: dict[str, Exclusion] = {}
    for edit in edits:
        known = negative.find(edit.term)
        key = normalize_term(known.term if known else edit.term)
        if exclusion := changed.get(key, known):
            changed[key] = exclusion.model_copy(update={"weight": max(exclusion.weight, edit.weight)})
        else:
            changed[key] = Exclusion(term=edit.term, weight=edit.weight, since=turn, words=words)
    return negative.merge(changed.values())


def _reweight(state: State, edit: Reweight, turn: int, words: str) -> NegativePrompt:
    exclusion = state.negative.find(edit.term)
    if exclusion is None:
        return _exclude_all(state.negative, [edit], turn, words)
    weight = max(edit.weight, minimum_weight(exclusion, state)) if exclusion.is_locked else edit.weight
    return state.negative.add(exclusion.model_copy(update={"weight": weight}))


def minimum_weight(exclusion: Exclusion, state: State) -> float:
    """The minimum weight of a locked exclusion: the weight in its policy."""
    return (state.policy.find(exclusion.term) or exclusion).weight


def _allow(negative: NegativePrompt, term: str) -> NegativePrompt:
    exclusion = negative.find(term)
    return negative if exclusion is None or exclusion.is_locked else negative.remove(term)

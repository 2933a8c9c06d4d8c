"""Decides which proposed edits are made, which are asked about, and which are dropped."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ...edits import Allow, Edit, Exclude, Reroll, Reset, Reweight, SetPrompt, State, Undo
from ...replies import ask, describe, describe_unclear
from ...terms import normalize_term, stem_term
from ..base import Interpretation, Question
from ..guards import acceptable_edits
from ..language import prompt_rewriting
from .features import MAX_PROPOSALS, encode_features, encode_proposals, load_word_pieces
from .network import Network
from .plain_requests import plain_things
from .proposals import is_same, propose_edits

WEIGHTS = Path(__file__).with_name("weights.safetensors")


@dataclass(frozen=True)
class Bounds:
    """Probabilities from which on an edit is made, and from which on it is asked about."""

    sure: float
    doubtful: float


PROPOSED = Bounds(sure=0.6, doubtful=0.35)
"""For edits that the grammar or a language model proposed."""
PROPOSED_COMMAND = Bounds(sure=0.3, doubtful=0.2)
"""For undo, reset and reroll that were proposed: few words mean them, and those hardly anything else."""
FOUND = Bounds(sure=0.85, doubtful=0.6)
"""For edits that the encoder proposed itself: nothing else speaks for them."""
CONTRADICTED = Bounds(sure=math.inf, doubtful=0.6)
"""For edits that the encoder proposed itself where the opposite was proposed."""
FOUND_COMMAND = Bounds(sure=math.inf, doubtful=0.9)
"""For undo, reset and reroll that the encoder proposed itself: they concern more than one thing, so it always asks."""
PLAIN = Bounds(sure=0, doubtful=0)
"""For what a plain request names: "no hat" is never asked about."""
_IT = re.compile(r"\b(?:it|that|this|that one|the one)\b", re.I)
_CHANGE = 0.5
"""Probability from which on a line asks for a change."""


@dataclass(frozen=True)
class Judgment:
    """A proposed edit and the probability that it was meant."""

    edit: Edit
    probability: float
    bounds: Bounds

    @property
    def is_sure(self) -> bool:
        """Whether the edit is made."""
        return self.probability >= self.bounds.sure

    @property
    def is_likely(self) -> bool:
        """Whether the edit is made or asked about."""
        return self.probability >= self.bounds.doubtful


@dataclass(frozen=True)
class Reading:
    """What the encoder makes of a line."""

    judgments: tuple[Judgment, ...]
    """Of all proposals, also of those that the encoder added."""
    change: float
    """The probability that the line asks for any change."""


class Verifier:
    """Judges edits with an encoder that was trained on labelled feedback."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._pieces = load_word_pieces()

    def review(self, feedback: str, state: State, edits: Sequence[Edit]) -> Interpretation:
        """The edits that the feedback asks for: of those proposed, and of others that the encoder finds.

        If it is in doubt whether one of them was meant, the interpretation is a question.
        """
        reading = self.read(feedback, state, edits)
        judgments = _with_contradicted_in_doubt(reading.judgments, state)
        judgments = _without_conflicts((each for each in judgments if each.is_likely), state)
        if any(each.is_sure for each in judgments):  # what else was found is more likely a part or a reason of that
            judgments = [each for each in judgments if each.is_sure or each.bounds not in (FOUND, CONTRADICTED)]
        judgments = _without_guesses(judgments, feedback)
        meant = tuple(each.edit for each in judgments)
        doubtful = tuple(each.edit for each in judgments if not each.is_sure)
        if doubtful or _is_unclear_reference(feedback, meant):
            question = _question(meant, doubtful or meant, state)
            return Interpretation(question=question, reply=question.text, understood=True)
        if not meant and reading.change >= _CHANGE:
            return Interpretation(reply=describe_unclear([feedback]), understood=False)
        meant = _with_tidy_prompt(meant, state)
        return Interpretation(edits=meant, reply=describe(meant, state))

    def read(self, feedback: str, state: State, proposals: Sequence[Edit]) -> Reading:
        """The probability that each proposed edit was meant, and those of edits that nobody proposed."""
        features = encode_features(feedback, state, self._pieces)
        context = self._network.read(features)
        readings = self._network.readings(features, context)
        found = list(acceptable_edits(tuple(propose_edits(feedback, state, features, readings)), state, feedback))
        found = [edit for edit in found if not _only_removes(edit, state)]
        proposals = [edit for edit in proposals if not _only_removes(edit, state)]
        found = [edit for edit in found if not any(is_same(edit, other) for other in proposals)]
        plain = plain_things(feedback)
        found = [edit for edit in found if not (isinstance(edit, SetPrompt) and plain & _added_words(edit, state))]
        bounds = [_bounds_of(edit, plain) for edit in proposals]
        bounds += [FOUND_COMMAND if isinstance(edit, Undo | Reset | Reroll) else FOUND for edit in found]
        proposals += found
        probabilities: list[float] = []
        for start in range(0, len(proposals), MAX_PROPOSALS):
            some = encode_proposals(proposals[start : start + MAX_PROPOSALS], state, self._pieces)
            probabilities += self._network.judge(some, context).tolist()
        return Reading(tuple(map(Judgment, proposals, probabilities, bounds)), float(readings.intents[0]))


@cache
def load_verifier(path: Path = WEIGHTS) -> Verifier:
    """The shipped verifier, loaded once."""
    return Verifier(Network.load(path))


def _bounds_of(edit: Edit, plain: frozenset[str]) -> Bounds:
    if isinstance(edit, Undo | Reset | Reroll):
        return PROPOSED_COMMAND
    return PLAIN if isinstance(edit, Exclude) and stem_term(edit.term) in plain else PROPOSED


def _with_contradicted_in_doubt(judgments: Sequence[Judgment], state: State) -> list[Judgment]:
    """With edits of the encoder's own that it must ask about, as the opposite was proposed: "why no elephants"."""
    proposed = [each.edit for each in judgments if each.bounds not in (FOUND, FOUND_COMMAND)]
    return [
        replace(each, bounds=CONTRADICTED)
        if each.bounds == FOUND and any(_is_opposite(each.edit, other, state) for other in proposed)
        else each
        for each in judgments
    ]


def _is_opposite(one: Edit, other: Edit, state: State) -> bool:
    """Whether one edit leaves out what the other adds to the prompt."""
    if isinstance(one, SetPrompt):
        one, other = other, one
    return isinstance(one, Exclude) and isinstance(other, SetPrompt) and _words(one.term) <= _added_words(other, state)


def _without_conflicts(judgments: Iterable[Judgment], state: State) -> list[Judgment]:
    """Without edits that say the opposite of a likelier one, or the same about a part of its words."""
    judgments = list(judgments)
    kept: list[Judgment] = []
    for judgment in sorted(judgments, key=lambda each: (each.bounds == FOUND or not each.is_sure, -each.probability)):
        if not any(_conflict(judgment.edit, other.edit, state) for other in kept):
            kept.append(judgment)
    return [each for each in judgments if each in kept]


def _without_guesses(judgments: list[Judgment], feedback: str) -> list[Judgment]:
    """Without changes of several exclusions that the feedback does not name, if it also asks for something else."""
    said = _words(feedback)
    guesses = [
        each
        for each in judgments
        if each.bounds == FOUND and isinstance(each.edit, Allow | Reweight) and said.isdisjoint(_words(each.edit.term))
    ]
    return judgments if len(guesses) in (0, 1, len(judgments)) else [each for each in judgments if each not in guesses]


def _conflict(one: Edit, other: Edit, state: State) -> bool:
    if isinstance(one, SetPrompt):
        return isinstance(other, SetPrompt) or (isinstance(other, Exclude) and _conflict(other, one, state))
    if isinstance(one, Exclude) and isinstance(other, Exclude):
        return not _words(one.term).isdisjoint(_words(other.term))
    if isinstance(one, Exclude) and isinstance(other, SetPrompt):
        return _words(one.term) <= _added_words(other, state)
    if isinstance(one, Exclude | Allow | Reweight) and isinstance(other, Exclude | Allow | Reweight):
        return normalize_term(one.term) == normalize_term(other.term)
    return False


def _added_words(edit: SetPrompt, state: State) -> set[str]:
    return _words(edit.text) - _words(state.prompt)


def _only_removes(edit: Edit, state: State) -> bool:
    """Whether a prompt is the present one without some of its words."""
    return isinstance(edit, SetPrompt) and _words(edit.text) < _words(state.prompt)


def _with_tidy_prompt(edits: tuple[Edit, ...], state: State) -> tuple[Edit, ...]:
    """With a prompt that doesn't name what is excluded, unless the edits have a prompt."""
    if any(isinstance(edit, SetPrompt) for edit in edits):
        return edits
    prompt = state.prompt
    for edit in edits:
        if isinstance(edit, Exclude):
            prompt = prompt_rewriting.remove_term(prompt, edit.term)
    return edits if prompt == state.prompt or not prompt.strip() else (*edits, SetPrompt(text=prompt))


def _words(term: str) -> set[str]:
    return {stem_term(word.strip(".,;:!?")) for word in term.split()}


def _is_unclear_reference(feedback: str, edits: tuple[Edit, ...]) -> bool:
    """Whether "it" may be any of several exclusions, as in "bring it back" when two things are excluded."""
    if len(edits) < 2 or not _is_choice(edits) or not _IT.search(feedback):
        return False
    said = _words(feedback)
    return not any(isinstance(edit, Allow | Reweight) and said & _words(edit.term) for edit in edits)


def _question(meant: tuple[Edit, ...], doubtful: tuple[Edit, ...], state: State) -> Question:
    if len(doubtful) > 1 and meant == doubtful and _is_choice(doubtful):
        return Question(text=ask(doubtful, state, choose=True), edits=doubtful, choose=True)
    otherwise = tuple(edit for edit in meant if edit not in doubtful)
    return Question(
        text=ask(doubtful, state),
        edits=_with_tidy_prompt(meant, state),
        otherwise=_with_tidy_prompt(otherwise, state),
    )


def _is_choice(edits: tuple[Edit, ...]) -> bool:
    """Whether one of several exclusions was meant, and it is not clear which."""
    return all(isinstance(edit, Allow | Reweight) for edit in edits)

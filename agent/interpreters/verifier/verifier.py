"""Decides which proposed edits are made, which are asked about, and which are dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ...edits import Edit, Exclude, SetPrompt, State
from .features import encode_features, load_word_pieces
from .network import Network
from .proposals import is_same, propose_edits

WEIGHTS = Path(__file__).with_name("weights.safetensors")
SURE = 0.6
"""Probability from which on an edit is made."""
DOUBTFUL = 0.4
"""Probability from which on an edit is asked about."""


@dataclass(frozen=True)
class Judged:
    """A proposed edit and the probability that it was meant."""

    edit: Edit
    probability: float


@dataclass(frozen=True)
class Verdict:
    """What the verifier thinks of a line."""

    edits: tuple[Judged, ...]
    """All proposals, also those that the encoder added."""
    change: float
    """The probability that the line asks for any change."""


class Verifier:
    """Judges edits with an encoder that was trained on labelled feedback."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._pieces = load_word_pieces()

    def judge(self, feedback: str, state: State, proposals: Sequence[Edit], extend: bool = True) -> Verdict:
        """The probability that each proposed edit was meant; with `extend`, also of edits nobody proposed."""
        features = encode_features(feedback, state, proposals, self._pieces)
        readings = self._network.read(features)
        if extend:
            added = [
                edit
                for edit in propose_edits(feedback, state, features, readings)
                if not any(is_same(edit, other) for other in proposals)
            ]
            if added:
                proposals = [*proposals, *added]
                features = encode_features(feedback, state, proposals, self._pieces)
                readings = self._network.read(features)
        judged = [
            Judged(edit, float(probability))
            for edit, probability in zip(proposals, readings.proposals, strict=False)
        ]
        judged += [Judged(edit, 1.0) for edit in proposals[len(judged) :]]
        return Verdict(tuple(judged), float(readings.intents[0]))


@cache
def load_verifier(path: Path = WEIGHTS) -> Verifier:
    """The shipped verifier, loaded once."""
    return Verifier(Network.load(path))

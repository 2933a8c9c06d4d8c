"""Feedback: its lines of text, and its other options, which are applied to the state of the next picture."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..errors import InvalidInputError
from .edits import MAX_PROMPT_CHARACTERS, Edit, Exclude, State, Undo, apply
from .exclusions import read_negative
from .interpreters import Interpretation
from .replies import describe
from .terms import to_one_line

MAX_LINES = 100
"""Maximum number of lines in one request: a language model may be called for each of them."""


@dataclass(frozen=True)
class Feedback:
    """Feedback on the current picture of a session.

    The `lines` are interpreted in order, each in the state after the previous one. Only the last state is drawn.
    The terms of the negative prompt `negative` are excluded too. `seed` and `steps` replace those of the current
    picture.
    """

    lines: tuple[str, ...]
    negative: str = ""
    seed: int | None = None
    steps: int | None = None

    def __str__(self) -> str:
        return join_lines(self.lines)

    def followed_by(self, later: "Feedback") -> "Feedback":
        """This feedback and a later one as one; where both set a value, the later one counts."""
        return Feedback(
            (*self.lines, *later.lines),
            negative=", ".join(filter(None, [self.negative, later.negative])),
            seed=self.seed if later.seed is None else later.seed,
            steps=self.steps if later.steps is None else later.steps,
        )

    def apply_to(
        self, interpretation: Interpretation, after: State, turn: int, words: str
    ) -> tuple[Interpretation, State]:
        """Add the negative prompt, the seed and the steps to the interpreted lines, their reply and their state."""
        excluded, deviations = exclusions_from_negative(self.negative)
        sentences = [describe(excluded, after), *deviations] if excluded else deviations
        after = apply(after, excluded, turn=turn, words=words)
        if self.seed is not None:
            after = replace(after, seed=self.seed)
            sentences.append(f"From seed {self.seed}.")
        if self.steps is not None:
            sentences.append(f"In {self.steps} steps.")
        if interpretation.edits or not sentences:
            sentences = [interpretation.reply, *sentences]
        edits = (*interpretation.edits, *excluded)
        return interpretation.model_copy(update={"edits": edits, "reply": " ".join(sentences)}), after


def join_lines(lines: Iterable[str]) -> str:
    """Several lines as one, for records and logs."""
    return " / ".join(lines)


def exclusions_from_negative(negative: str) -> tuple[tuple[Edit, ...], list[str]]:
    """The edits for a negative prompt, and a sentence for each deviation from what is written."""
    terms, deviations = read_negative(negative)
    return tuple(Exclude(term=item.term, weight=item.weight) for item in terms), list(deviations)


def validate_text(text: str, name: str, hint: str) -> str:
    """The text on one line. Raises `InvalidInputError` if it is empty or too long."""
    words = to_one_line(text)
    if not words:
        raise InvalidInputError(f"the {name} is empty: {hint}")
    if len(words) > MAX_PROMPT_CHARACTERS:
        raise InvalidInputError(
            f"the {name} is too long: {len(words)} characters, and at most {MAX_PROMPT_CHARACTERS} are read"
        )
    return words


def count_undone_turns(edits: Iterable[Edit]) -> int:
    """The number of turns that these edits undo."""
    return sum(edit.turns for edit in edits if isinstance(edit, Undo))

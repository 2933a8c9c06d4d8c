"""Open questions: what is kept while the user is asked, and which edits an answer makes."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from ..errors import InvalidInputError
from ..storage import NewQuestion, OpenQuestionRecord, QuestionRecord
from .answers import Answer
from .edits import Allow, Edit, Exclude, Reweight, SetPrompt, edits_adapter
from .feedback import Feedback
from .interpreters.base import Interpretation, Question
from .terms import normalize_term


class NoQuestionError(InvalidInputError):
    """An answer was given, but no question is open."""

    def __init__(self) -> None:
        super().__init__("no question is open, so there is nothing to answer: say what is wrong with the picture")


class LineEdits(NamedTuple):
    """A line of feedback, and the edits that it makes."""

    words: str
    edits: tuple[Edit, ...]


class OpenQuestion(BaseModel):
    """A question to the user, and the feedback that led to it."""

    model_config = ConfigDict(frozen=True)

    id: str | None = Field(default=None, exclude=True)
    """The id in the store."""
    feedback: Feedback
    """What was said about the picture so far."""
    line: str
    """The line that the question is about."""
    asking: Interpretation
    """The interpretation of that line; its `question` is open."""
    undone: int = 0
    """The number of turns that the earlier lines undo."""
    earlier: tuple[LineEdits, ...] = ()
    """The edits of the earlier lines. They are not in doubt."""

    @classmethod
    def from_record(cls, record: OpenQuestionRecord) -> "OpenQuestion":
        """Load a stored question."""
        return cls.model_validate({**record.context, "id": record.id})

    def to_record(self, turn: int) -> NewQuestion:
        """The question as it is stored, about the picture of a turn."""
        question = self.question
        certain = (*(edit for line in self.earlier for edit in line.edits), *question.otherwise)
        record = QuestionRecord(question.text, _dump(question.edits), otherwise=_dump(certain), choose=question.choose)
        return NewQuestion(turn, record, self.model_dump(mode="json"))

    @property
    def question(self) -> Question:
        """The question."""
        if self.asking.question is None:
            raise ValueError("an open question has a text")
        return self.asking.question


def answer_edits(question: Question, answer: Answer) -> tuple[Edit, ...]:
    """The edits that an answer makes: in any case those that were not in doubt."""
    if not answer.yes:
        return question.otherwise
    chosen = tuple(question.edits[index] for index in answer.choices) if question.choose else question.edits
    subjects = {_subject(edit) for edit in chosen}
    return (*(edit for edit in question.otherwise if _subject(edit) not in subjects), *chosen)


def is_answered(question: Question, answer: Answer) -> bool:
    """Whether an answer decides the question: "yes" chooses none of several candidates."""
    return not (question.choose and answer.yes and len(question.edits) > 1 and not answer.choices)


def new_edits(edits: tuple[Edit, ...], made: tuple[Edit, ...]) -> Iterator[Edit]:
    """The edits whose subject none of the edits that were `made` has."""
    subjects = {_subject(edit) for edit in made}
    return (edit for edit in edits if _subject(edit) not in subjects or isinstance(edit, SetPrompt))


def _subject(edit: Edit) -> str:
    """What an edit changes: a term, or else the kind of the edit."""
    return normalize_term(edit.term) if isinstance(edit, Exclude | Allow | Reweight) else f"/{edit.op}"


def _dump(edits: tuple[Edit, ...]) -> tuple[dict[str, Any], ...]:
    return tuple(edits_adapter.dump_python(edits, mode="json"))

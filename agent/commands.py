"""What is asked of a session, as values that can be recorded as JSON before anybody interprets them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from .edits import UserEdit
from .feedback import Feedback, join_lines
from .session_start import SessionOptions


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True)

    def as_json(self) -> dict[str, Any]:
        """The command as it is recorded; no database holds NUL characters, and no words need them."""
        values: dict[str, Any] = _without_nul(self.model_dump(mode="json"))
        return values


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", " ")
        case dict():
            return {name: _without_nul(each) for name, each in value.items()}
        case list():
            return [_without_nul(each) for each in value]
        case _:
            return value


class StartCommand(_Command):
    """Begin a session."""

    kind: Literal["start"] = "start"
    options: SessionOptions

    @property
    def words(self) -> str:
        """What was typed."""
        return join_lines([self.options.prompt, *self.options.feedback])


class SayCommand(_Command):
    """Interpret feedback on the turn that is shown, or on the turn of this number."""

    kind: Literal["say"] = "say"
    feedback: Feedback
    turn: int | None = None

    @property
    def words(self) -> str:
        """What was typed."""
        return str(self.feedback)


class EditCommand(_Command):
    """Apply edits.

    With `keep_question`, nothing is done while a question is open.
    """

    kind: Literal["edit"] = "edit"
    edits: tuple[UserEdit, ...]
    keep_question: bool = False

    @property
    def words(self) -> str:
        """The edits, as a line that a person can read."""
        return "; ".join(" ".join(str(value) for value in edit.model_dump().values()) for edit in self.edits)


class SeedCommand(_Command):
    """Draw the same from another seed."""

    kind: Literal["seed"] = "seed"
    seed: int

    @property
    def words(self) -> str:
        """The change, as a line that a person can read."""
        return f"seed {self.seed}"


Change = SayCommand | EditCommand | SeedCommand
"""What is asked of a session that exists."""

Command = Annotated[StartCommand | SayCommand | EditCommand | SeedCommand, Field(discriminator="kind")]

commands_adapter: TypeAdapter[Command] = TypeAdapter(Command)

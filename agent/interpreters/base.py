"""The interface of all interpreters: feedback in, edits out."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Protocol, runtime_checkable

from pydantic import AfterValidator, BaseModel, ConfigDict

from ..edits import Edit, State
from ..terms import to_one_line

if TYPE_CHECKING:
    from PIL.Image import Image


class Usage(BaseModel):
    """Tokens that language models read and wrote for an interpretation."""

    model_config = ConfigDict(frozen=True)

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )

    @classmethod
    def of(cls, interpretations: "Iterable[Interpretation]") -> "Usage | None":
        """The sum over several interpretations. None if no language model was called."""
        usages = [interpretation.usage for interpretation in interpretations if interpretation.usage is not None]
        return sum(usages, Usage()) if usages else None


class Question(BaseModel):
    """What the user is asked when it is in doubt whether some edits were meant."""

    model_config = ConfigDict(frozen=True)

    text: Annotated[str, AfterValidator(to_one_line)]
    """One line: 'Leave out "beard"?'."""
    edits: tuple[Edit, ...]
    """The edits that "yes" makes. If `choose`, the candidates, of which the answer names one."""
    otherwise: tuple[Edit, ...] = ()
    """The edits that "no" makes: those of the same feedback that were not in doubt."""
    choose: bool = False


class Interpretation(BaseModel):
    """The edits that feedback asks for, and the reply to the user."""

    model_config = ConfigDict(frozen=True)

    edits: tuple[Edit, ...] = ()
    reply: Annotated[str, AfterValidator(to_one_line)]
    question: Question | None = None
    """Asked instead of making edits: `edits` is empty then."""
    understood: bool = True
    """Whether everything was understood that the feedback asks for. Praise and talk ask for nothing."""
    raw: str | None = None
    """The unmodified response of a language model, if one was called."""
    fallback: bool = False
    """Whether the fallback interpreter produced the edits."""
    usage: Usage | None = None
    """Tokens used, if a language model was called and its server reports them."""


class Interpreter(Protocol):
    """Turns feedback about a picture into edits. It changes nothing itself."""

    @property
    def name(self) -> str:
        """The name in settings and records."""
        ...

    def interpret(self, feedback: str, state: State, picture: "Image | None" = None) -> Interpretation:
        """The edits that `feedback` asks for in `state`; none if it asks for no change.

        `state` is that of the picture the user is looking at; its prompt is empty before the first picture.
        `picture` is that picture, for interpreters that can read images.
        """
        ...


@runtime_checkable
class PreparesInBackground(Protocol):
    """An interpreter that has something to prepare before the first feedback, such as a language model."""

    def warm_up(self) -> None:
        """Begin to prepare, and return at once. It never costs money. Errors are left to `interpret`."""
        ...


def prepare(interpreter: Interpreter) -> None:
    """Let an interpreter prepare for the first feedback in the background, if it has something to prepare."""
    if isinstance(interpreter, PreparesInBackground):
        interpreter.warm_up()


@runtime_checkable
class HoldsMemory(Protocol):
    """An interpreter that may hold memory of an accelerator, such as one with a model in this process."""

    def release_memory(self) -> None:
        """Free the accelerator's memory until the next feedback."""
        ...


def release_memory(interpreter: Interpreter) -> None:
    """Let an interpreter free the accelerator's memory, if it may hold some."""
    if isinstance(interpreter, HoldsMemory):
        interpreter.release_memory()

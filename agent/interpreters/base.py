"""The seam every interpreter fits: feedback in, edits out."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict

from ..edits import Edit, State
from ..terms import to_one_line

if TYPE_CHECKING:
    from PIL.Image import Image


class Usage(BaseModel):
    """What language models read and wrote for an interpretation, in tokens."""

    model_config = ConfigDict(frozen=True)

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )

    @classmethod
    def of(cls, said: "Iterable[Interpretation]") -> "Usage | None":
        """That of several interpretations together; None where no language model was asked."""
        there = [each.usage for each in said if each.usage is not None]
        return sum(there, Usage()) if there else None


class Interpretation(BaseModel):
    """What feedback means: the edits it asks for, and a line to answer with."""

    model_config = ConfigDict(frozen=True)

    edits: tuple[Edit, ...] = ()
    reply: Annotated[str, AfterValidator(to_one_line)]
    raw: str | None = None
    """What the interpreter was answered itself, word for word, where it asked somebody."""
    fallback: bool = False
    """Whether another interpreter had to read the words in its place."""
    usage: Usage | None = None
    """What a language model took for it, where one was asked and its server counts."""


class Interpreter(Protocol):
    """Turns what a person says about a picture into edits; changes nothing itself."""

    @property
    def name(self) -> str:
        """How it is called in settings and records."""
        ...

    def interpret(self, feedback: str, state: State, picture: "Image | None" = None) -> Interpretation:
        """The edits that `feedback` asks for in `state`; none when it asks for nothing.

        `state` is that of the picture the person looks at, with an empty prompt before the first;
        `picture` is that picture, for interpreters that can look.
        """
        ...

"""The seam every interpreter fits: feedback in, edits out."""

from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict

from ..edits import Edit, State
from ..terms import one_line

if TYPE_CHECKING:
    from PIL.Image import Image


class Interpretation(BaseModel):
    """What feedback means: the edits it asks for, and a line to answer with."""

    model_config = ConfigDict(frozen=True)

    edits: tuple[Edit, ...] = ()
    reply: Annotated[str, AfterValidator(one_line)]
    raw: str | None = None
    """What the interpreter was answered itself, word for word, where it asked somebody."""
    fallback: bool = False
    """Whether another interpreter had to read the words in its place."""


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

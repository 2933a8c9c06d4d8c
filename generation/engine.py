"""What an engine is: text in, picture out; it knows no conversation and no database."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .errors import GenerationError
from .request import Defaults, GenerationRequest, Reading, Syntax

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Picture:
    """A finished picture, RGB, and the seconds it took."""

    image: "Image"
    seconds: float


@dataclass(frozen=True)
class Progress:
    """`step` of `steps` done, counted from 1; the last one brings the picture."""

    step: int
    steps: int
    picture: Picture | None = None


class Engine(Protocol):
    """A model that turns requests into pictures, one at a time."""

    @property
    def model(self) -> str:
        """The name that it was loaded by."""
        ...

    @property
    def defaults(self) -> Defaults:
        """What the model uses where nothing is asked for."""
        ...

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        """Make the picture, a step at a time; closing the generator cancels.

        Pictures are made one at a time: another thread's request waits until this one is done or closed.
        """
        ...

    def remarks(self, request: GenerationRequest) -> list[str]:
        """What can't be honoured of a request, known before the first step: a line each."""
        ...

    def read(self, text: str, syntax: Syntax = "weighted") -> Reading:
        """How the model reads a text."""
        ...

    def provenance(self, cache: Path | None = None) -> dict[str, Any]:
        """What decides a picture besides its request, as JSON: see `provenance.py`, which may use a file `cache`."""
        ...


def generate(engine: Engine, request: GenerationRequest, on_step: Callable[[Progress], None] | None = None) -> Picture:
    """Run a request to its end; `on_step` hears of every step."""
    picture = None
    for progress in engine.run(request):
        picture = progress.picture
        if on_step:
            on_step(progress)
    if picture is None:
        raise GenerationError("the engine stopped without a picture")
    return picture

"""What an engine is: text in, picture out; it knows no conversation and no database."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .errors import GenerationError
from .request import Defaults, GenerationRequest, Reading, Syntax

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Picture:
    """A finished picture, RGB, and the seconds it took.

    `negative_effect` is how far the negative prompt moved the prediction at its first step, as a share of the
    prediction without it: 0 is no effect, None not measured. `term_effects` say the same of single terms, each
    against the negative prompt without it, where that was asked for.
    """

    image: "Image"
    seconds: float
    negative_effect: float | None = None
    term_effects: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """`step` of `steps` done, counted from 1; the last one brings the picture, all of them where it was a batch.

    `steps` grows where a look ahead finds that the picture has to be begun again, and `step` goes on.
    Steps up to `first` were there already, from a checkpoint. `preview`, where there is one, makes a small
    picture of what is to come, when it is called, before the next step.
    """

    step: int
    steps: int
    picture: Picture | None = None
    first: int = 0
    seconds: float = 0.0
    preview: "Callable[[], Image] | None" = field(default=None, compare=False)
    pictures: tuple[Picture, ...] = ()

    @property
    def steps_per_second(self) -> float:
        """How fast it goes, the texts' encoding included; 0 before that is known."""
        return (self.step - self.first) / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long it will take still, without the decoding; None before that is known."""
        return (self.steps - self.step) / self.steps_per_second if self.steps_per_second else None


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

    def effects(self, request: GenerationRequest) -> Mapping[str, float]:
        """How far each term of the negative prompt, as it is written there, moves the step at which it joins."""
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
    with closing(engine.run(request)) as steps:  # an `on_step` that raises gives the engine back at once
        for progress in steps:
            picture = progress.picture
            if on_step:
                on_step(progress)
    if picture is None:
        raise GenerationError("the engine stopped without a picture")
    return picture

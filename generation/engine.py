"""The interface of an engine: a request in, a picture out."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .errors import GenerationError, InvalidRequestError
from .request import Defaults, GenerationRequest, PromptReport, Syntax

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Picture:
    """A finished RGB picture, and the seconds it took.

    `negative_effect` is how far the negative prompt moved the prediction in its first step, relative to the
    prediction without it: 0 is no effect, None is not measured. `term_effects`, if requested, has the same for
    each term, relative to the negative prompt without that term.
    """

    image: "Image"
    seconds: float
    negative_effect: float | None = None
    term_effects: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """`step` of `steps` is done, counted from 1. The last progress has the picture, or all pictures of a batch.

    `steps` counts the steps that are certain. If a look-ahead finds a term that was not shown before, the picture is
    drawn again: `steps` grows and `step` continues. Steps up to `first` came from a checkpoint. `preview`, if present,
    makes a small picture of the current state; call it before the next step.
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
        """Speed, including the encoding of the texts; 0 before the first step."""
        return (self.step - self.first) / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated remaining seconds, without decoding; None before the first step."""
        return (self.steps - self.step) / self.steps_per_second if self.steps_per_second else None


ImageReader = Callable[[str], "Image"]
"""Returns the RGB picture whose pixels have this SHA-256; raises a `NotthatError` if there is none."""


def no_images(sha256: str) -> "Image":
    """The reader of an engine that has no pictures to start from."""
    raise InvalidRequestError(
        f"--from: this engine can't read the picture {sha256[:12]}…: give it a reader of pictures"
    )


class Engine(Protocol):
    """A model that draws one request at a time."""

    read_image: ImageReader
    """Reads the pictures that requests start from. A studio sets it to read from its store."""

    @property
    def model(self) -> str:
        """The name under which the model was loaded."""
        ...

    @property
    def defaults(self) -> Defaults:
        """The values for everything that a request leaves out."""
        ...

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        """Draw the picture step by step; closing the generator cancels.

        A request from another thread waits until this one is done or closed.
        """
        ...

    def warnings(self, request: GenerationRequest) -> list[str]:
        """What the model cannot honour of a request, known before the first step; one line each."""
        ...

    def can_exclude(self, request: GenerationRequest) -> bool:
        """Whether the request's method is defined for the model, and a negative prompt then acts."""
        ...

    def effects(self, request: GenerationRequest) -> Mapping[str, float]:
        """How far each term of the negative prompt, as written there, moves the step at which it joins."""
        ...

    def tokenize(self, text: str, syntax: Syntax = "weighted") -> PromptReport:
        """How the model reads a text."""
        ...

    def accepts_embedding(self, file: str) -> bool:
        """Whether a file is a textual inversion for this model."""
        ...

    def provenance(self, cache: Path | None = None) -> dict[str, Any]:
        """What decides a picture besides its request, as JSON; `cache` is a file for hashes of weights."""
        ...


def generate(engine: Engine, request: GenerationRequest, on_step: Callable[[Progress], None] | None = None) -> Picture:
    """Run a request to its end, and call `on_step` after every step."""
    picture = None
    with closing(engine.run(request)) as steps:  # if `on_step` raises, the engine is free at once
        for progress in steps:
            picture = progress.picture
            if on_step:
                on_step(progress)
    if picture is None:
        raise GenerationError("the engine stopped without a picture")
    return picture

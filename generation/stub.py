"""An engine without a model: for tests of what is built on top, here and in other people's projects."""

import hashlib
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from PIL import Image

from .engine import Picture, Progress
from .prompt_syntax import parse
from .provenance import libraries
from .request import Defaults, GenerationRequest, Reading, Syntax

_SQUARES = 4


class StubEngine:
    """Paints a few squares whose colours are a digest of the request: other words, other picture.

    `unknown` are words that it says it never learned. `seconds_per_step` makes it slow enough to be
    interrupted.
    """

    def __init__(
        self, model: str = "stub", *, unknown: frozenset[str] = frozenset(), seconds_per_step: float = 0
    ) -> None:
        self.model = model
        self.defaults = Defaults(num_inference_steps=4, guidance_scale=5.0, width=32, height=32)
        self.unknown = unknown
        self.seconds_per_step = seconds_per_step

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        """Make the picture, a step at a time; closing the generator cancels."""
        started = time.perf_counter()
        digest = hashlib.shake_256(request.model_dump_json().encode()).digest(3 * _SQUARES**2)
        small = Image.frombytes("RGB", (_SQUARES, _SQUARES), digest)
        for step in range(1, request.num_inference_steps):
            time.sleep(self.seconds_per_step)
            seconds = time.perf_counter() - started
            yield Progress(step, request.num_inference_steps, seconds=seconds, preview=small.copy)
        picture = small.resize((request.width, request.height), Image.Resampling.NEAREST)
        seconds = time.perf_counter() - started
        steps = request.num_inference_steps
        yield Progress(steps, steps, Picture(picture, seconds), seconds=seconds)

    def remarks(self, request: GenerationRequest) -> list[str]:
        """Nothing: a stub honours everything."""
        return []

    def read(self, text: str, syntax: Syntax = "weighted") -> Reading:
        """The text's fragments; a word is a token."""
        fragments = parse(text)
        words = [word.strip(",.").lower() for fragment in fragments for word in (fragment.text or "").split()]
        shown = tuple((fragment.text, fragment.weight) for fragment in fragments if fragment.text is not None)
        return Reading(shown, len(words), 1, tuple(word for word in words if word in self.unknown))

    def provenance(self, cache: Path | None = None) -> dict[str, Any]:
        """That it has no weights, and the libraries that there are."""
        return {"model": self.model, "weights": None, "device": "cpu", "libraries": libraries()}

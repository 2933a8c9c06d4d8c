"""An engine without a model, for tests of programs that use one, in this project and in others."""

import hashlib
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from PIL import Image

from .engine import ImageReader, Picture, Progress, no_images
from .prompt_syntax import parse_prompt, split_terms
from .provenance import library_versions
from .request import Defaults, GenerationRequest, PromptReport, Syntax

_SQUARES = 4


class StubEngine:
    """Paints squares whose colours are a digest of the request, so that different requests give different pictures.

    `unknown` has the words that it reports as unknown. `seconds_per_step` slows it down, so that it can be
    interrupted.
    """

    def __init__(
        self, model: str = "stub", *, unknown: frozenset[str] = frozenset(), seconds_per_step: float = 0
    ) -> None:
        self.model = model
        self.read_image: ImageReader = no_images
        self.defaults = Defaults(num_inference_steps=4, guidance_scale=5.0, width=32, height=32)
        self.unknown = unknown
        self.seconds_per_step = seconds_per_step

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        """Paint the picture step by step; closing the generator cancels."""
        started = time.perf_counter()
        for sha256 in request.source_images:
            self.read_image(sha256)  # as every engine needs it
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

    def warnings(self, request: GenerationRequest) -> list[str]:
        """Always empty: a stub honours every request."""
        return []

    def can_exclude(self, request: GenerationRequest) -> bool:
        """By every method."""
        return True

    def effects(self, request: GenerationRequest) -> dict[str, float]:
        """1 for each term, since every term changes the whole picture."""
        return dict.fromkeys(split_terms(request.negative_prompt), 1.0)

    def tokenize(self, text: str, syntax: Syntax = "weighted") -> PromptReport:
        """The text's fragments; each word counts as a token."""
        fragments = parse_prompt(text)
        words = [word.strip(",.").lower() for fragment in fragments for word in (fragment.text or "").split()]
        shown = tuple((fragment.text, fragment.weight) for fragment in fragments if fragment.text is not None)
        return PromptReport(shown, len(words), 1, tuple(word for word in words if word in self.unknown))

    def accepts_embedding(self, file: str) -> bool:
        """Always: a stub reads no files."""
        return True

    def provenance(self, cache: Path | None = None) -> dict[str, Any]:
        """No weights, and the library versions."""
        return {"model": self.model, "weights": None, "device": "cpu", "libraries": library_versions()}

"""What the local engines share: one run at a time, and errors of torch in one line."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import NotthatError
from .errors import GenerationError, InvalidModelError, ShortOfMemoryError
from .failures import BROKEN, explain_failure, is_misfit, is_out_of_memory
from .families.base import Family
from .families.generic import GenericFamily
from .request import GenerationRequest
from .text_encoders.clip import PromptOptions


class EngineLock:
    """Lets one thread at a time use an engine; the others wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held_by: int | None = None

    @contextmanager
    def hold(self) -> Iterator[None]:
        with self._lock:
            self._held_by = threading.get_ident()
            try:
                yield
            finally:
                self._held_by = None

    def check(self) -> None:
        """Raise `GenerationError` if this thread holds the lock, since it would wait for itself."""
        if self._held_by == threading.get_ident():
            raise GenerationError("this thread is drawing another picture: finish or close that one first")


@contextmanager
def translate_errors(request: GenerationRequest) -> Iterator[None]:
    """Raise what the libraries raise as errors of notthat, with a line that says what to do."""
    try:
        yield
    except NotthatError:
        raise
    except (*BROKEN, MemoryError) as error:
        if is_out_of_memory(error):
            size = f"{request.width} x {request.height}"
            raise ShortOfMemoryError(f"the device has not enough memory for {size}: try a smaller size") from None
        failure = InvalidModelError if is_misfit(error) else GenerationError
        raise failure(f"the model failed: {explain_failure(error)}") from error


def explain_overflow(request: GenerationRequest, family: Family | GenericFamily) -> str:
    """Why the model's numbers are no longer finite, most likely first, in one line."""
    if isinstance(family, Family):
        (embedding,) = family.encode([family.frame_prompt(request.prompt)], PromptOptions.from_request(request))
        if not torch.isfinite(embedding.tokens).all() and not request.loras:
            reason = "the text encoder's numbers ran out of range: its weights are probably damaged"
            return f"{reason}; download the model again"
    causes = ["a lower weight of --lora"] if request.loras else []
    causes += ["a lower --guidance"] if request.guidance_scale > 1 else []
    if family.denoiser.dtype == torch.float16:
        causes += ["--quantize fp8, which computes in bfloat16, since float16 overflows on some models"]
    elif family.storage.is_quantized:
        causes += ["weights that are less quantised"]
    causes += ["another model, since these weights may be damaged"]
    return f"the model's numbers ran out of range: try {', or '.join(causes)}"

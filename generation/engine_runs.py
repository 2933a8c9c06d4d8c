"""What the local engines share: one run at a time, and errors of torch in one line."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .errors import GenerationError, ShortOfMemoryError
from .loading import first_line
from .request import GenerationRequest


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
    """Raise errors of torch as `GenerationError`."""
    try:
        yield
    except torch.OutOfMemoryError:
        size = f"{request.width} x {request.height}"
        raise ShortOfMemoryError(f"the device has not enough memory for {size}: try a smaller size") from None
    except RuntimeError as error:  # on the CPU, running out of memory is a RuntimeError too
        raise GenerationError(f"the model failed: {first_line(error)}") from error


def explain_overflow(request: GenerationRequest) -> str:
    """Why the model's numbers are no longer finite, most likely first, in one line."""
    causes = ["a lower weight of --lora"] if request.loras else []
    causes += ["a lower --guidance"] if request.guidance_scale > 1 else []
    causes += ["another model, since these weights may be damaged"]
    return f"the model's numbers ran out of range: try {', or '.join(causes)}"

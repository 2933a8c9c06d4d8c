"""What the judges that load a network with transformers have in common: loading, memory, and errors in one line."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ...generation.failures import BROKEN, explain_failure, is_out_of_memory
from ...generation.loading import building_model
from .base import Box, JudgeError, Presence, Thresholds
from .source import JudgeSource

if TYPE_CHECKING:
    from PIL.Image import Image


class NetworkJudge:
    """A judge with a network, which is loaded with the first picture. Calls from several threads run one at a time."""

    thresholds: ClassVar[Thresholds]

    def __init__(self, source: JudgeSource, device: torch.device) -> None:
        self.name = source.name
        self._source, self._device = source, device
        self._network: Any = None
        self._lock = threading.Lock()
        self._seen: tuple[Image, Any] | None = None

    def is_present(self, picture: "Image", term: str) -> Presence | None:
        """Whether the picture shows the term; None if this judge can't tell it.

        Raises:
            JudgeError: the model can't be loaded, or the device runs out of memory.
        """
        if not self.can_judge(term):
            return None
        with self._lock:
            try:
                if self._network is None:
                    self._load_network()
                with torch.inference_mode():
                    return self.measure(picture, term)
            except (MemoryError, *BROKEN) as error:
                self._drop()
                if is_out_of_memory(error):
                    raise JudgeError(f"the judge {self.name} needs more memory than the device has free") from None
                raise JudgeError(f"the judge {self.name} failed: {explain_failure(error)}") from error

    def unload(self) -> None:
        """Free the memory; the next call loads the model again."""
        with self._lock:
            self._drop()

    @property
    def dtype(self) -> Any:
        """The number format of the weights: that of the file on an accelerator, single precision on the CPU."""
        return torch.float32 if self._device.type == "cpu" else "auto"

    def can_judge(self, term: str) -> bool:
        """Whether this judge can tell such a term."""
        raise NotImplementedError

    def load(self) -> Any:
        """The network, on the CPU."""
        raise NotImplementedError

    def measure(self, picture: "Image", term: str) -> Presence:
        """The presence of a term that this judge can tell; the network is loaded."""
        raise NotImplementedError

    def look(self, picture: "Image", see: Callable[["Image"], Any]) -> Any:
        """What `see` returns for a picture; kept for further terms in the same picture."""
        if self._seen is None or self._seen[0] is not picture:
            self._seen = (picture, see(picture))
        return self._seen[1]

    def _load_network(self) -> None:
        with building_model():
            self._network = self.load().to(self._device).eval()

    def _drop(self) -> None:
        self._network = self._seen = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def to_box(corners: torch.Tensor, width: float = 1.0, height: float = 1.0) -> Box:
    """A box from (left, top, right, bottom) in units in which the picture is `width` wide and `height` high."""
    left, top, right, bottom = (corners.float().cpu() / torch.tensor([width, height, width, height])).clamp(0, 1)
    return Box(float(left), float(top), float(right), float(bottom))

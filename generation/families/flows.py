"""What the rectified flows share: texts that a T5 reads, joint attention, and noise shifted by the picture's size."""

from contextlib import AbstractContextManager
from typing import Any, ClassVar

from ..attention import guided_joint_attention
from ..conditioning import Manner
from ..models import About
from ..request import Reading
from ..t5 import T5Encoder
from .base import Family


class Flow(Family):
    """A transformer that predicts noise - picture."""

    flow: ClassVar[bool] = True
    attention_copies: ClassVar[int] = 2
    t5: T5Encoder | None

    def __init__(self, pipeline: Any, about: About) -> None:
        self.transformer = pipeline.transformer
        super().__init__(pipeline, pipeline.transformer, about.vocabulary)

    def attention_guidance(self, tokens: int) -> AbstractContextManager[None]:
        """In the picture's half of the joint attention."""
        return guided_joint_attention(self.transformer, tokens)

    def read(self, text: str, manner: Manner) -> Reading:
        """As the T5 counts it, where there is one: in one piece, however long it is."""
        reading = super().read(text, manner)
        if self.t5 is None:
            return reading
        return Reading(reading.fragments, self.t5.count(text, manner), 1, reading.unknown)

    def overflow(self, text: str, manner: Manner) -> str:
        """The terms at the text's end that the T5 doesn't read whole."""
        return self.t5.overflow(text, manner) if self.t5 else super().overflow(text, manner)

    def forget(self) -> None:
        """Forget all encoded texts: the encoders have changed."""
        super().forget()
        if self.t5:
            self.t5.forget()


def shift(scheduler: Any, tokens: int, max_shift: float) -> float:
    """The paper's mu for a picture of so many tokens: a line between the scheduler's two sizes.

    Esser et al. 2024, "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis",
    arXiv:2403.03206, section 5.3.2, as Flux's authors interpolate it.
    """
    config = scheduler.config
    low, high = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    least, most = config.get("base_shift", 0.5), config.get("max_shift", max_shift)
    slope = (most - least) / (high - low)
    return float(tokens * slope + (least - slope * low))

"""Common parts of the rectified flows: T5 texts, joint attention, and timesteps shifted by the picture's size."""

from contextlib import AbstractContextManager
from typing import Any, ClassVar

from ..model_catalog import ModelDefaults
from ..request import PromptReport
from ..text_encoders.clip import PromptOptions
from ..text_encoders.t5 import T5Encoder
from .attention_hooks import guide_joint_attention
from .base import Family


class Flow(Family):
    """A transformer that predicts noise - x0."""

    flow: ClassVar[bool] = True
    attention_copies: ClassVar[int] = 2
    t5: T5Encoder | None

    def __init__(self, pipeline: Any, about: ModelDefaults) -> None:
        self.transformer = pipeline.transformer
        super().__init__(pipeline, pipeline.transformer, about.vocabulary)

    def attention_guidance(self, tokens: int) -> AbstractContextManager[None]:
        """Guide the image stream of the joint attention."""
        return guide_joint_attention(self.transformer, tokens)

    def read(self, text: str, options: PromptOptions) -> PromptReport:
        """How the T5 reads a text, in one chunk of any length; without a T5, how the first CLIP does."""
        reading = super().read(text, options)
        if self.t5 is None:
            return reading
        return PromptReport(reading.fragments, self.t5.count(text, options), 1, reading.unknown)

    def overflow(self, text: str, options: PromptOptions) -> str:
        """The terms at the end of the text that the T5 does not read completely."""
        return self.t5.overflow(text, options) if self.t5 else super().overflow(text, options)

    def forget(self) -> None:
        """Clear the caches of encoded texts, after the encoders' weights have changed."""
        super().forget()
        if self.t5:
            self.t5.clear()


def timestep_shift(scheduler: Any, tokens: int, max_shift: float) -> float:
    """The paper's mu for a picture of `tokens` patches: linear interpolation between the scheduler's two sizes.

    Esser et al. 2024, "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis",
    arXiv:2403.03206, section 5.3.2, as Flux's authors interpolate it.
    """
    config = scheduler.config
    low, high = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    least, most = config.get("base_shift", 0.5), config.get("max_shift", max_shift)
    slope = (most - least) / (high - low)
    return float(tokens * slope + (least - slope * low))

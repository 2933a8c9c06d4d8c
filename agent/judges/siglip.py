"""A judge of styles and faults: which of two opposite descriptions fits a picture better."""

from typing import Any, ClassVar

from PIL.Image import Image

from .base import Presence, Thresholds
from .network import NetworkJudge
from .terms import Pair, find_pair


class SiglipJudge(NetworkJudge):
    """SigLIP or SigLIP 2. The probability is the softmax over the two descriptions of a pair.

    Tschannen et al. 2025, "SigLIP 2: Multilingual Vision-Language Encoders with Improved Semantic Understanding,
    Localization, and Dense Features", arXiv:2502.14786. It is trained on lower-case texts.
    """

    thresholds: ClassVar[Thresholds] = Thresholds(gone=0.3, there=0.7)
    """Symmetric, since one of the two descriptions holds. These values were not calibrated."""

    def can_judge(self, term: str) -> bool:
        """Terms of a pair only."""
        return find_pair(term) is not None

    def load(self) -> Any:
        """The network; also its tokenizer and image processor."""
        from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

        folder = self._source.folder
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        return AutoModel.from_pretrained(folder, local_files_only=True, dtype=self.dtype)

    def measure(self, picture: Image, term: str) -> Presence:
        """Compare the picture with both descriptions."""
        pair: Pair = find_pair(term)  # type: ignore[assignment]  # `can_judge` said so
        network = self._network
        length = int(network.config.text_config.max_position_embeddings)
        text = self._tokenizer(
            [pair.there, pair.gone], return_tensors="pt", padding="max_length", max_length=length, truncation=True
        ).to(self._device)
        pixels = self.look(
            picture,
            lambda shown: self._processor(images=shown.convert("RGB"), return_tensors="pt").to(
                self._device, network.dtype
            ),
        )
        found = network(input_ids=text.input_ids, **pixels)
        return Presence(float(found.logits_per_image[0].float().softmax(-1)[0]))

"""Judges of objects: open-vocabulary detectors that find a term at a place."""

from typing import Any, ClassVar

import torch
from PIL.Image import Image

from .base import Presence, Thresholds
from .network import NetworkJudge, to_box
from .pictures import Preprocessing
from .terms import is_object

_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
_HALF = (0.5, 0.5, 0.5)


class Sam3Judge(NetworkJudge):
    """SAM 3. The probability is that of its presence head; the region is its best box.

    Carion et al. 2025, "SAM 3: Segment Anything with Concepts", arXiv:2511.16719: a global presence token predicts
    whether the concept is in the picture at all, apart from the scores of the boxes.
    """

    thresholds: ClassVar[Thresholds] = Thresholds(gone=0.3, there=0.5)
    """The paper's threshold for a present concept is 0.5. The lower one is a margin of ours; it was not calibrated."""

    def can_judge(self, term: str) -> bool:
        """Objects only."""
        return is_object(term)

    def load(self) -> Any:
        """The network; also its tokenizer and preprocessing."""
        from transformers import AutoTokenizer, Sam3Model

        folder = self._source.folder
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        network: Any = Sam3Model.from_pretrained(folder, local_files_only=True, dtype=self.dtype)
        size = network.config.vision_config.backbone_config.image_size
        height, width = (size, size) if isinstance(size, int) else size
        self._preprocess = Preprocessing.from_folder(folder, Preprocessing(height, width, _HALF, _HALF))
        return network

    def measure(self, picture: Image, term: str) -> Presence:
        """The probability of the presence token, and the box with the highest score."""
        network = self._network
        text = self._tokenizer(
            term, return_tensors="pt", padding="max_length", max_length=_text_length(network), truncation=True
        ).to(self._device)
        seen = self.look(
            picture, lambda shown: network.get_vision_features(self._preprocess(shown).to(self._device, network.dtype))
        )
        found = network(vision_embeds=seen, input_ids=text.input_ids, attention_mask=text.attention_mask)
        best = int(found.pred_logits[0].argmax())
        return Presence(float(found.presence_logits[0, 0].float().sigmoid()), to_box(found.pred_boxes[0, best]))


class Owlv2Judge(NetworkJudge):
    """OWLv2. The probability is the highest score of all boxes.

    Minderer et al. 2023, "Scaling Open-Vocabulary Object Detection", arXiv:2306.09683.
    """

    thresholds: ClassVar[Thresholds] = Thresholds(gone=0.1, there=0.3)
    """Its scores are low: transformers drops boxes below 0.1. These values were not calibrated."""

    def can_judge(self, term: str) -> bool:
        """Objects only."""
        return is_object(term)

    def load(self) -> Any:
        """The network; also its tokenizer and preprocessing."""
        from transformers import AutoTokenizer, Owlv2ForObjectDetection

        folder = self._source.folder
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        network: Any = Owlv2ForObjectDetection.from_pretrained(folder, local_files_only=True, dtype=self.dtype)
        side = network.config.vision_config.image_size
        default = Preprocessing(side, side, _CLIP_MEAN, _CLIP_STD, pad=True)
        self._preprocess = Preprocessing.from_folder(folder, default)
        return network

    def measure(self, picture: Image, term: str) -> Presence:
        """The highest score, and its box."""
        network = self._network
        text = self._tokenizer(
            f"a photo of {term}", return_tensors="pt", padding="max_length", max_length=_text_length(network),
            truncation=True,
        ).to(self._device)  # fmt: skip
        pixels = self.look(picture, lambda shown: self._preprocess(shown).to(self._device, network.dtype))
        found = network(pixel_values=pixels, input_ids=text.input_ids, attention_mask=text.attention_mask)
        scores = found.logits[0, :, 0].float().sigmoid()
        best = int(scores.argmax())
        x, y, width, height = found.pred_boxes[0, best].float()
        corners = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
        side = max(picture.size)
        shares = (picture.width / side, picture.height / side) if self._preprocess.pad else (1.0, 1.0)
        return Presence(float(scores[best]), to_box(corners, *shares))  # relative to the padded square before


def _text_length(network: Any) -> int:
    return int(network.config.text_config.max_position_embeddings)

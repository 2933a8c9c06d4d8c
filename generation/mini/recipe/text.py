"""The text side: a byte-pair vocabulary learned from the captions, and a text encoder that reads them.

The encoder is trained before anything else, on captions against what is in the scene. Trained from
scratch together with the denoiser it collapses: all words come to mean nearly the same.
"""

import json
import random
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .captions import caption
from .loop import Plan, fit
from .world import BACKGROUNDS, COLORS, EYEWEAR, FLAGS, HAIR_COLORS, HAIR_CUTS, SKINS, STYLES, SUBJECTS, Scene

TOKENS = 77
WIDTH = 128


def learn_tokenizer(captions: list[str]) -> CLIPTokenizer:
    """A CLIP tokenizer whose merges are learned from the captions, so that each of their words is one token."""
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Split(Regex(r"\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"), "removed", invert=True)
    learner.train_from_iterator(
        captions, trainers.BpeTrainer(vocab_size=4096, min_frequency=20, end_of_word_suffix="</w>")
    )
    merges = [tuple(merge) for merge in json.loads(learner.to_str())["model"]["merges"]]
    vocabulary = [*bytes_, *(f"{byte}</w>" for byte in bytes_), *("".join(merge) for merge in merges)]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    ids = {token: k for k, token in enumerate(dict.fromkeys(vocabulary))}
    return CLIPTokenizer(vocab=ids, merges=merges, model_max_length=TOKENS)


def new_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained text encoder of two layers."""
    torch.manual_seed(0)
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def tokenize(tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    """Token ids of shape (len(captions), TOKENS), padded and cut as Stable Diffusion does it."""
    encoded = tokenizer(captions, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt")
    return torch.as_tensor(encoded.input_ids)


def attributes(scene: Scene) -> list[float]:
    """What is in a scene as zeros and ones, in a fixed order."""
    return [
        *(float(scene.subject == v) for v in SUBJECTS),
        *(float(scene.skin == v) for v in SKINS),
        *(float(scene.hair == v) for v in HAIR_CUTS),
        *(float(scene.hair_color == v) for v in HAIR_COLORS),
        *(float(scene.eyewear == v) for v in EYEWEAR),
        *(float(scene.background == v) for v in BACKGROUNDS),
        *(float(scene.style == v) for v in STYLES),
        *(float(scene.clothes == v) for v in COLORS),
        *(float(scene.has("hat") and scene.hat_color == v) for v in COLORS),
        *(float(scene.background in ("plain", "gradient") and scene.background_color == v) for v in COLORS),
        *(float(scene.has(flag)) for flag in FLAGS),
    ]


class CaptionReader(nn.Module):
    """The text encoder with a head that says what is in the scene that a caption is of."""

    def __init__(self, encoder: CLIPTextModel, outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(WIDTH, outputs)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits of shape (batch, outputs) for token ids of shape (batch, TOKENS)."""
        logits: Tensor = self.head(self.encoder(ids).pooler_output)
        return logits


def train_text_encoder(
    scenes: list[Scene], tokenizer: CLIPTokenizer, plan: Plan, folder: Path, device: str
) -> CLIPTextModel:
    """A text encoder that tells captions apart by what they say."""
    targets = torch.tensor([attributes(scene) for scene in scenes])
    reader = CaptionReader(new_text_encoder(tokenizer), targets.shape[1]).to(device)

    def loss(rng: random.Random, _: float) -> Tensor:
        chosen = [rng.randrange(len(scenes)) for _ in range(128)]
        ids = tokenize(tokenizer, [caption(scenes[k], rng) for k in chosen])
        length = int((ids == tokenizer.eos_token_id).int().argmax(1).max()) + 1
        logits = reader(ids[:, :length].to(device))
        return nn.functional.binary_cross_entropy_with_logits(logits, targets[chosen].to(device))

    fit("text", reader, loss, plan, folder)
    return reader.encoder

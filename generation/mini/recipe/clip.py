"""The text side: a byte-pair vocabulary learned from the captions, and a CLIP that matches captions and pictures.

Its text tower becomes the pipeline's text encoder. It is trained before the denoiser: trained from
scratch together with it, all words come to mean nearly the same.
"""

import json
import random
from collections.abc import Collection
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTokenizer, CLIPVisionConfig

from .canvas import SIZE
from .captions import caption
from .data import Pictures
from .loop import Plan, fit
from .world import (
    BACKGROUNDS,
    COLORS,
    EXPOSURES,
    EYEWEAR,
    FLAGS,
    HAIR_COLORS,
    HAIR_CUTS,
    SKINS,
    STYLES,
    SUBJECTS,
    Scene,
)

TOKENS = 77
WIDTH = 128
BATCH = 96


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


def new_clip(tokenizer: CLIPTokenizer) -> CLIPModel:
    """An untrained CLIP, with two text layers and three image layers."""
    torch.manual_seed(0)
    shape = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "projection_dim": WIDTH, "num_attention_heads": 4}
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        num_hidden_layers=2,
        max_position_embeddings=TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **shape,
    )
    vision = CLIPVisionConfig(num_hidden_layers=3, image_size=SIZE, patch_size=16, **shape)
    return CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=WIDTH))


def text_tower(clip: CLIPModel) -> CLIPTextModel:
    """The text encoder of a CLIP, as a model of its own."""
    tower = CLIPTextModel(clip.config.text_config)
    tower.load_state_dict(clip.text_model.state_dict())
    return tower.eval()


def tokenize(tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    """Token ids of shape (len(captions), TOKENS), padded and cut as in Stable Diffusion."""
    encoded = tokenizer(captions, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt")
    return torch.as_tensor(encoded.input_ids)


def attributes(scene: Scene) -> list[float]:
    """A scene's attributes as zeros and ones, in a fixed order; attributes that are not visible are zero."""
    plain = scene.background in ("plain", "gradient")
    return [
        *(float(scene.subject == v) for v in SUBJECTS),
        *(float(scene.is_person and scene.skin == v) for v in SKINS),
        *(float(scene.is_person and scene.hair == v) for v in HAIR_CUTS),
        *(float(scene.hair_color == v and (scene.is_person or scene.subject == "cat")) for v in HAIR_COLORS),
        *(float(scene.eyewear == v) for v in EYEWEAR),
        *(float(scene.exposure == v) for v in EXPOSURES),
        *(float(scene.background == v) for v in BACKGROUNDS),
        *(float(scene.style == v) for v in STYLES),
        *(float(scene.subject != "cat" and scene.color == v) for v in COLORS),
        *(float(scene.has("hat") and scene.hat_color == v) for v in COLORS),
        *(float(scene.subject in ("house", "boat", "vase") and scene.hat_color == v) for v in COLORS),
        *(float(plain and scene.background_color == v) for v in COLORS),
        *(float(scene.has(flag)) for flag in FLAGS),
        float(scene.origin == "found"),
    ]


class _TextAttributeHead(nn.Module):
    """The text tower with a head that predicts the scene's attributes. The head is only used for training."""

    def __init__(self, tower: nn.Module, outputs: int) -> None:
        super().__init__()
        self.tower, self.head = tower, nn.Linear(WIDTH, outputs)


def train_words(
    clip: CLIPModel,
    scenes: list[Scene],
    tokenizer: CLIPTokenizer,
    plan: Plan,
    folder: Path,
    device: str,
    known: Collection[str] = (),
) -> None:
    """Train only the text tower of a CLIP, in place, to predict a scene's attributes from its caption.

    A contrastive loss alone hardly separates words that rarely decide a match, such as mustache and smile. In a
    negative prompt these are the words that matter.

    If the tower already knows some words, only the embeddings of tokens that these words do not have are trained, so
    that captions of `known` words and commas keep their embedding.
    """
    targets = torch.tensor([attributes(scene) for scene in scenes])
    reader = _TextAttributeHead(clip.text_model, targets.shape[1]).to(device)
    if known:
        used = {k for ids in tokenizer([*known, ","]).input_ids for k in ids}
        embedding = clip.text_model.requires_grad_(False).embeddings.token_embedding.weight.requires_grad_(True)
        embedding.register_hook(lambda gradient: gradient.index_fill(0, torch.tensor(sorted(used), device=device), 0.0))

    def loss(rng: random.Random, _: float) -> Tensor:
        chosen = [rng.randrange(len(scenes)) for _ in range(BATCH)]
        ids = tokenize(tokenizer, [caption(scenes[k], rng) for k in chosen]).to(device)
        longest = int((ids == tokenizer.eos_token_id).int().argmax(1).max()) + 1  # it never looks beyond the end
        told = reader.head(reader.tower(ids[:, :longest]).pooler_output)
        return functional.binary_cross_entropy_with_logits(told.float(), targets[chosen].to(device))

    fit("words", reader, loss, plan, folder)


class _ImageAttributeHead(nn.Module):
    """A CLIP with a head on its image tower that predicts the scene's attributes. It is only used for training."""

    def __init__(self, clip: CLIPModel, outputs: int) -> None:
        super().__init__()
        self.clip, self.head = clip, nn.Linear(WIDTH, outputs)


def train_clip(
    clip: CLIPModel, pictures: Pictures, tokenizer: CLIPTokenizer, plan: Plan, folder: Path, device: str
) -> None:
    """Train the image tower of a CLIP, in place, to match each picture with its caption among those of the batch.

    The contrastive loss is that of Radford et al. 2021, "Learning Transferable Visual Models From Natural Language
    Supervision", arXiv:2103.00020. The text tower is frozen; Zhai et al. 2022, "LiT: Zero-Shot Transfer with
    Locked-image text Tuning", arXiv:2111.07991, freeze the image tower instead. A head that predicts the scene's
    attributes helps the tower to see small things.
    """
    targets = torch.tensor([attributes(scene) for scene in pictures.scenes])
    looker = _ImageAttributeHead(clip, targets.shape[1]).to(device)
    clip.text_model.requires_grad_(False)

    def loss(rng: random.Random, _: float) -> Tensor:
        chosen = [rng.randrange(len(pictures.scenes)) for _ in range(BATCH)]
        ids = tokenize(tokenizer, [caption(pictures.scenes[k], rng) for k in chosen]).to(device)
        text = clip.text_projection(clip.text_model(ids).pooler_output)
        seen = clip.vision_model(pictures.batch(chosen).to(device)).pooler_output
        similar = functional.normalize(clip.visual_projection(seen), dim=-1) @ functional.normalize(text, dim=-1).mT
        logits = similar.float() * clip.logit_scale.exp().clamp(max=100)
        match = torch.arange(BATCH, device=device)
        contrast = (functional.cross_entropy(logits, match) + functional.cross_entropy(logits.mT, match)) / 2
        shown = functional.binary_cross_entropy_with_logits(looker.head(seen).float(), targets[chosen].to(device))
        return 0.1 * contrast + shown

    fit("clip", looker, loss, plan, folder)

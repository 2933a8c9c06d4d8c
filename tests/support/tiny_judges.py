"""Models of the kinds that can judge, small and random, in folders as transformers writes them."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import (
    CLIPTokenizer,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Sam3Config,
    Sam3Model,
    Siglip2Config,
    Siglip2Model,
    SiglipConfig,
    SiglipModel,
)

_SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def save_sam3(folder: Path, presence: float, *, video: bool = False) -> Path:
    """A SAM 3 of 56 x 56 pixels whose presence head always says `presence`, as a logit.

    With `video`, the folder is laid out like the published checkpoint: the detector is a part of a video model.
    """
    torch.manual_seed(0)
    small = {"hidden_size": 16, "num_attention_heads": 2}
    layers = {**small, "num_layers": 1, "intermediate_size": 16}
    backbone = {
        "model_type": "sam3_vit_model",
        **_SMALL,
        "image_size": 56,
        "patch_size": 14,
        "window_size": 2,
        "global_attn_indexes": [1],
        "pretrain_image_size": 28,
    }
    sizes = [[16, 16], [8, 8], [4, 4]]
    vision = {"model_type": "sam3_vision_model", "fpn_hidden_size": 16, "backbone_feature_sizes": sizes}
    tokenizer = save_tokenizer(folder)
    config = Sam3Config(
        vision_config={**vision, "backbone_config": backbone},
        text_config={"model_type": "clip_text_model", **text_settings(tokenizer, 32), "projection_dim": 16},
        geometry_encoder_config=layers,
        detr_encoder_config=layers,
        detr_decoder_config={**layers, "num_queries": 5},
        mask_decoder_config=small,
    )
    model: Any = Sam3Model(config)
    last = model.detr_decoder.presence_head.layer3
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.constant_(last.bias, presence)
    model.save_pretrained(folder)
    if video:
        _nest_in_video_model(folder)
    return folder


def _nest_in_video_model(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    file, config = folder / "model.safetensors", folder / "config.json"
    weights = {f"detector_model.{name}": value for name, value in load_file(file).items()}
    weights["tracker_model.memory"] = torch.zeros(3)
    save_file(weights, file, {"format": "pt"})
    detector = json.loads(config.read_text())
    config.write_text(json.dumps({"model_type": "sam3_video", "detector_config": detector}))


def save_owlv2(folder: Path) -> Path:
    """A random OWLv2 of 48 x 48 pixels."""
    torch.manual_seed(0)
    tokenizer = save_tokenizer(folder)
    config = Owlv2Config(
        text_config=text_settings(tokenizer, 16),
        vision_config={**_SMALL, "image_size": 48, "patch_size": 16},
        projection_dim=16,
    )
    Owlv2ForObjectDetection(config).save_pretrained(folder)
    return folder


def save_siglip(folder: Path, *, flexible: bool = False) -> Path:
    """A random SigLIP of 32 x 32 pixels. With `flexible`, a SigLIP 2 that takes pictures of any shape."""
    from transformers import SiglipImageProcessorPil
    from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

    torch.manual_seed(0)
    tokenizer = save_tokenizer(folder)
    text, vision = text_settings(tokenizer, 16), {**_SMALL, "patch_size": 8}
    processor: Any
    if flexible:
        model: Any = Siglip2Model(Siglip2Config(text_config=text, vision_config={**vision, "num_patches": 16}))
        processor = Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
    else:
        model = SiglipModel(SiglipConfig(text_config=text, vision_config={**vision, "image_size": 32}))
        processor = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    torch.nn.init.constant_(model.logit_scale, 3.0)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def save_tokenizer(folder: Path) -> CLIPTokenizer:
    """A tokenizer that knows bytes alone."""
    from tokenizers.pre_tokenizers import ByteLevel

    bytes_ = sorted(ByteLevel.alphabet())
    words = [*bytes_, *(f"{byte}</w>" for byte in bytes_), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={word: k for k, word in enumerate(words)}, merges=[], model_max_length=77)
    tokenizer.save_pretrained(folder)
    return tokenizer


def text_settings(tokenizer: CLIPTokenizer, positions: int) -> dict[str, Any]:
    """The configuration of a small text encoder for the tokenizer."""
    special = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    return {**_SMALL, **special, "vocab_size": len(tokenizer), "max_position_embeddings": positions}

"""Small random parts that the random pipelines share."""

from importlib import import_module
from typing import Any

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTokenizer, T5Config, T5EncoderModel, T5Tokenizer

diffusers: Any = import_module("diffusers")  # as it is for type checkers: half of it has no types


def vae(levels: int = 2, **own: Any) -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=(16, 32, 32, 32)[:levels],
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        norm_num_groups=8,
        sample_size=32,
        **own,
    )


def clip_config(words: Any) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=37,
        projection_dim=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )


def clip_words() -> CLIPTokenizer:
    """A CLIP tokenizer that knows bytes alone."""
    bytes_ = sorted(ByteLevel.alphabet())
    words = [*bytes_, *(f"{byte}</w>" for byte in bytes_), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: k for k, word in enumerate(words)}, merges=[], model_max_length=77)


def t5() -> T5EncoderModel:
    words = len(t5_words())
    sizes = {"d_model": 64, "d_kv": 8, "d_ff": 37, "num_layers": 2, "num_heads": 4}
    return T5EncoderModel(T5Config(vocab_size=words, **sizes, relative_attention_num_buckets=8))


def t5_words() -> T5Tokenizer:
    """A T5 tokenizer that knows printable characters alone."""
    printable = [chr(code) for code in range(33, 127)]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((each, -3.0) for each in printable)]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512)

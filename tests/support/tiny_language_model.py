"""A tiny chat model with random weights and a tokenizer of its own, as a folder and as a GGUF file."""

from pathlib import Path

import gguf
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

LAYERS = 2
_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save_tiny_model(folder: Path, *, chat_template: str | None = _TEMPLATE) -> Path:
    """Save a tiny Qwen2 model with random weights; the same ones every time."""
    tokenizer = _build_tokenizer(chat_template)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer) + 13,  # padded, as real models are
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=16384,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=2,
        initializer_range=0.5,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_as_gguf(folder: Path, file: Path) -> Path:
    """Write a folder of `save_tiny_model` as a GGUF file with float32 weights."""
    model = Qwen2ForCausalLM.from_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    writer = gguf.GGUFWriter(file, "qwen2")
    _write_metadata(writer, model.config)
    _write_vocabulary(writer, tokenizer, model.config.vocab_size)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, LAYERS)
    for name, tensor in model.state_dict().items():
        writer.add_tensor(names.get_name(name, (".weight", ".bias")), tensor.float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def save_image_gguf(file: Path) -> Path:
    """Write a GGUF file as it is made of an image model's transformer: without a tokenizer."""
    writer = gguf.GGUFWriter(file, "flux")
    writer.add_tensor("img_in.weight", torch.zeros(4, 4).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _build_tokenizer(chat_template: str | None) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=_SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    texts = ['{"edits":[{"op":"exclude","term":"fog","weight":1.0}],"reply":"the fog is out of the picture now"}'] * 5
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=_SPECIAL[0], eos_token=_SPECIAL[2], pad_token=_SPECIAL[0]
    )
    fast.chat_template = chat_template
    return fast


def _write_metadata(writer: gguf.GGUFWriter, config: Qwen2Config) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def _write_vocabulary(writer: gguf.GGUFWriter, tokenizer: PreTrainedTokenizerFast, size: int) -> None:
    words = {index: word for word, index in tokenizer.get_vocab().items()}
    tokens = [words.get(index, f"[PAD{index}]") for index in range(size)]
    kinds = [
        gguf.TokenType.CONTROL
        if token in _SPECIAL
        else gguf.TokenType.NORMAL
        if index in words
        else gguf.TokenType.UNUSED
        for index, token in enumerate(tokens)
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    merges = tokenizer.backend_tokenizer.model.__getstate__()
    writer.add_token_merges(_merges(merges))
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def _merges(state: bytes) -> list[str]:
    import json

    return [" ".join(pair) if isinstance(pair, list) else pair for pair in json.loads(state)["merges"]]

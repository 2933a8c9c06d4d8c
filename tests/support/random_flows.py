"""Small random pipelines of the flows whose text encoder is a language model, built from the installed classes."""

import warnings
from importlib import import_module
from typing import Any

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    Gemma2Config,
    Gemma2Model,
    GemmaTokenizer,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLModel,
    Qwen3VLProcessor,
)

diffusers: Any = import_module("diffusers")  # as it is for type checkers: half of it has no types

_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
)


def z_image(vae: Any) -> Any:
    """A `ZImagePipeline`."""
    words = qwen_words()
    return diffusers.ZImagePipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=vae,
        text_encoder=Qwen3Model(_qwen3_config(len(words))),
        tokenizer=words,
        transformer=diffusers.ZImageTransformer2DModel(
            in_channels=4,
            dim=32,
            n_layers=2,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=32,
            axes_dims=(8, 4, 4),
            axes_lens=(1024, 32, 32),
        ),
    )


def qwen_image() -> Any:
    """A `QwenImagePipeline`."""
    words = qwen_words()
    return diffusers.QwenImagePipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=_qwen_vae(),
        text_encoder=qwen_vl(len(words)),
        tokenizer=words,
        transformer=diffusers.QwenImageTransformer2DModel(
            in_channels=16,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            axes_dims_rope=(8, 4, 4),
        ),
    )


def qwen_image21(sample_sigmas: list[float] | None = None) -> Any:
    """A `QwenImage21Pipeline`. Its processor reads texts alone, since that for pictures needs torchvision."""
    words = qwen_words()
    words.add_tokens(["<|image_pad|>", "<|video_pad|>"], special_tokens=True)
    words.chat_template = _CHAT.replace("message.content", "message.content[0].text")
    processor = Qwen3VLProcessor.__new__(Qwen3VLProcessor)
    processor.tokenizer, processor.image_processor, processor.video_processor = words, None, None
    processor.chat_template = words.chat_template
    for kind in ("image", "video"):
        setattr(processor, f"{kind}_token", f"<|{kind}_pad|>")
        setattr(processor, f"{kind}_token_id", words.convert_tokens_to_ids(f"<|{kind}_pad|>"))
    processor.save_pretrained = lambda folder, **options: words.save_pretrained(folder)
    encoder = Qwen3VLForConditionalGeneration(_qwen3_vl_config(len(words)))
    torch.nn.init.uniform_(encoder.model.language_model.norm.weight, 0.5, 1.5)  # which the pipeline leaves out
    return diffusers.QwenImage21Pipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=diffusers.AutoencoderKLQwenImage21(
            base_dim=4,
            decoder_base_dim=4,
            z_dim=16,
            dim_mult=[1, 1, 1, 1, 1],
            num_res_blocks=1,
            latents_mean=[0.1 * k for k in range(16)],
            latents_std=[1 + 0.1 * k for k in range(16)],
        ),
        text_encoder=encoder,
        processor=processor,
        transformer=diffusers.QwenImage21Transformer2DModel(
            in_channels=16,
            out_channels=16,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            context_in_dim=32,
            axes_dims_rope=(8, 4, 4),
        ),
        sample_sigmas=sample_sigmas,
    )


def lumina2(vae: Any) -> Any:
    """A `Lumina2Pipeline`; the autoencoder has a factor of 8."""
    words = gemma_words()
    return diffusers.Lumina2Pipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=6.0, use_dynamic_shifting=True),
        vae=vae,
        text_encoder=Gemma2Model(Gemma2Config(**_sizes(len(words)), head_dim=8)),
        tokenizer=words,
        transformer=diffusers.Lumina2Transformer2DModel(
            sample_size=4,
            in_channels=4,
            hidden_size=32,
            num_layers=2,
            num_refiner_layers=1,
            num_attention_heads=2,
            num_kv_heads=1,
            multiple_of=2,
            axes_dim_rope=(8, 4, 4),
            axes_lens=(300, 32, 32),
            cap_feat_dim=32,
        ),
    )


def chroma(vae: Any, text_encoder: Any, tokenizer: Any) -> Any:
    """A `ChromaPipeline`; the T5 is 64 wide."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # diffusers deprecates a class that its own model uses
        transformer = diffusers.ChromaTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=64,
            axes_dims_rope=(4, 4, 8),
            approximator_num_channels=8,
            approximator_hidden_dim=16,
            approximator_layers=1,
        )
    return diffusers.ChromaPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        transformer=transformer,
    )


def flux2_klein(*, is_distilled: bool = False) -> Any:
    """A `Flux2KleinPipeline`."""
    words = qwen_words()
    vae = diffusers.AutoencoderKLFlux2(
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=32,
    )
    vae.bn.running_mean.normal_(std=0.3)
    vae.bn.running_var.uniform_(0.5, 2.0)
    return diffusers.Flux2KleinPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=vae,
        text_encoder=Qwen3ForCausalLM(_qwen3_config(len(words), layers=28)),
        tokenizer=words,
        transformer=diffusers.Flux2Transformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=96,
            timestep_guidance_channels=16,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=False,
        ),
        is_distilled=is_distilled,
    )


def krea2(*, is_distilled: bool = False) -> Any:
    """A `Krea2Pipeline`."""
    words = qwen_words()
    return diffusers.Krea2Pipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, max_image_seq_len=6400),
        vae=_qwen_vae(),
        text_encoder=Qwen3VLModel(_qwen3_vl_config(len(words))),
        tokenizer=words,
        transformer=diffusers.Krea2Transformer2DModel(
            in_channels=16,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            num_key_value_heads=1,
            intermediate_size=32,
            timestep_embed_dim=16,
            text_hidden_dim=32,
            num_text_layers=2,
            text_num_attention_heads=2,
            text_num_key_value_heads=2,
            text_intermediate_size=32,
            num_layerwise_text_blocks=1,
            num_refiner_text_blocks=1,
            axes_dims_rope=(8, 4, 4),
        ),
        text_encoder_select_layers=(1, 2),
        is_distilled=is_distilled,
    )


def randomize(pipeline: Any) -> Any:
    """Give the text encoder and the denoiser weights with which every text and every layer counts.

    Fresh models have weights near 0, and some at 0, so that different texts give nearly the same picture.
    """
    with torch.no_grad():
        for name in ("text_encoder", "transformer", "unet"):
            part = pipeline.components.get(name)
            for weights in part.parameters() if part else ():
                if weights.ndim > 1:
                    weights.normal_(std=1.5 / weights[0].numel() ** 0.5)
    return pipeline


_MROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}


def _sizes(words: int, layers: int = 3) -> dict[str, int]:
    return {
        "vocab_size": words,
        "hidden_size": 32,
        "intermediate_size": 37,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }


def _qwen3_config(words: int, layers: int = 3) -> Qwen3Config:
    return Qwen3Config(**_sizes(words, layers), head_dim=8)


def _qwen3_vl_config(words: int) -> Qwen3VLConfig:
    return Qwen3VLConfig(
        text_config={**_sizes(words), "head_dim": 8, "rope_parameters": _MROPE},
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": 32,
            "deepstack_visual_indexes": [],
        },
    )


def _qwen_vae() -> Any:
    return diffusers.AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=4,
        dim_mult=[1, 2],
        num_res_blocks=1,
        temperal_downsample=[True],
        latents_mean=[-0.5, 0.25, 0.1, -0.2],
        latents_std=[1.5, 0.75, 2.0, 1.25],
    )


def qwen_vl(words: int) -> Qwen2_5_VLForConditionalGeneration:
    """A Qwen2.5-VL, 32 wide."""
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 32}
    text = {**_sizes(words), "rope_parameters": _MROPE}
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision))


def qwen_words() -> Qwen2Tokenizer:
    """A Qwen tokenizer that knows bytes alone."""
    vocabulary = {byte: k for k, byte in enumerate(sorted(ByteLevel.alphabet()))}
    words = Qwen2Tokenizer(vocab={**vocabulary, "<|endoftext|>": len(vocabulary)}, merges=[])
    words.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=True)
    words.chat_template = _CHAT
    return words


def gemma_words() -> GemmaTokenizer:
    """A Gemma tokenizer that knows printable characters alone."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "\u2581"]
    pieces = [*special, *(chr(code) for code in range(33, 127))]
    return GemmaTokenizer(vocab={piece: k for k, piece in enumerate(pieces)}, merges=[], add_bos_token=True)

"""Random models with the true sizes of SD 1.5, SDXL, SD3.5 medium and Flux. Text encoders only have the true widths."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

diffusers: Any = import_module("diffusers")
transformers: Any = import_module("transformers")


def clip_words() -> Any:
    """A CLIP tokenizer that knows bytes alone."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(f"{each}</w>" for each in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: k for k, word in enumerate(words)}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def clip(width: int, *, projected: bool) -> Any:
    """A CLIP of two layers."""
    words = clip_words()
    marks = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id}
    sizes = {"hidden_size": width, "projection_dim": width, "num_hidden_layers": 2, "num_attention_heads": width // 64}
    config = transformers.CLIPTextConfig(vocab_size=len(words), intermediate_size=4 * width, **sizes, **marks)
    return (transformers.CLIPTextModelWithProjection if projected else transformers.CLIPTextModel)(config)


def t5(width: int = 4096) -> tuple[Any, Any]:
    """A T5 of one layer, and a tokenizer that knows printable characters."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(chr(code), -3.0) for code in range(33, 127)]
    words = transformers.T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512)
    sizes = {"d_model": width, "d_kv": 64, "d_ff": 5 * width // 2, "num_layers": 1, "num_heads": width // 64}
    config = transformers.T5Config(vocab_size=len(words), **sizes)
    return transformers.T5EncoderModel(config), words


def _vae(channels: int, **own: Any) -> Any:
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    widths = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2}
    return diffusers.AutoencoderKL(**blocks, **widths, latent_channels=channels, sample_size=512, **own)


def noise_scheduler() -> Any:
    """The scheduler of Stable Diffusion."""
    return diffusers.EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")


def _sd15() -> Any:
    return diffusers.StableDiffusionPipeline(
        vae=_vae(4, force_upcast=False),
        text_encoder=clip(768, projected=False),
        tokenizer=clip_words(),
        unet=diffusers.UNet2DConditionModel(sample_size=64, cross_attention_dim=768),
        scheduler=noise_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl() -> Any:
    unet = diffusers.UNet2DConditionModel(
        sample_size=128,
        cross_attention_dim=2048,
        block_out_channels=(320, 640, 1280),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10),
        attention_head_dim=(5, 10, 20),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    )
    return diffusers.StableDiffusionXLPipeline(
        vae=_vae(4, force_upcast=False),
        text_encoder=clip(768, projected=False),
        text_encoder_2=clip(1280, projected=True),
        tokenizer=clip_words(),
        tokenizer_2=clip_words(),
        unet=unet,
        scheduler=noise_scheduler(),
        add_watermarker=False,
    )


def _sd35() -> Any:
    encoder, pieces = t5()
    return diffusers.StableDiffusion3Pipeline(
        vae=_vae(16, shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=clip(768, projected=True),
        text_encoder_2=clip(1280, projected=True),
        text_encoder_3=encoder,
        tokenizer=clip_words(),
        tokenizer_2=clip_words(),
        tokenizer_3=pieces,
        transformer=diffusers.SD3Transformer2DModel(
            num_layers=24,
            num_attention_heads=24,
            caption_projection_dim=1536,
            dual_attention_layers=tuple(range(13)),
            out_channels=16,
            pooled_projection_dim=2048,
            pos_embed_max_size=384,
            qk_norm="rms_norm",
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


def _flux() -> Any:
    encoder, pieces = t5()
    return diffusers.FluxPipeline(
        vae=_vae(16, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=clip(768, projected=False),
        text_encoder_2=encoder,
        tokenizer=clip_words(),
        tokenizer_2=pieces,
        transformer=diffusers.FluxTransformer2DModel(guidance_embeds=True),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    )


RANDOM: dict[str, Callable[[], Any]] = {"sd15": _sd15, "sdxl": _sdxl, "sd35": _sd35, "flux": _flux}
"""Creates the pipeline of a family."""

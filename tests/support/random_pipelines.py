"""Small random pipelines that the generic family runs, built from the installed classes."""

from importlib import import_module
from typing import Any

from random_flows import gemma_words, qwen_vl, qwen_words
from random_parts import clip_config, clip_words, t5, t5_words, vae
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    CLIPTextModel,
    Gemma2Config,
    Gemma2Model,
    GemmaConfig,
    GemmaModel,
    GlmConfig,
    GlmModel,
    Mistral3Config,
    Mistral3Model,
    Qwen3Config,
    Qwen3Model,
    UMT5Config,
    UMT5EncoderModel,
)

diffusers: Any = import_module("diffusers")  # as it is for type checkers: half of it has no types

_SIZES = {
    "hidden_size": 32,
    "intermediate_size": 37,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}


def pixart_sigma() -> Any:
    """A `PixArtSigmaPipeline` that draws 256 x 256 pixels."""
    return diffusers.PixArtSigmaPipeline(
        tokenizer=t5_words(),
        text_encoder=t5(),
        vae=vae(levels=4),
        transformer=_pixart_transformer(),
        scheduler=diffusers.DPMSolverMultistepScheduler(),
    )


def pixart_alpha() -> Any:
    """A `PixArtAlphaPipeline` that draws 256 x 256 pixels."""
    return diffusers.PixArtAlphaPipeline(
        tokenizer=t5_words(),
        text_encoder=t5(),
        vae=vae(levels=4),
        transformer=_pixart_transformer(),
        scheduler=diffusers.DPMSolverMultistepScheduler(),
    )


def _pixart_transformer() -> Any:
    return diffusers.PixArtTransformer2DModel(
        sample_size=32,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        cross_attention_dim=16,
        caption_channels=64,
        use_additional_conditions=False,
    )


def sana() -> Any:
    """A `SanaPipeline` that draws 512 x 512 pixels."""
    words = gemma_words()
    return diffusers.SanaPipeline(
        tokenizer=words,
        text_encoder=Gemma2Model(Gemma2Config(**_SIZES, vocab_size=len(words))),
        vae=diffusers.AutoencoderDC(
            latent_channels=4,
            attention_head_dim=2,
            encoder_block_out_channels=(4,) * 6,
            decoder_block_out_channels=(4,) * 6,
            encoder_layers_per_block=(1,) * 6,
            decoder_layers_per_block=(1,) * 6,
            encoder_qkv_multiscales=((),) * 6,
            decoder_qkv_multiscales=((),) * 6,
            scaling_factor=0.41407,
        ),
        transformer=diffusers.SanaTransformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_attention_heads=2,
            attention_head_dim=4,
            num_cross_attention_heads=2,
            cross_attention_head_dim=4,
            cross_attention_dim=8,
            caption_channels=32,
            sample_size=16,
        ),
        scheduler=diffusers.DPMSolverMultistepScheduler(
            use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=3.0
        ),
    )


def auraflow() -> Any:
    """An `AuraFlowPipeline`."""
    return diffusers.AuraFlowPipeline(
        tokenizer=t5_words(),
        text_encoder=_umt5(),
        vae=vae(levels=4),
        transformer=diffusers.AuraFlowTransformer2DModel(
            sample_size=8,
            num_mmdit_layers=1,
            num_single_dit_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            joint_attention_dim=64,
            caption_projection_dim=32,
            pos_embed_max_size=256,
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=1.73),
    )


def cogview4() -> Any:
    """A `CogView4Pipeline`."""
    words = gemma_words()
    words.padding_side = "left"
    return diffusers.CogView4Pipeline(
        tokenizer=words,
        text_encoder=GlmModel(GlmConfig(**_SIZES, vocab_size=len(words), pad_token_id=0)),
        vae=vae(levels=4),
        transformer=diffusers.CogView4Transformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            text_embed_dim=32,
            time_embed_dim=8,
            condition_dim=4,
            sample_size=8,
            rope_axes_dim=(8, 8),
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, base_shift=0.25, max_shift=0.75),
    )


def cogview3_plus() -> Any:
    """A `CogView3PlusPipeline`."""
    return diffusers.CogView3PlusPipeline(
        tokenizer=t5_words(),
        text_encoder=t5(),
        vae=vae(levels=4),
        transformer=diffusers.CogView3PlusTransformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            text_embed_dim=64,
            time_embed_dim=8,
            condition_dim=2,
            pos_embed_max_size=8,
            sample_size=8,
        ),
        scheduler=diffusers.CogVideoXDDIMScheduler(
            prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"
        ),
    )


def lumina() -> Any:
    """A `LuminaPipeline` (Lumina-Next)."""
    words = gemma_words()
    return diffusers.LuminaPipeline(
        tokenizer=words,
        text_encoder=GemmaModel(GemmaConfig(**_SIZES, vocab_size=len(words))),
        vae=vae(levels=4),
        transformer=diffusers.LuminaNextDiT2DModel(
            sample_size=4,
            patch_size=2,
            in_channels=4,
            hidden_size=24,
            num_layers=2,
            num_attention_heads=3,
            num_kv_heads=1,
            multiple_of=16,
            ffn_dim_multiplier=None,
            learn_sigma=True,
            qk_norm=True,
            cross_attention_dim=32,
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
    )


def wan(*, two_experts: bool = False) -> Any:
    """A `WanPipeline`; with two experts as Wan 2.2 has them."""
    return diffusers.WanPipeline(
        tokenizer=t5_words(),
        text_encoder=_umt5(),
        vae=diffusers.AutoencoderKLWan(
            base_dim=4,
            z_dim=4,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
            latents_mean=[-0.5, 0.25, 0.1, -0.2],
            latents_std=[1.5, 0.75, 2.0, 1.25],
        ),
        transformer=_wan_transformer(),
        transformer_2=_wan_transformer() if two_experts else None,
        boundary_ratio=0.5 if two_experts else None,
        scheduler=diffusers.UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0
        ),
    )


def _wan_transformer() -> Any:
    return diffusers.WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=4,
        out_channels=4,
        text_dim=64,
        freq_dim=16,
        ffn_dim=32,
        num_layers=1,
        rope_max_seq_len=32,
    )


def hunyuan_dit() -> Any:
    """A `HunyuanDiTPipeline`."""
    letters = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(chr, range(97, 123)), ","]
    words = BertTokenizer(vocab={each: k for k, each in enumerate(letters)}, model_max_length=77)
    return diffusers.HunyuanDiTPipeline(
        tokenizer=words,
        text_encoder=BertModel(
            BertConfig(
                vocab_size=len(words),
                hidden_size=32,
                intermediate_size=37,
                num_hidden_layers=2,
                num_attention_heads=4,
            )
        ),
        tokenizer_2=t5_words(),
        text_encoder_2=t5(),
        vae=vae(levels=4),
        transformer=diffusers.HunyuanDiT2DModel(
            sample_size=8,
            num_layers=2,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=3,
            in_channels=4,
            cross_attention_dim=32,
            cross_attention_dim_t5=64,
            pooled_projection_dim=16,
            hidden_size=24,
        ),
        scheduler=diffusers.DDPMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def ovis() -> Any:
    """An `OvisImagePipeline`."""
    words = qwen_words()
    return diffusers.OvisImagePipeline(
        tokenizer=words,
        text_encoder=Qwen3Model(Qwen3Config(**_SIZES, vocab_size=len(words))),
        vae=vae(levels=4, shift_factor=0.06, scaling_factor=1.5),
        transformer=diffusers.OvisImageTransformer2DModel(
            in_channels=16,
            out_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            axes_dims_rope=(4, 4, 8),
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    )


def ernie() -> Any:
    """An `ErnieImagePipeline`."""
    words = gemma_words()
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**_SIZES, "vocab_size": len(words), "model_type": "mistral"}
    autoencoder = diffusers.AutoencoderKLFlux2(
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=32,
    )
    autoencoder.bn.running_mean.normal_(std=0.3)
    autoencoder.bn.running_var.uniform_(0.5, 2.0)
    return diffusers.ErnieImagePipeline(
        tokenizer=words,
        text_encoder=Mistral3Model(Mistral3Config(text_config=text, vision_config={**vision, "model_type": "pixtral"})),
        vae=autoencoder,
        transformer=diffusers.ErnieImageTransformer2DModel(
            hidden_size=32,
            num_attention_heads=2,
            num_layers=1,
            ffn_hidden_size=32,
            in_channels=16,
            out_channels=16,
            text_in_dim=32,
            rope_axes_dim=(8, 4, 4),
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
    )


def longcat() -> Any:
    """A `LongCatImagePipeline`.

    Its processor only rewrites prompts, and needs torchvision: a tokenizer takes its place.
    """
    words = qwen_words()
    return diffusers.LongCatImagePipeline(
        tokenizer=words,
        text_processor=words,
        text_encoder=qwen_vl(len(words)),
        vae=vae(levels=4, latent_channels=16, shift_factor=0.06, scaling_factor=1.5),
        transformer=diffusers.LongCatImageTransformer2DModel(
            in_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            axes_dims_rope=[4, 4, 8],
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    )


def bria() -> Any:
    """A `BriaPipeline`."""
    return diffusers.BriaPipeline(
        tokenizer=t5_words(),
        text_encoder=t5(),
        vae=vae(levels=4, shift_factor=0.0),
        transformer=diffusers.BriaTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=64,
            axes_dims_rope=[0, 8, 8],
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
    )


def kandinsky3() -> Any:
    """A `Kandinsky3Pipeline`."""
    return diffusers.Kandinsky3Pipeline(
        tokenizer=t5_words(),
        text_encoder=t5(),
        unet=diffusers.Kandinsky3UNet(
            in_channels=4,
            time_embedding_dim=4,
            groups=2,
            attention_head_dim=4,
            layers_per_block=2,
            block_out_channels=(32, 64),
            cross_attention_dim=4,
            encoder_hid_dim=64,
        ),
        movq=diffusers.VQModel(
            block_out_channels=[32] * 4,
            down_block_types=["DownEncoderBlock2D"] * 4,
            up_block_types=["UpDecoderBlock2D"] * 4,
            latent_channels=4,
            layers_per_block=1,
            norm_num_groups=8,
            norm_type="spatial",
            num_vq_embeddings=12,
            vq_embed_dim=4,
        ),
        scheduler=diffusers.DDPMScheduler(beta_start=0.00085, beta_end=0.012, steps_offset=1),
    )


def stable_diffusion_pag() -> Any:
    """A `StableDiffusionPAGPipeline`, which has counterparts for pictures and masks."""
    words = clip_words()
    return diffusers.StableDiffusionPAGPipeline(
        vae=vae(),
        text_encoder=CLIPTextModel(clip_config(words)),
        tokenizer=words,
        unet=diffusers.UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(32, 64),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=8,
            norm_num_groups=8,
            cross_attention_dim=32,
        ),
        scheduler=diffusers.DDIMScheduler(beta_schedule="scaled_linear", steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _umt5() -> UMT5EncoderModel:
    sizes = {"d_model": 64, "d_kv": 8, "d_ff": 37, "num_layers": 2, "num_heads": 4}
    return UMT5EncoderModel(UMT5Config(vocab_size=len(t5_words()), **sizes, relative_attention_num_buckets=8))


PIPELINES = {
    "auraflow": auraflow,
    "bria": bria,
    "cogview3-plus": cogview3_plus,
    "cogview4": cogview4,
    "ernie": ernie,
    "hunyuan-dit": hunyuan_dit,
    "kandinsky3": kandinsky3,
    "longcat": longcat,
    "lumina": lumina,
    "ovis": ovis,
    "pixart-alpha": pixart_alpha,
    "pixart-sigma": pixart_sigma,
    "sana": sana,
    "sd-pag": stable_diffusion_pag,
    "wan": wan,
    "wan-two-experts": lambda: wan(two_experts=True),
}

"""Random models of every family with small sizes, for a CPU: large enough for the model's own work to decide the time.

The flows of language models are those of the tests, with a larger transformer.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from true_sizes import clip, clip_words, noise_scheduler, t5

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import random_flows

diffusers: Any = import_module("diffusers")

SIDE = 128
"""Pixels along a picture."""


def _vae(levels: int = 4, **own: Any) -> Any:
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * levels, "up_block_types": ("UpDecoderBlock2D",) * levels}
    return diffusers.AutoencoderKL(**blocks, block_out_channels=(32,) * levels, sample_size=SIDE, **own)


def _unet(**own: Any) -> Any:
    widths = {"block_out_channels": (64, 128, 128), "sample_size": SIDE // 8, "attention_head_dim": 4}
    return diffusers.UNet2DConditionModel(
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        **widths,
        **own,
    )


def _stable_diffusion(scheduler: Any, **unet: Any) -> Any:
    return diffusers.StableDiffusionPipeline(
        vae=_vae(),
        text_encoder=clip(128, projected=False),
        tokenizer=clip_words(),
        unet=_unet(cross_attention_dim=128, **unet),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl() -> Any:
    unet = _unet(
        cross_attention_dim=256,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=6 * 32 + 128,
    )
    return diffusers.StableDiffusionXLPipeline(
        vae=_vae(),
        text_encoder=clip(128, projected=False),
        text_encoder_2=clip(128, projected=True),
        tokenizer=clip_words(),
        tokenizer_2=clip_words(),
        unet=unet,
        scheduler=noise_scheduler(),
        add_watermarker=False,
    )


def _sd3() -> Any:
    encoder, words = t5(128)
    return diffusers.StableDiffusion3Pipeline(
        vae=_vae(shift_factor=0.06, scaling_factor=1.5),
        text_encoder=clip(64, projected=True),
        text_encoder_2=clip(64, projected=True),
        text_encoder_3=encoder,
        tokenizer=clip_words(),
        tokenizer_2=clip_words(),
        tokenizer_3=words,
        transformer=diffusers.SD3Transformer2DModel(
            sample_size=SIDE // 8,
            in_channels=4,
            out_channels=4,
            num_layers=4,
            attention_head_dim=32,
            num_attention_heads=6,
            joint_attention_dim=128,
            caption_projection_dim=192,
            pooled_projection_dim=128,
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


def _flux() -> Any:
    encoder, words = t5(128)
    return diffusers.FluxPipeline(
        vae=_vae(shift_factor=0.06, scaling_factor=1.5),
        text_encoder=clip(128, projected=False),
        text_encoder_2=encoder,
        tokenizer=clip_words(),
        tokenizer_2=words,
        transformer=diffusers.FluxTransformer2DModel(
            in_channels=16,
            num_layers=2,
            num_single_layers=4,
            attention_head_dim=32,
            num_attention_heads=6,
            joint_attention_dim=128,
            pooled_projection_dim=128,
            axes_dims_rope=(8, 12, 12),
            guidance_embeds=True,
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    )


def _larger(pipeline: Any, **sizes: Any) -> Any:
    """A flow with a larger transformer."""
    kind = type(pipeline.transformer)
    pipeline.transformer = kind.from_config({**pipeline.transformer.config, **sizes})
    return random_flows.randomize(pipeline)


def _flow_vae(levels: int = 3) -> Any:
    return _vae(levels, shift_factor=0.06, scaling_factor=1.5)


SMALL: dict[str, Callable[[], Any]] = {
    "sd": lambda: _stable_diffusion(noise_scheduler()),
    "lcm": lambda: _latent_consistency(),
    "sdxl": _sdxl,
    "sd3": _sd3,
    "flux": _flux,
    "z-image": lambda: _larger(random_flows.z_image(_flow_vae()), dim=192, n_layers=4, n_heads=12, n_kv_heads=12),
    "qwen-image": lambda: _larger(random_flows.qwen_image(), num_layers=4, num_attention_heads=12),
    "lumina2": lambda: _larger(
        random_flows.lumina2(_flow_vae(4)), hidden_size=192, num_layers=6, num_attention_heads=12, num_kv_heads=6
    ),
    "chroma": lambda: _larger(
        random_flows.chroma(_flow_vae(), *t5(64)), num_layers=2, num_single_layers=4, num_attention_heads=12
    ),
    "klein": lambda: _larger(random_flows.flux2_klein(), num_layers=2, num_single_layers=4, num_attention_heads=12),
    "krea2": lambda: _larger(
        random_flows.krea2(), num_layers=4, num_attention_heads=12, num_key_value_heads=6, intermediate_size=512
    ),
}
"""Creates the pipeline of a family."""


def _latent_consistency() -> Any:
    pipeline = _stable_diffusion(diffusers.LCMScheduler(beta_schedule="scaled_linear"), time_cond_proj_dim=64)
    return diffusers.LatentConsistencyModelPipeline(**pipeline.components, requires_safety_checker=False)

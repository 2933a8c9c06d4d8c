"""Random models of every family, small enough to draw in a blink: each built once, stock and ours of one folder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import random_flows
import torch
from PIL import Image
from random_parts import clip_config as _clip_config
from random_parts import clip_words as _clip_words
from random_parts import t5 as _t5
from random_parts import t5_words as _t5_words
from random_parts import vae as _vae
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
)

from notthat.generation import GenerationRequest, LocalEngine
from notthat.generation.device import optimize
from notthat.generation.families.base import Family
from notthat.generation.guidance.memory import GuidanceMemory, GuidedState
from notthat.generation.loading import load_family, resolve_device
from notthat.generation.sampling import DenoisingState

diffusers: Any = import_module("diffusers")  # as it is for type checkers: half of it has no types

FINDS_ALL, FINDS_NOTHING = {"found_nearness": -1e9}, {"found_nearness": 1e9}
"""Parameters of a look-ahead that finds every term, or none."""

LANGUAGE_MODEL_FLOWS = ["z-image", "qwen-image", "qwen-image-2.1", "lumina2", "chroma", "klein", "krea2"]
"""The flows that read texts with a language model, or with a T5 alone."""

SIDE = 32
"""Pixels along the random models' pictures."""


@dataclass
class Both:
    """A random model twice: in diffusers' own pipeline, and in our engine, whose parts are its `family`."""

    stock: Any
    engine: LocalEngine
    family: Family
    folder: Path

    def request(self, **changed: Any) -> GenerationRequest:
        values = {"prompt": "a man on a beach", "syntax": "plain", "seed": 11, "num_inference_steps": 3}
        sized = {"guidance_scale": 4.0, "width": SIDE, "height": SIDE, "model": self.engine.model}
        return GenerationRequest.create(**{**sized, **values, **changed})

    def pixels(self, count: int = 1, **changed: Any) -> np.ndarray[Any, Any]:
        *_, last = self.engine.run(self.request(**changed), count=count)
        return np.stack([np.asarray(each.image, np.int16) for each in last.pictures])

    def stock_pixels(
        self, count: int = 1, *, negative_prompt: str | None = None, guidance_scale: float = 4.0, **asked: Any
    ) -> np.ndarray[Any, Any]:
        """The stock pipeline's pictures of the same request."""
        negative: dict[str, Any] = {"negative_prompt": negative_prompt}
        if self.folder.name.startswith("klein"):  # which takes a negative prompt as its embedding alone
            encoded = None if negative_prompt is None else self.stock.encode_prompt(negative_prompt)[0]
            negative = {"negative_prompt_embeds": encoded}
        pictures = self.stock(
            prompt=asked.get("prompt", "a man on a beach"),
            num_inference_steps=3,
            width=asked.get("width", SIDE),
            height=SIDE,
            num_images_per_prompt=count,
            generator=[torch.Generator("cpu").manual_seed(11 + k) for k in range(count)],
            **negative,
            **stock_guidance(self.folder.name, guidance_scale),
        )
        return np.stack([np.asarray(on_white(image), np.int16) for image in pictures.images])


def on_white(image: Image.Image) -> Image.Image:
    """A picture without its transparency."""
    if image.mode == "RGB":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def stock_guidance(kind: str, scale: float) -> dict[str, float]:
    """The true guidance scale, as a stock pipeline takes it."""
    if kind in ("flux", "schnell", "qwen-image", "qwen-image-2.1"):
        return {"true_cfg_scale": scale}
    return {"guidance_scale": scale - 1 if kind.startswith(("z-image", "krea2")) else scale}


def loaded(model: str) -> tuple[LocalEngine, Family]:
    """The engine that `LocalEngine.load` makes of a model, and the parts that it is made of."""
    device = resolve_device("cpu")
    family = load_family(model, device)
    optimize(family, device, compiled=False)
    return LocalEngine(model, family, device), family


def noise(family: Family, request: GenerationRequest) -> GuidedState:
    """What the first step of a request is taken from."""
    generator = torch.Generator("cpu").manual_seed(request.seed)
    latents = family.pack(torch.randn(family.noise_shape(request), generator=generator))
    scheduler = type(family.scheduler).from_config(family.scheduler.config)
    family.set_timesteps(scheduler, latents, request)
    scaled = latents * getattr(scheduler, "init_noise_sigma", 1.0)
    return DenoisingState(scaled, scheduler, [generator], GuidanceMemory())


@pytest.fixture(scope="session")
def mini() -> tuple[LocalEngine, Family]:
    """The built-in model, which all tests share, and its parts."""
    return loaded("mini")


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Both]]:
    """Gives the random model of a kind, built when it is first asked for: "sd", "sd-v", "sdxl", "sd3", "flux", ..."""
    built: dict[str, Both] = {}

    def get(kind: str) -> Both:
        if kind not in built:
            torch.manual_seed(7)
            pipeline = _PIPELINES[kind]()
            if kind in LANGUAGE_MODEL_FLOWS:
                random_flows.randomize(pipeline)
            pipeline.set_progress_bar_config(disable=True)
            for part in pipeline.components.values():
                if isinstance(part, torch.nn.Module):
                    part.eval()  # as every loaded model is: a T5 drops out
            folder = tmp_path_factory.mktemp("families") / kind
            pipeline.save_pretrained(folder)
            built[kind] = Both(pipeline, *loaded(str(folder)), folder)
        return built[kind]

    yield get
    built.clear()


def _stable_diffusion(prediction_type: str = "epsilon", kind: str = "StableDiffusionPipeline", **unet: Any) -> Any:
    words = _clip_words()
    scheduler = {"beta_schedule": "scaled_linear", "steps_offset": 1, "clip_sample": False}
    return getattr(diffusers, kind)(
        vae=_vae(),
        text_encoder=CLIPTextModel(_clip_config(words)),
        tokenizer=words,
        unet=_unet(cross_attention_dim=32, **unet),
        scheduler=diffusers.DDIMScheduler(**scheduler, prediction_type=prediction_type),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).to("cpu")


def _consistency() -> Any:
    pipeline = _stable_diffusion(time_cond_proj_dim=8)
    pipeline.register_modules(scheduler=diffusers.LCMScheduler(beta_schedule="scaled_linear"))
    return pipeline


def _sdxl(kind: str = "StableDiffusionXLPipeline", **unet: Any) -> Any:
    words = _clip_words()
    return getattr(diffusers, kind)(
        vae=_vae(),
        text_encoder=CLIPTextModel(_clip_config(words)),
        text_encoder_2=CLIPTextModelWithProjection(_clip_config(words)),
        tokenizer=words,
        tokenizer_2=words,
        unet=_unet(
            cross_attention_dim=64,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 32,
            use_linear_projection=True,
            **unet,
        ),
        scheduler=diffusers.EulerDiscreteScheduler(beta_schedule="scaled_linear", steps_offset=1),
        add_watermarker=False,
    )


def _sd3() -> Any:
    words = _clip_words()
    return diffusers.StableDiffusion3Pipeline(
        vae=_vae(shift_factor=0.06, scaling_factor=1.5),
        text_encoder=CLIPTextModelWithProjection(_clip_config(words)),
        text_encoder_2=CLIPTextModelWithProjection(_clip_config(words)),
        text_encoder_3=_t5(),
        tokenizer=words,
        tokenizer_2=words,
        tokenizer_3=_t5_words(),
        transformer=diffusers.SD3Transformer2DModel(
            sample_size=16,
            patch_size=2,
            in_channels=4,
            out_channels=4,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=4,
            joint_attention_dim=64,
            caption_projection_dim=32,
            pooled_projection_dim=64,
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


def _flux(*, guidance_embeds: bool = True, kind: str = "FluxPipeline", **transformer: Any) -> Any:
    words = _clip_words()
    return getattr(diffusers, kind)(
        vae=_vae(shift_factor=0.06, scaling_factor=1.5),
        text_encoder=CLIPTextModel(_clip_config(words)),
        text_encoder_2=_t5(),
        tokenizer=words,
        tokenizer_2=_t5_words(),
        transformer=diffusers.FluxTransformer2DModel(
            **{"patch_size": 1, "in_channels": 16, **transformer},
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=64,
            pooled_projection_dim=32,
            axes_dims_rope=(4, 4, 8),
            guidance_embeds=guidance_embeds,
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=guidance_embeds),
    )


_PIPELINES: dict[str, Callable[[], Any]] = {
    "sd": _stable_diffusion,
    "sd-v": lambda: _stable_diffusion("v_prediction"),
    "sd-inpainting": lambda: _stable_diffusion(kind="StableDiffusionInpaintPipeline", in_channels=9),
    "sdxl-inpainting": lambda: _sdxl("StableDiffusionXLInpaintPipeline", in_channels=9),
    "flux-fill": lambda: _flux(kind="FluxFillPipeline", in_channels=48, out_channels=16),
    "lcm": _consistency,
    "sdxl": _sdxl,
    "sd3": _sd3,
    "flux": _flux,
    "schnell": lambda: _flux(guidance_embeds=False),
    "z-image": lambda: random_flows.z_image(_vae(shift_factor=0.06, scaling_factor=1.5)),
    "qwen-image": random_flows.qwen_image,
    "qwen-image-2.1": random_flows.qwen_image21,
    "lumina2": lambda: random_flows.lumina2(_vae(levels=4, shift_factor=0.06, scaling_factor=1.5)),
    "chroma": lambda: random_flows.chroma(_vae(shift_factor=0.06, scaling_factor=1.5), _t5(), _t5_words()),
    "klein": random_flows.flux2_klein,
    "klein-distilled": lambda: random_flows.flux2_klein(is_distilled=True),
    "krea2": random_flows.krea2,
    "krea2-distilled": lambda: random_flows.krea2(is_distilled=True),
}


def _unet(**own: Any) -> Any:
    return diffusers.UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=8,
        norm_num_groups=8,
        **own,
    )

"""Which model a single-file checkpoint is, from the names and shapes of its tensors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

PIPELINES = {
    "v1": "StableDiffusionPipeline",
    "v2": "StableDiffusionPipeline",
    "inpainting": "StableDiffusionPipeline",
    "inpainting_v2": "StableDiffusionPipeline",
    "xl_base": "StableDiffusionXLPipeline",
    "xl_inpaint": "StableDiffusionXLPipeline",
    "playground-v2-5": "StableDiffusionXLPipeline",
    "sd3": "StableDiffusion3Pipeline",
    "sd35_medium": "StableDiffusion3Pipeline",
    "sd35_large": "StableDiffusion3Pipeline",
    "flux-dev": "FluxPipeline",
    "flux-schnell": "FluxPipeline",
    "flux-fill": "FluxPipeline",
    "chroma": "ChromaPipeline",
    "lumina2": "Lumina2Pipeline",
    "z-image-turbo": "ZImagePipeline",
    "krea2": "Krea2Pipeline",
}
"""diffusers' name of a checkpoint's kind, and the pipeline class that runs it."""

_NAMES = {
    "xl_refiner": "Stable Diffusion XL refiner",
    "upscale": "Stable Diffusion upscaler",
    "controlnet": "ControlNet",
    "animatediff": "AnimateDiff video model",
    "stable_cascade": "Stable Cascade model",
    "flux-2": "Flux.2 model",
    "flux-3": "Flux.3 model",
    "flux-depth": "Flux Depth or Canny model",
    "chroma": "Chroma model",
    "ltx": "LTX video model",
    "mochi": "Mochi video model",
    "hunyuan-video": "Hunyuan video model",
    "wan": "Wan video model",
    "cosmos": "Cosmos model",
    "autoencoder": "autoencoder",
    "auraflow": "AuraFlow model",
    "lumina2": "Lumina 2 model",
    "z-image": "Z-Image model",
    "sana": "Sana model",
    "qwen-image": "Qwen-Image 2.1 model",
    "krea2": "Krea 2 model",
    "hidream": "HiDream model",
}
"""What users call the other kinds, by the beginning of diffusers' names. The first that fits counts."""

_GUIDANCE = "guidance_in.in_layer.weight"
"""Flux.2 dev has the distilled guidance as an input; klein has not."""

_UNET_INPUT = "model.diffusion_model.input_blocks.0.0.weight"
UNET_INPUTS = {5: "depth model", 7: "upscaler", 8: "InstructPix2Pix model"}
"""What a U-Net with this many input channels is: all take a picture besides the noise. Inpainting models have 9."""

_FLUX_INPUTS = {128: "Flux Depth or Canny model"}
"""The same of a Flux transformer."""

_EDM_V_PREDICTION = "edm_vpred.sigma_max"
_V_PREDICTION, _ZERO_SNR = "v_pred", "ztsnr"


def read_shapes(file: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` file by name, without their data."""
    with safe_open(file, framework="pt") as tensors:
        names = tensors.keys()
        return {name: torch.empty(tensors.get_slice(name).get_shape(), device="meta") for name in names}


def identify_checkpoint(shapes: Mapping[str, Tensor]) -> str | None:
    """The pipeline class of a checkpoint, or else what the checkpoint is in words; None if nobody knows."""
    if _EDM_V_PREDICTION in shapes:
        return "Stable Diffusion XL with an EDM schedule (CosXL)"
    if _UNET_INPUT in shapes and (found := UNET_INPUTS.get(shapes[_UNET_INPUT].shape[1])):
        return found
    kind = _infer_kind(shapes)
    if kind is None or (kind == "v1" and _UNET_INPUT not in shapes):
        return None
    if kind.startswith("flux-2") and not any(name.endswith(_GUIDANCE) for name in shapes):
        return "Flux2KleinPipeline"
    named = (name for beginning, name in _NAMES.items() if kind.startswith(beginning))
    return PIPELINES.get(kind) or next(named, f"{kind} model")


def name_inputs(class_name: str, config: Mapping[str, Any]) -> str | None:
    """What the denoiser of this class and configuration is, if it takes a picture besides the noise; else None."""
    channels, out = config.get("in_channels"), config.get("out_channels")
    if channels == out or not isinstance(channels, int) or out is None:
        return None
    kinds = {"FluxTransformer2DModel": _FLUX_INPUTS, "UNet2DConditionModel": UNET_INPUTS}
    return kinds.get(class_name, {}).get(channels)


def scheduler_from_keys(scheduler: Any, shapes: Mapping[str, Tensor]) -> Any:
    """The scheduler of a U-Net checkpoint, corrected by the keys `v_pred` and `ztsnr`, which have no data to load.

    Trainers add them: `v_pred` to a model that predicts v, `ztsnr` to one that was trained with zero terminal SNR. That
    needs v-prediction and trailing timesteps: Lin et al. 2023, "Common Diffusion Noise Schedules and Sample Steps
    are Flawed", arXiv:2305.08891. Schedulers without zero SNR are replaced by DDIM.
    """
    if _ZERO_SNR in shapes:
        from diffusers import DDIMScheduler

        kind = type(scheduler) if "rescale_betas_zero_snr" in scheduler.config else DDIMScheduler
        zero = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
        return kind.from_config(scheduler.config, prediction_type="v_prediction", **zero)
    if _V_PREDICTION in shapes:
        return type(scheduler).from_config(scheduler.config, prediction_type="v_prediction")
    return scheduler


def _infer_kind(shapes: Mapping[str, Tensor]) -> str | None:
    """What diffusers takes the checkpoint for; "v1" where it does not know."""
    from diffusers.loaders import single_file_utils

    library: Any = single_file_utils
    try:
        return str(library.infer_diffusers_model_type(shapes))
    except (LookupError, AttributeError, UnboundLocalError, ValueError):  # tensors of a kind with unknown sizes
        return None

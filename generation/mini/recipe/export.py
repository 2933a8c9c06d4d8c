"""Assemble the trained parts to a Stable Diffusion pipeline in diffusers' layout, and draw a contact sheet."""

import json
import random
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTextModel, CLIPTokenizer

from .canvas import SIZE
from .captions import caption
from .denoiser import new_scheduler
from .world import Scene

STEPS = 20
GUIDANCE = 4.0
RESCALE = 0.5
"""Guidance rescale. Without it, a schedule that ends in pure noise makes guided pictures garish.

Lin et al. 2024, section 3.4.
"""

SHEET = (
    "portrait of a man",
    "portrait of a woman",
    "a child",
    "photo of a man with mustache and glasses",
    "cartoon of a woman with glasses, forest",
    "painting of a man with hat, beach",
    "sketch of a child with long hair, smile",
    "photo of a cat",
    "a house, forest",
    "a boat, beach",
)


def assemble(
    vae: AutoencoderKL, text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer, unet: UNet2DConditionModel
) -> Any:
    """Assemble the pipeline."""
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def export(pipeline: Any, clip: CLIPModel, scenes: list[Scene], training: dict[str, Any], folder: Path) -> None:
    """Write the pipeline, mostly in half precision.

    Also writes the whole CLIP to `clip/`, the model's defaults and vocabulary to `notthat.json`, and the duration
    and machine of each training stage to `training.json`.
    """
    for part in (pipeline.unet, pipeline.vae):  # not the text encoder: it would also be loaded in half precision
        part.half().register_to_config(_name_or_path="mini")  # not a path of this machine
    pipeline.save_pretrained(folder, safe_serialization=True)
    clip.half().save_pretrained(folder / "clip")
    pipeline.tokenizer.save_pretrained(folder / "clip")
    looking = {"size": {"shortest_edge": SIZE}, "crop_size": {"height": SIZE, "width": SIZE}}
    CLIPImageProcessorPil(**looking, image_mean=[0.5] * 3, image_std=[0.5] * 3).save_pretrained(folder / "clip")
    rng = random.Random(0)
    words = {word for scene in scenes for word in caption(scene, rng).replace(",", " ").lower().split()}
    about = {
        "num_inference_steps": STEPS,
        "guidance_scale": GUIDANCE,
        "guidance_rescale": RESCALE,
        "guided_method": "lookahead",
        "width": SIZE,
        "height": SIZE,
        "vocabulary": sorted(words),
    }
    for name, values in (("notthat", about), ("training", training)):
        (folder / f"{name}.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def sheet(pipeline: Any, path: Path, per_prompt: int = 4) -> None:
    """A contact sheet: one row for each prompt, one column for each seed."""
    pipeline.set_progress_bar_config(disable=True)
    prompts = [prompt for prompt in SHEET for _ in range(per_prompt)]
    generators = [torch.Generator("cpu").manual_seed(seed) for _ in SHEET for seed in range(per_prompt)]
    pictures = pipeline(
        prompts, num_inference_steps=STEPS, guidance_scale=GUIDANCE, guidance_rescale=RESCALE, generator=generators
    ).images
    side = pictures[0].width
    image = Image.new("RGB", (per_prompt * 2 * side, len(SHEET) // 2 * side))
    for k, picture in enumerate(pictures):
        row, column = divmod(k, per_prompt * 2)
        image.paste(picture, (column * side, row * side))
    image.save(path)

"""Put the trained parts together as a Stable Diffusion pipeline in diffusers' layout, and look at it."""

import json
import random
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextModel, CLIPTokenizer

from .captions import caption
from .denoiser import new_scheduler
from .world import Scene

SHEET = (
    "portrait of a man",
    "portrait of a woman",
    "a child",
    "photo of a man with mustache",
    "cartoon of a woman with glasses, forest",
    "painting of a man with hat, beach",
    "sketch of a child with long hair",
    "photo of a woman, watermark",
)


def assemble(
    vae: AutoencoderKL, text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer, unet: UNet2DConditionModel
) -> Any:
    """The pipeline of these parts."""
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


def export(pipeline: Any, scenes: list[Scene], folder: Path) -> None:
    """Write the pipeline, most of it in half precision, with `notthat.json`: its defaults and its words."""
    pipeline.unet.half()
    pipeline.vae.half()  # not the text encoder: transformers loads it in the precision that it is stored in
    pipeline.save_pretrained(folder, safe_serialization=True)
    rng = random.Random(0)
    words = {word for scene in scenes for word in caption(scene, rng).replace(",", " ").lower().split()}
    about = {
        "num_inference_steps": 20,
        "guidance_scale": 4.0,
        "width": 128,
        "height": 128,
        "vocabulary": sorted(words),
    }
    (folder / "notthat.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def sheet(pipeline: Any, path: Path, per_prompt: int = 4) -> None:
    """A contact sheet: a row a prompt, a column a seed."""
    pipeline.set_progress_bar_config(disable=True)
    prompts = [prompt for prompt in SHEET for _ in range(per_prompt)]
    generators = [torch.Generator("cpu").manual_seed(seed) for _ in SHEET for seed in range(per_prompt)]
    pictures = pipeline(prompts, num_inference_steps=20, guidance_scale=4.0, generator=generators).images
    side = pictures[0].width
    image = Image.new("RGB", (per_prompt * 2 * side, len(SHEET) // 2 * side))
    for k, picture in enumerate(pictures):
        row, column = divmod(k, per_prompt * 2)
        image.paste(picture, (column * side, row * side))
    image.save(path)

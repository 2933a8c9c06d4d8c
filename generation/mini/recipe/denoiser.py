"""The denoiser: a U-Net with cross-attention to the caption, trained to predict v."""

import random
from collections.abc import Callable
from itertools import accumulate
from math import prod
from pathlib import Path

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from .autoencoder import CHANNELS
from .captions import caption
from .clip import WIDTH, tokenize
from .loop import Plan, fit
from .world import ORIGINS, SHOWN_MORE, WORN_BY, Scene


def new_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise schedule, rescaled to end in pure noise, so that dark and bright pictures are possible.

    Lin et al. 2024, "Common Diffusion Noise Schedules and Sample Steps are Flawed", arXiv:2305.08891.
    """
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        rescale_betas_zero_snr=True,
    )


def new_unet() -> UNet2DConditionModel:
    """An untrained U-Net for 16 x 16 latents."""
    torch.manual_seed(2)
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        block_out_channels=(64, 128, 192),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=32,
    )


def train_denoiser(
    unet: UNet2DConditionModel,
    scenes: list[Scene],
    latents: Tensor,
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModel,
    plan: Plan,
    folder: Path,
    device: str,
    batch: int = 96,
    only: str = "",
    composition: float = 0.0,
    on_checkpoint: Callable[[UNet2DConditionModel, int], None] | None = None,
) -> None:
    """Train in place on latents, each time with a new caption; one caption in ten is empty, all of found pictures.

    Only the weights with `only` in their name are trained: "attn2" is the cross-attention, which decides what captions
    mean. `composition`, from 0 to 1, is how much more the noisy timesteps count, where it is decided what a picture
    shows: at 1 the loss is not weighted, and a timestep is trained in proportion to its noise.

    The loss is on v, weighted min(SNR, 5) / (SNR + 1): Hang et al. 2023, "Efficient Diffusion Training
    via Min-SNR Weighting Strategy", arXiv:2303.09556. Timesteps are spread evenly over each batch. The middle
    of the picture, where faces are, weighs more, because important details there are small.
    """
    unet.to(device, memory_format=torch.channels_last)
    noised = new_scheduler().alphas_cumprod.to(device)
    where = make_sample_grid(latents.shape[-1]).to(device)
    for name, weights in unet.named_parameters():
        weights.requires_grad_(only in name)
    up_to = list(accumulate(shares(scenes)))

    def loss(rng: random.Random, _: float) -> Tensor:
        chosen = rng.choices(range(len(scenes)), cum_weights=up_to, k=batch)
        said = ["" if scenes[k].origin == "found" and rng.random() < 0.2 else caption(scenes[k], rng) for k in chosen]
        with torch.no_grad():
            context = text_encoder(tokenize(tokenizer, said).to(device)).last_hidden_state
        clean = latents[chosen].to(device)
        spread = (torch.rand(1, device=device) + torch.arange(batch, device=device) / batch) % 1
        timesteps = (spread ** (1 - composition / 2) * len(noised)).long()
        alpha = noised[timesteps].view(-1, 1, 1, 1)
        noise = torch.randn_like(clean)
        noisy = (alpha.sqrt() * clean + (1 - alpha).sqrt() * noise).to(memory_format=torch.channels_last)
        velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
        error = (where * (unet(noisy, timesteps, context).sample - velocity).square()).mean((1, 2, 3))
        snr = (alpha / (1 - alpha)).flatten()
        weight = (snr.clamp(max=5) / (snr + 1)).clamp(min=0.2 + 0.8 * composition)
        weighted: Tensor = weight * error
        return weighted.mean()

    fit(
        "denoiser",
        unet,
        loss,
        plan,
        folder,
        on_checkpoint=lambda step: on_checkpoint(unet, step) if on_checkpoint else None,
    )


def shares(scenes: list[Scene]) -> list[float]:
    """How often the denoiser is shown each scene; plain and found pictures are shown equally often."""
    times = [
        prod(
            times
            for name, times in SHOWN_MORE.items()
            if scene.has(name) and (scene.origin == "found" or name in ("person", *WORN_BY))
        )
        for scene in scenes
    ]
    total = {
        origin: sum(t for t, scene in zip(times, scenes, strict=True) if scene.origin == origin) for origin in ORIGINS
    }
    return [t / total[scene.origin] for t, scene in zip(times, scenes, strict=True)]


@torch.no_grad()
def mix(unet: UNet2DConditionModel, other: UNet2DConditionModel, share: float) -> None:
    """Interpolate towards the other model's weights by `share`. Between a model and its fine-tune, both do well.

    Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", arXiv:2109.01903.
    """
    for weights, others in zip(unet.parameters(), other.parameters(), strict=True):
        weights.lerp_(others.to(weights), share)


def make_sample_grid(side: int) -> Tensor:
    """Weights of shape (side, side) with mean 1, four times as high in the middle as in the corners."""
    offset = torch.linspace(-1, 1, side)
    near = torch.exp(-2 * (offset**2 + (offset[:, None] * 0.8) ** 2))
    return (1 + 3 * near) / (1 + 3 * near).mean()

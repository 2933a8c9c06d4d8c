"""Additional training of the decoder: on latents from the denoiser, against a texture critic.

The latents of a small denoiser differ from those of the encoder: lines waver, edges have halos. A decoder that was
trained on pairs of such latents and their pictures corrects most of that.
"""

import random
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from rich.progress import track
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm
from transformers import CLIPTextModel, CLIPTokenizer

from ...guidance.methods import cfg, rescale
from .autoencoder import difference
from .canvas import SIZE
from .captions import caption
from .clip import tokenize
from .data import Pictures
from .denoiser import make_sample_grid, new_scheduler
from .export import GUIDANCE, RESCALE, STEPS
from .loop import Plan, fit
from .world import Scene

BATCH = 8
CRITIC_WEIGHT = 0.25
_NOISED_TO = (150, 300, 450)
"""Timesteps at which the composition of a latent is fixed, while its details are drawn anew."""


@torch.no_grad()
def repaint_all(
    unet: UNet2DConditionModel,
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModel,
    scenes: list[Scene],
    latents: Tensor,
    path: Path,
    device: str,
    count: int = 2560,
) -> tuple[list[int], Tensor]:
    """`count` of the latents, noised and denoised again as mini draws, and their indices; cached in a file.

    Meng et al. 2022, "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations",
    arXiv:2108.01073.
    """
    if path.exists():
        chosen, repainted = torch.load(path, weights_only=True)
        return list(chosen), torch.as_tensor(repainted)
    unet.to(device)
    rng = random.Random(0)
    torch.manual_seed(3)
    chosen = rng.sample(range(len(scenes)), min(count, len(scenes)))

    def encode_captions(captions: list[str]) -> Tensor:
        return torch.as_tensor(text_encoder(tokenize(tokenizer, captions).to(device)).last_hidden_state)

    parts = []
    for k in track(range(0, len(chosen), 32), "repainting latents"):
        some = chosen[k : k + 32]
        context = encode_captions([*[""] * len(some), *(caption(scenes[i], rng) for i in some)])
        parts.append(_repaint(unet, context, latents[some].to(device), rng.choice(_NOISED_TO)).cpu())
    repainted = torch.cat(parts)
    torch.save((chosen, repainted), path)
    return chosen, repainted


def _repaint(unet: UNet2DConditionModel, context: Tensor, latents: Tensor, noised_to: int) -> Tensor:
    """Noise the latents to a timestep and denoise them; `context` has the embedding of "", then of the captions."""
    scheduler = new_scheduler()
    scheduler.set_timesteps(STEPS)
    timesteps = [timestep for timestep in scheduler.timesteps if timestep <= noised_to]
    latents = scheduler.add_noise(latents, torch.randn_like(latents), timesteps[0])
    for timestep in timesteps:
        empty, cond = unet(torch.cat([latents, latents]), timestep, context).sample.chunk(2)
        guided = rescale(cfg(cond, empty, scale=GUIDANCE), cond, phi=RESCALE)
        latents = scheduler.step(guided, timestep, latents).prev_sample
    return latents


def new_critic() -> nn.Sequential:
    """An untrained critic of patches of 30 pixels: positive if they look rendered, negative if they look decoded.

    Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", arXiv:1611.07004, with
    spectral normalization for stability: Miyato et al. 2018, arXiv:1802.05957.
    """
    torch.manual_seed(5)
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 64), (64, 128)):
        layers += [spectral_norm(nn.Conv2d(before, after, 4, 2, 1)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(128, 1, 3, 1, 1)))


def train_decoder(
    vae: AutoencoderKL,
    pictures: Pictures,
    latents: Tensor,
    repainted: tuple[list[int], Tensor],
    plan: Plan,
    folder: Path,
    device: str,
) -> None:
    """Train only the decoder, in place, on whole pictures. The latents, and so the denoiser's task, do not change.

    Half of a batch are repainted latents, the other half the encoder's own with a little noise. The middle of the
    picture weighs more, as in the denoiser, because a mustache is a few pixels and would be smoothed away. The critic
    is trained at the same time, with the hinge loss.
    """
    vae.to(device, memory_format=torch.channels_last).requires_grad_(False)
    vae.decoder.requires_grad_(True)
    critic = new_critic().to(device)
    both = nn.ModuleDict({"vae": vae, "critic": critic})
    chosen, painted = repainted
    most = 0.08 * latents.std()
    where = make_sample_grid(SIZE).to(device)

    def loss(rng: random.Random, done: float) -> Tensor:
        some = rng.sample(range(len(chosen)), BATCH // 2)
        others = [rng.randrange(len(pictures.scenes)) for _ in range(BATCH // 2)]
        noise = most * torch.rand(len(others), 1, 1, 1) * torch.randn_like(latents[others])
        given = torch.cat([painted[some], latents[others] + noise]) / vae.config.scaling_factor
        real = pictures.batch([*(chosen[k] for k in some), *others]).to(device, memory_format=torch.channels_last)
        decoded = vae.decode(given.to(device, memory_format=torch.channels_last)).sample.float()
        fixed = {name: weights.detach() for name, weights in critic.named_parameters()}
        taken_for_real = functional_call(critic, fixed, (decoded,)).mean()
        told_apart = functional.relu(1 - critic(real)).mean() + functional.relu(1 + critic(decoded.detach())).mean()
        trust = CRITIC_WEIGHT * min(1.0, 5 * done)  # the critic is untrained at first
        total: Tensor = difference(decoded, real, where) - trust * taken_for_real + told_apart
        return total

    fit("decoder", both, loss, plan, folder)

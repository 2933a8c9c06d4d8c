"""The autoencoder: 128 x 128 pixels to 16 x 16 x 8 latents, and back."""

import random
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from .canvas import SIZE
from .data import Pictures
from .loop import Plan, fit

CHANNELS = 8


def new_autoencoder() -> AutoencoderKL:
    """An untrained autoencoder."""
    torch.manual_seed(1)
    return AutoencoderKL(
        block_out_channels=(16, 32, 64, 64),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=1,
        latent_channels=CHANNELS,
        sample_size=SIZE,
        mid_block_add_attention=False,
    )


def train_autoencoder(pictures: Pictures, plan: Plan, folder: Path, device: str) -> AutoencoderKL:
    """Train an autoencoder, on crops first and on whole pictures at the end, and equalise its latents.

    It is not variational: a little noise of fixed size on the latents keeps the decoder smooth. Two things make the
    training fast: there is no variance to learn, and in the first half a loss pulls three of the latents towards the
    colours of the picture. Without that loss, colour is learned last.
    """
    vae = new_autoencoder().to(device, memory_format=torch.channels_last)

    def loss(rng: random.Random, done: float) -> Tensor:
        side, batch = (64, 8) if done < 0.9 else (SIZE, 3)
        pixels = pictures.batch([rng.randrange(len(pictures.scenes)) for _ in range(batch)])
        room = SIZE - side
        top, left = ((rng.randint(0, room) + rng.randint(0, room)) // 2 for _ in range(2))  # faces more often
        pixels = pixels[:, :, top : top + side, left : left + side].to(device, memory_format=torch.channels_last)
        latents = vae.encode(pixels).latent_dist.mean
        noise = 0.05 * latents.detach().std() * torch.randn_like(latents)
        colours = functional.mse_loss(latents[:, :3], functional.avg_pool2d(pixels, 8))
        return difference(vae.decode(latents + noise).sample, pixels) + max(0.0, 1 - 2 * done) * colours

    fit("autoencoder", vae, loss, plan, folder)
    with torch.no_grad():
        sample = [pictures.batch(list(range(k, k + 50))) for k in range(0, 1000, 50)]
        level(vae, torch.cat([vae.encode(pixels.to(device)).latent_dist.mean for pixels in sample]))
    return vae


def difference(decoded: Tensor, pixels: Tensor, where: Tensor | float = 1.0) -> Tensor:
    """The distance of pictures and of their edges, at three scales; `where` weights the pixels."""
    total = torch.zeros((), device=pixels.device)
    error = where * (decoded - pixels)
    for scale in range(3):
        if scale:
            error = functional.avg_pool2d(error, 2)
        edges = error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
        total = total + error.abs().mean() + error.square().mean() + edges
    return total


@torch.no_grad()
def level(vae: AutoencoderKL, latents: Tensor) -> None:
    """Fold a change of basis into the 1x1 convolutions, so that scaled latents are uncorrelated, of mean variance 1.

    `latents` are the encoder's output for a sample of pictures, of shape (batch, CHANNELS, height, width).
    This is half of a whitening: a channel keeps the square root of its standard deviation, so that important channels
    weigh more in the denoiser's loss and are determined earlier. The change is exact: the decoder's input is the same,
    and `scaling_factor` keeps its usual value.
    """
    flat = latents.transpose(0, 1).flatten(1).double()
    center = flat.mean(1, keepdim=True)
    values, vectors = torch.linalg.eigh(torch.cov(flat))
    spread = values.sqrt() / values.sqrt().mean()  # the variances that remain
    there = torch.diag((spread / values).sqrt()) @ vectors.T / vae.config.scaling_factor
    back = torch.linalg.inv(there)
    quant, post = vae.quant_conv, vae.post_quant_conv
    weight, bias = quant.weight.double().flatten(1), quant.bias.double()
    quant.weight[:CHANNELS] = (there @ weight[:CHANNELS]).reshape(CHANNELS, -1, 1, 1).float()
    quant.bias[:CHANNELS] = (there @ (bias[:CHANNELS, None] - center)).squeeze().float()
    quant.weight[CHANNELS:] = 0
    quant.bias[CHANNELS:] = -20.0  # the encoder is not variational: no variance
    decoding = post.weight.double().flatten(1)
    post.bias += (decoding @ center).squeeze().float()
    post.weight[:] = (decoding @ back).reshape_as(post.weight).float()


@torch.no_grad()
def encode_all(vae: AutoencoderKL, pictures: Pictures, path: Path, device: str) -> Tensor:
    """The scaled latents of all pictures, of shape (count, CHANNELS, 16, 16); kept in a file."""
    if path.exists():
        return torch.as_tensor(torch.load(path, weights_only=True))
    count = len(pictures.scenes)
    parts = []
    for k in range(0, count, 64):
        pixels = pictures.batch(list(range(k, min(k + 64, count)))).to(device)
        parts.append((vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor).cpu())
    latents = torch.cat(parts)
    torch.save(latents, path)
    return latents

"""Autoencoders: pixels to the latents that a denoiser works on, and back."""

from typing import Any

import torch
from torch import Tensor


class Autoencoder:
    """An autoencoder of diffusers, with the scaling of its latents for the denoiser.

    Latents have the shape (batch, channels, height, width); one of them stands for `scale` x `scale` pixels. `width` is
    the number of channels of the decoder's widest feature map at full size.
    """

    def __init__(self, vae: Any) -> None:
        self._vae = vae
        blocks = vae.config.block_out_channels
        self.scale: int = 2 ** (len(blocks) - 1)
        self.channels: int = vae.config.latent_channels
        self.width: int = blocks[0]

    def encode(self, pixels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The latents of pixels between -1 and 1, of shape (batch, 3, height, width).

        With a generator, they are drawn from the encoder's distribution; without one, they are its mode.
        """
        encoded = self._vae.encode(pixels.to(self._vae.device, self._vae.dtype), return_dict=False)[0]
        return self.normalize(_draw(encoded, generator))

    def decode(self, latents: Tensor) -> Tensor:
        """The inverse of `encode`."""
        decoded: Tensor = self._vae.decode(self.denormalize(latents).to(self._vae.dtype), return_dict=False)[0]
        return decoded

    def normalize(self, latents: Tensor) -> Tensor:
        """Scale the autoencoder's latents for the denoiser."""
        mean, std = self._statistics(latents)
        return (latents - mean) * float(self._vae.config.scaling_factor) / std

    def denormalize(self, latents: Tensor) -> Tensor:
        """The inverse of `normalize`."""
        mean, std = self._statistics(latents)
        return latents * std / float(self._vae.config.scaling_factor) + mean

    def _statistics(self, like: Tensor) -> tuple[Tensor | float, Tensor | float]:
        """The mean and standard deviation of the autoencoder's latents; 0 and 1 by default."""
        config = self._vae.config
        mean, std = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
        if mean is not None and std is not None:
            return _per_channel(mean, like), _per_channel(std, like)
        return getattr(config, "shift_factor", None) or 0.0, 1.0


class QwenAutoencoder(Autoencoder):
    """The autoencoder of videos of Wan and Qwen-Image, for a single frame: its tensors have a dimension for time.

    That of Qwen-Image 2.1 has opacity as a fourth channel. What is encoded is opaque.
    """

    def __init__(self, vae: Any) -> None:
        self._vae = vae
        self.scale = 2 ** len(vae.temperal_downsample) * (vae.config.get("patch_size") or 1)
        self.channels = vae.config.z_dim
        self.width = getattr(vae.config, "decoder_base_dim", None) or vae.config.base_dim

    def encode(self, pixels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """As `Autoencoder.encode`."""
        if getattr(self._vae.config, "in_channels", 3) == 4:
            pixels = torch.cat([pixels, torch.ones_like(pixels[:, :1])], dim=1)
        video = pixels.to(self._vae.device, self._vae.dtype).unsqueeze(2)
        latents = _draw(self._vae.encode(video, return_dict=False)[0], generator)
        return self.normalize(latents[:, :, 0])

    def decode(self, latents: Tensor) -> Tensor:
        """The inverse of `encode`."""
        video = self.denormalize(latents.to(self._vae.dtype)).unsqueeze(2)
        decoded: Tensor = self._vae.decode(video, return_dict=False)[0]
        return decoded[:, :, 0]

    def normalize(self, latents: Tensor) -> Tensor:
        """Scale the autoencoder's latents for the denoiser."""
        mean, std = self._statistics(latents)
        return (latents - mean) / std

    def denormalize(self, latents: Tensor) -> Tensor:
        """The inverse of `normalize`."""
        mean, std = self._statistics(latents)
        return latents * std + mean


class Flux2Autoencoder(Autoencoder):
    """Flux.2's autoencoder: each 2 x 2 latents are one, whose channels a batch norm scales."""

    def __init__(self, vae: Any) -> None:
        super().__init__(vae)
        self.scale *= 2
        self.channels *= 4

    def normalize(self, latents: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, 4 channels, height / 2, width / 2), scaled."""
        patches = torch.nn.functional.pixel_unshuffle(latents, 2)
        mean, std = self._statistics(patches)
        return (patches - mean) / std

    def denormalize(self, latents: Tensor) -> Tensor:
        """The inverse of `normalize`."""
        mean, std = self._statistics(latents)
        return torch.nn.functional.pixel_shuffle(latents * std + mean, 2)

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        norm = self._vae.bn
        variance = norm.running_var.view(1, -1, 1, 1) + self._vae.config.batch_norm_eps
        return norm.running_mean.view(1, -1, 1, 1).to(like), variance.sqrt().to(like)


class DeepCompressionAutoencoder(Autoencoder):
    """Sana's autoencoder, which has no distribution of latents."""

    def __init__(self, vae: Any) -> None:
        self._vae = vae
        self.scale = 2 ** (len(vae.config.encoder_block_out_channels) - 1)
        self.channels = vae.config.latent_channels
        self.width = vae.config.decoder_block_out_channels[0]

    def encode(self, pixels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """As `Autoencoder.encode`; the latents are always the same."""
        latents: Tensor = self._vae.encode(pixels.to(self._vae.device, self._vae.dtype), return_dict=False)[0]
        return self.normalize(latents)


def _draw(encoded: Any, generator: torch.Generator | None) -> Tensor:
    latents: Tensor = encoded.mode() if generator is None else encoded.sample(generator)
    return latents


def find_autoencoder(vae: Any) -> Autoencoder:
    """The wrapper for an autoencoder, chosen by its parts."""
    if "encoder_block_out_channels" in vae.config:
        return DeepCompressionAutoencoder(vae)
    if hasattr(vae, "temperal_downsample"):
        return QwenAutoencoder(vae)
    return Flux2Autoencoder(vae) if hasattr(vae, "bn") else Autoencoder(vae)


def _per_channel(values: list[float], like: Tensor) -> Tensor:
    return torch.tensor(values).view(1, -1, 1, 1).to(like)

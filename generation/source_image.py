"""Drawing from a picture: its latents with noise as the start, and a mask that keeps a part of it.

As diffusers' image-to-image and inpainting pipelines do it. The noise is that of SDEdit: Meng et al. 2022, "SDEdit:
Guided Image Synthesis and Editing with Stochastic Differential Equations", arXiv:2108.01073.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image, ImageChops, ImageFilter
from torch import Tensor

from .engine import ImageReader, Picture, Progress
from .errors import InvalidRequestError
from .families.base import Family
from .request import GenerationRequest

_FEATHER = 64
"""The border between old and new pixels is a share of one in so many of the picture's shorter side."""
_ASPECT = 0.02
"""How far the proportions of a mask may differ from those of its picture."""


def has_source(request: GenerationRequest) -> bool:
    """Whether drawing starts from a picture: not at a strength of 1 without a mask, which starts from noise alone."""
    return request.init_image is not None and (request.strength < 1 or request.mask_image is not None)


def first_step(request: GenerationRequest, *, flow: bool) -> int:
    """How many of the steps are skipped. As in diffusers, flows round the rest up, other models down.

    Raises:
        InvalidRequestError: no step is left.
    """
    steps = request.num_inference_steps
    wanted = min(steps * request.strength, steps)
    skipped = int(steps - wanted) if flow else steps - int(wanted)
    if skipped >= steps:
        raise InvalidRequestError(
            f"--strength: {request.strength:g} of {steps} steps is less than one step: use more of either, or 0"
        )
    return skipped


@dataclass(frozen=True)
class SourceImage:
    """A request's picture and mask at its size: RGB, and L with 255 where the picture is drawn anew."""

    image: Image.Image
    mask: Image.Image | None

    @classmethod
    def load(cls, request: GenerationRequest, read: ImageReader) -> "SourceImage":
        """Read both and resize them, as diffusers does.

        Raises:
            InvalidRequestError: the mask's proportions are not those of the picture.
            NotthatError: what `read` raises where there is no such picture.
        """
        if request.init_image is None:
            raise ValueError("the request has no picture to start from")
        size = request.width, request.height
        image = read(request.init_image).convert("RGB")
        if request.mask_image is None:
            return cls(_resize(image, size), None)
        mask = read(request.mask_image).convert("L")
        # a picture of one colour may be stored in another shape, since only pixels are hashed
        is_flat = any(len(set(each.convert("L").getextrema())) == 1 for each in (mask, image))
        if not is_flat and abs(mask.width * image.height / (mask.height * image.width) - 1) > _ASPECT:
            raise InvalidRequestError(
                f"--mask: it has {mask.width} x {mask.height} pixels and the picture {image.width} x {image.height}: "
                "give a mask of the same proportions"
            )
        binary = _resize(mask, size).point(lambda value: 255 if value >= 128 else 0)
        return cls(_resize(image, size), binary)

    @property
    def pixels(self) -> Tensor:
        """The picture's pixels from -1 to 1; shape (1, 3, height, width)."""
        pixels: Tensor = VaeImageProcessor(do_resize=False).preprocess(self.image)
        return pixels

    def latent_mask(self, like: Tensor) -> Tensor | None:
        """The mask at the size of latents of shape (batch, channels, height, width), 1 where they are drawn anew."""
        if self.mask is None:
            return None
        return torch.nn.functional.interpolate(self.pixel_mask, size=like.shape[-2:]).to(like)

    @property
    def pixel_mask(self) -> Tensor:
        """The mask, 1 where the picture is drawn anew: everywhere without one; shape (1, 1, height, width)."""
        if self.mask is None:
            return torch.ones(1, 1, self.image.height, self.image.width)
        mask: Tensor = VaeImageProcessor(
            do_resize=False, do_normalize=False, do_binarize=True, do_convert_grayscale=True
        ).preprocess(self.mask)
        return mask

    def paste(self, drawn: Image.Image) -> Image.Image:
        """The drawn picture, with the source's own pixels where the mask is black; the border is soft on the inside."""
        if self.mask is None:
            return drawn
        blurred = self.mask.filter(ImageFilter.GaussianBlur(max(1, min(self.image.size) // _FEATHER)))
        inside = blurred.point(lambda value: max(0, 2 * value - 255))  # 0 at the border, where half is blurred in
        return Image.composite(drawn, self.image, ImageChops.darker(inside, self.mask))


class SourceLatents:
    """The latents of a source picture, with noise for any step of a schedule."""

    def __init__(
        self, family: Family, request: GenerationRequest, source: SourceImage, generators: Sequence[torch.Generator]
    ) -> None:
        self._family = family
        self._request = request
        self._is_noise_only = request.strength == 1
        # at full strength, the noise is that of the same seed without a picture, and so is the composition
        samplers = [None] * len(generators) if self._is_noise_only else generators
        encoded = [family.autoencoder.encode(source.pixels, sampler) for sampler in samplers]
        shape, dtype = family.noise_shape(request), family.latents_dtype
        noise = [torch.randn(shape, generator=each, dtype=dtype) for each in generators]
        self._clean = torch.cat(encoded).to(dtype)
        self._noise = torch.cat(noise).to(self._clean.device)
        self._mask = source.latent_mask(self._clean)

    def start(self, scheduler: Any, done: int) -> Tensor:
        """The latents before the step after `done` steps, in the model's shape."""
        if self._is_noise_only:
            latents = self._family.pack(self._noise)
            return latents * getattr(scheduler, "init_noise_sigma", 1.0)
        return self._family.pack(self._noisy(scheduler, done))

    def keep_unmasked(self, latents: Tensor, scheduler: Any, done: int) -> Tensor:
        """Latents in the model's shape after `done` steps, with the source's own where the mask is black.

        As in Lugmayr et al. 2022, "RePaint", arXiv:2201.09865, without resampling.
        """
        if self._mask is None:
            return latents
        known = self._clean if done >= len(scheduler.timesteps) else self._noisy(scheduler, done)
        drawn = self._family.unpack(latents, self._request)
        mask = self._mask.to(drawn)
        return self._family.pack((1 - mask) * known.to(drawn) + mask * drawn)

    def _noisy(self, scheduler: Any, done: int) -> Tensor:
        """The source with the noise before the step after `done` steps; (batch, channels, height, width)."""
        timestep = scheduler.timesteps[done : done + 1].repeat(len(self._clean))
        if hasattr(scheduler, "scale_noise"):
            noisy: Tensor = scheduler.scale_noise(self._clean, timestep, self._noise)
        else:
            noisy = scheduler.add_noise(self._clean, self._noise, timestep)
        return noisy.to(self._clean.dtype)


def mask_condition(
    family: Family, request: GenerationRequest, source: SourceImage | None, generators: Sequence[torch.Generator]
) -> Tensor | None:
    """What an inpainting model reads behind the latents; None for other models.

    Without a source, all of a gray picture is drawn anew.
    """
    if not family.has_mask_input:
        return None
    if source is None:
        source = SourceImage(Image.new("RGB", (request.width, request.height)), None)
    mask = source.pixel_mask
    masked = torch.cat([family.autoencoder.encode(source.pixels * (1 - mask), each) for each in generators])
    return family.mask_condition(mask, masked.to(family.latents_dtype))


def return_source(request: GenerationRequest, count: int, read: ImageReader) -> Progress:
    """What an engine answers at a strength of 0: the source at the request's size, without a step."""
    picture = Picture(SourceImage.load(request, read).image, 0.0)
    steps = request.num_inference_steps
    return Progress(steps, steps, picture, first=steps, pictures=(picture,) * count)


def _resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)

"""The generic family: a text-to-image pipeline of diffusers that runs as it is."""

import copy
import inspect
import logging
from bisect import bisect_right
from functools import cached_property
from importlib import import_module
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ..errors import GenerationError, InvalidModelError, InvalidRequestError
from ..model_catalog import ModelDefaults
from ..request import Defaults, GenerationRequest, PromptReport
from ..source_image import SourceImage
from ..storage_plan import WeightStorage
from ..text_encoders.clip import PromptOptions
from ..text_encoders.fragments import plain_text, words
from .autoencoders import find_autoencoder
from .pipeline_support import QUIRKS, Quirks, find_scale, with_article

_DENOISERS = ("transformer", "unet")
_TEXT_PARTS = ("text_encoder", "tokenizer")
_TOKENIZERS = ("tokenizer", "processor")
_SHORT_TOKENIZERS = ("Bert", "CLIP")
"""Tokenizers of the encoders that read less of a prompt than the others."""
_LONGEST = 100_000
"""transformers gives tokenizers without a limit a huge one."""
_AUTOENCODERS = (
    "AutoencoderDC",
    "AutoencoderKL",
    "AutoencoderKLFlux2",
    "AutoencoderKLQwenImage",
    "AutoencoderKLWan",
    "AutoencoderTiny",
)
"""Autoencoders whose latents previews can show."""
_FALLBACK_SIDE = 1024
_OWN_DEFAULTS = ("joining_share", "joining", "guidance_rescale", "weighting")
"""Defaults of a `notthat.json` that need a native family."""


class GenericFamily:
    """A pipeline of diffusers, its defaults and its limits.

    Steps, guidance and size are those of the pipeline's signature, if its folder's `notthat.json` says nothing.
    """

    def __init__(self, pipeline: Any, named: ModelDefaults, model: str) -> None:
        self.pipeline = pipeline
        self.kind = type(pipeline).__name__
        self.name = with_article(self.kind)
        self.storage = WeightStorage()
        self.storage_note: str | None = None
        self.vocabulary = named.vocabulary
        self._quirks = QUIRKS.get(self.kind, Quirks())
        self._parameters = inspect.signature(type(pipeline).__call__).parameters
        self._scale = find_scale(self._parameters) or "guidance_scale"
        self._derived: dict[str, Any] = {}
        self._refuse_missing_parts(model)
        self.denoiser = next(part for name in _DENOISERS if (part := getattr(pipeline, name, None)) is not None)
        vae = getattr(pipeline, "vae", None)
        self.autoencoder = find_autoencoder(vae) if type(vae).__name__ in _AUTOENCODERS else None
        self.defaults = self._build_defaults(named, model)
        pipeline.set_progress_bar_config(disable=True)
        logging.getLogger(type(pipeline).__module__).setLevel(logging.ERROR)  # the engine's warnings say the same

    @property
    def scheduler(self) -> Any:
        return self.pipeline.scheduler

    @property
    def multiple(self) -> int:
        """Width and height must be multiples of this many pixels: an autoencoder's factor times a patch."""
        if self._quirks.multiple:
            return self._quirks.multiple
        patch = getattr(self.denoiser.config, "patch_size", None) or 1
        patch = patch if isinstance(patch, int) else patch[-1]
        return self._scale_factor * max(patch, 2 if self._is_packed else 1)

    @property
    def is_flow(self) -> bool:
        """Whether the scheduler is that of a rectified flow."""
        is_named = type(self.scheduler).__name__.startswith("FlowMatch")
        return bool(is_named or self.scheduler.config.get("use_flow_sigmas", False))

    def explain_no_previews(self) -> str | None:
        """Why there are no previews, in one line, or None; known before the first step."""
        if self.storage.is_offloaded:
            return "There are no previews, since the autoencoder is not on the device while the model draws."
        is_known = self.is_flow or hasattr(self.scheduler, "alphas_cumprod")
        if is_known and self.autoencoder is not None and (not self._is_packed or self._can_unpack):
            return None
        return self.no_previews

    @property
    def no_previews(self) -> str:
        """What to tell if the latents turn out to be unknown."""
        return f"There are no previews: the latents of {self.name} can't be shown."

    def check_size(self, request: GenerationRequest) -> None:
        """Refuse a size that the pipeline cannot draw, or would change.

        Raises:
            InvalidRequestError: the message names the sizes that it draws.
        """
        sizes = getattr(self.pipeline, "resolutions", None)
        if sizes and (request.width, request.height) not in sizes:
            known = ", ".join(f"{width} x {height}" for width, height in sizes)
            raise InvalidRequestError(f"--width, --height: {self.name} makes pictures of {known}")
        for name, value in (("width", request.width), ("height", request.height)):
            if value % self.multiple:
                raise InvalidRequestError(
                    f"--{name}: {self.name} makes pictures in multiples of {self.multiple}, not {value}"
                )

    def check_scale(self, scale: float) -> None:
        """Refuse a guidance scale that the pipeline takes for no guidance.

        Raises:
            InvalidRequestError: it is above 1, but not enough.
        """
        lowest = 1 + self._quirks.scale_offset
        if 1 < scale <= lowest:
            raise InvalidRequestError(f"--guidance: {self.name} guides only above {lowest:g}: use more, or 1 for none")

    def check_source(self, request: GenerationRequest) -> None:
        """Refuse a picture to start from, or a mask, that the pipeline has no counterpart for in diffusers.

        Raises:
            InvalidRequestError: the message names what is missing.
        """
        if self._find_pipeline(masked=request.mask_image is not None) is None:
            option, task = ("--from", "image-to-image") if request.mask_image is None else ("--mask", "inpainting")
            raise InvalidRequestError(f"{option}: {self.name} has no {task} pipeline in diffusers: leave it out")

    def draw(self, request: GenerationRequest, negative: str, seed: int, source: SourceImage | None = None) -> Any:
        """Call the pipeline, with `negative` in place of the request's negative prompt; return its output.

        With a source, its image-to-image or inpainting counterpart is called. The size is that of the picture then.
        """
        options = PromptOptions.from_request(request)
        texts = {"prompt": plain_text(request.prompt, options)[0]}
        if negative or not request.no_negative:
            texts["negative_prompt"] = plain_text(negative, options)[0]
        given: dict[str, Any] = {"width": request.width, "height": request.height, **self._quirks.options}
        pipeline: Any = self.pipeline
        if source is not None:
            pipeline = self._find_pipeline(masked=source.mask is not None)
            pipeline.scheduler = self.scheduler
            masked = {} if source.mask is None else {"mask_image": source.mask}
            given |= {"image": source.image, "strength": request.strength, **masked}
            parameters = inspect.signature(type(pipeline).__call__).parameters
            given = {name: value for name, value in given.items() if name in parameters}
        return pipeline(
            **texts,
            **given,
            **{self._scale: request.guidance_scale - self._quirks.scale_offset},
            num_inference_steps=request.num_inference_steps,
            generator=torch.Generator("cpu").manual_seed(seed),
            output_type="pil",
        )

    def picture(self, output: Any, request: GenerationRequest) -> Image.Image:
        """The picture, or the first frame, in the pipeline's output.

        Raises:
            GenerationError: it has another size than requested.
        """
        found = output.frames[0][0] if hasattr(output, "frames") else output.images[0]
        image: Image.Image = found.convert("RGB")
        if image.size != (request.width, request.height):
            raise GenerationError(self._explain_size(image.width, image.height, request))
        return image

    def check_latents(self, latents: Tensor, request: GenerationRequest) -> None:
        """Raise `GenerationError` at the first step if the pipeline draws another size than requested."""
        if latents.ndim > 3 and self.can_show(latents, request) and "use_resolution_binning" not in self._parameters:
            height, width = (side * self._scale_factor for side in latents.shape[-2:])
            if (width, height) != (request.width, request.height):
                raise GenerationError(self._explain_size(width, height, request))

    def flat_latents(self, latents: Tensor, request: GenerationRequest) -> Tensor:
        """Latents without patches and frames: of shape (batch, channels, height, width), if `can_show` them."""
        channels = self.autoencoder.channels if self.autoencoder else 0
        if latents.ndim == 3 and self._can_unpack and latents.shape[-1] == 4 * channels:  # patches of 2 x 2
            latents = self.pipeline._unpack_latents(latents, request.height, request.width, self._scale_factor)
        return latents[:, :, 0] if latents.ndim == 5 and latents.shape[2] == 1 else latents

    def can_show(self, latents: Tensor, request: GenerationRequest) -> bool:
        """Whether latents are those of the autoencoder, so that previews can show them."""
        flat = self.flat_latents(latents, request)
        return self.autoencoder is not None and flat.ndim == 4 and flat.shape[1] == self.autoencoder.channels

    def read(self, text: str, options: PromptOptions) -> PromptReport:
        """How the pipeline's main tokenizer reads a text, which has no weights."""
        plain, _ = plain_text(text, options)
        known = self.vocabulary
        unknown = () if known is None else tuple(dict.fromkeys(each for each in words(plain) if each not in known))
        return PromptReport(((plain, 1.0),), self._count(plain, special=False), 1, unknown)

    def overflow(self, text: str, options: PromptOptions) -> str:
        """The comma-separated terms at the end of a text that the pipeline cuts; empty if there are none."""
        plain, _ = plain_text(text, options)
        limit, terms = self._token_limit, plain.split(",")
        if limit is None or self._count(plain, special=True) <= limit:
            return ""
        counts = range(1, len(terms))
        read = bisect_right(counts, limit, key=lambda count: self._count(",".join(terms[:count]), special=True))
        return ",".join(terms[read:]).strip()

    def compile(self) -> None:
        """Compile the denoiser's repeated blocks, if diffusers lists them."""
        if getattr(self.denoiser, "_repeated_blocks", None):
            self.denoiser.compile_repeated_blocks()

    def offload(self, device: torch.device) -> bool:
        """Let the parts take turns on the device; return False if they do already."""
        if self.storage.is_offloaded or device.type != "cuda":
            return False
        self.storage = WeightStorage(self.storage.quantize, "model")
        self.pipeline.to("cpu")
        torch.cuda.empty_cache()
        self.pipeline.enable_model_cpu_offload(device=device)
        return True

    def _find_pipeline(self, *, masked: bool) -> Any | None:
        """The counterpart that draws from a picture, of the same parts; None if diffusers has none."""
        task = "AutoPipelineForInpainting" if masked else "AutoPipelineForImage2Image"
        if task not in self._derived:
            try:
                found: Any = getattr(import_module("diffusers"), task).from_pipe(self.pipeline)
            except ValueError:  # it has none
                found = None
            if found is not None and "strength" not in inspect.signature(type(found).__call__).parameters:
                found = None  # it edits by instructions
            if found is not None:
                found.set_progress_bar_config(disable=True)
                logging.getLogger(type(found).__module__).setLevel(logging.ERROR)
            self._derived[task] = found
        return self._derived[task]

    @property
    def _scale_factor(self) -> int:
        """Pixels along a latent."""
        names = ("vae_scale_factor", "vae_scale_factor_spatial")
        found = next((each for name in names if (each := getattr(self.pipeline, name, None))), None)
        return int(found or (self.autoencoder.scale if self.autoencoder else 8))

    @property
    def _is_packed(self) -> bool:
        """Whether the latents are sequences of patches."""
        return hasattr(self.pipeline, "_pack_latents")

    @property
    def _can_unpack(self) -> bool:
        unpack = getattr(self.pipeline, "_unpack_latents", None)
        wanted = ["latents", "height", "width", "vae_scale_factor"]
        return unpack is not None and list(inspect.signature(unpack).parameters) == wanted

    @cached_property
    def _tokenizer(self) -> Any:
        """The tokenizer of the encoder that reads a prompt most completely; None if the pipeline has none.

        A copy, since the pipeline changes the settings of its own while it draws in another thread.
        """
        parts = [part for name, part in self.pipeline.components.items() if name.startswith(_TOKENIZERS) and part]
        found = [getattr(part, "tokenizer", part) for part in parts]  # a processor has one
        long = [each for each in found if not type(each).__name__.startswith(_SHORT_TOKENIZERS)]
        return copy.deepcopy((long or found or [None])[0])

    @property
    def _token_limit(self) -> int | None:
        """How many tokens the pipeline reads, with special ones; None if that is not known."""
        given = self._parameters.get("max_sequence_length")
        limits = (
            given.default if given else None,
            getattr(self.pipeline, "tokenizer_max_length", None),
            getattr(self._tokenizer, "model_max_length", None),
        )
        return next((each for each in limits if isinstance(each, int) and each < _LONGEST), None)

    def _count(self, text: str, *, special: bool) -> int:
        """The tokens of a text, or its words if there is no tokenizer; with the special ones around them if asked."""
        tokenizer = self._tokenizer
        if tokenizer is None:
            return len(text.split())
        return len(tokenizer(text, add_special_tokens=special, truncation=False, verbose=False).input_ids)

    def _build_defaults(self, named: ModelDefaults, model: str) -> Defaults:
        values = named.request_defaults
        foreign = [name for name in _OWN_DEFAULTS if name in values]
        foreign += [name for name in ("guided_method", "unguided_method") if values.pop(name, "cfg") != "cfg"]
        if foreign:
            raise InvalidModelError(f"{model}: its notthat.json sets {foreign[0]}, which {self.name} can't do")
        steps, scale = (self._parameters[name].default for name in ("num_inference_steps", self._scale))
        width, height = self._default_size()
        own = {"num_inference_steps": steps, "guidance_scale": scale + self._quirks.scale_offset}
        return Defaults(**{**own, "width": width, "height": height, **values})

    def _default_size(self) -> tuple[int, int]:
        """Width and height without the request's, as the pipelines find them."""
        given = [self._parameters[name].default for name in ("width", "height")]
        side = self._default_side()
        width, height = (max(each or side, self.multiple) // self.multiple * self.multiple for each in given)
        return width, height

    def _default_side(self) -> int:
        own = getattr(self.pipeline, "default_sample_size", None)
        found = own or getattr(self.denoiser.config, "sample_size", None)
        if not isinstance(found, int):
            return _FALLBACK_SIDE
        in_pixels = "default_sample_size" in self.pipeline.config  # PRX
        return found if in_pixels else found * self._scale_factor

    def _refuse_missing_parts(self, model: str) -> None:
        for name, part in self.pipeline.components.items():
            is_optional = name in self.pipeline._optional_components and not name.startswith(_TEXT_PARTS)
            if part is None and not is_optional:
                raise InvalidModelError(f"{model} lacks its {name}: save the whole {self.kind} into one folder")
        if all(getattr(self.pipeline, name, None) is None for name in _DENOISERS):
            raise InvalidModelError(f"{model} is {self.name}, which has no {' and no '.join(_DENOISERS)}")

    def _explain_size(self, width: int, height: int, request: GenerationRequest) -> str:
        asked = f"{request.width} x {request.height}"
        return f"{self.name} draws {width} x {height} pixels where {asked} is asked for: ask for that size"

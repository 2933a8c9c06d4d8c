"""The local engine: a diffusers model that is loaded once and stays."""

import threading
import time
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from .engine import Picture, Progress
from .errors import GenerationError, InvalidModelError, InvalidRequestError
from .families.sd import StableDiffusion, guided
from .models import About, about, kind_of, locate
from .provenance import provenance
from .request import GenerationRequest, Reading, Syntax
from .sampling import denoise

_FAMILIES = {"StableDiffusionPipeline": StableDiffusion}
_BROKEN = (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, ImportError, SafetensorError)
"""What diffusers and transformers raise on a folder or a file that isn't whole."""


class LocalEngine:
    """A diffusers model on this machine's best device; requests run one at a time.

    Half precision on CUDA, single precision elsewhere.
    """

    def __init__(self, model: str, family: StableDiffusion, device: torch.device) -> None:
        self.model = model
        self.device = device
        self._family = family
        self._lock = threading.Lock()
        self._running_in: int | None = None
        self.defaults = family.defaults

    @classmethod
    def load(cls, model: str = "mini", device: str | None = None) -> "LocalEngine":
        """Load a model: `mini`, a folder in diffusers' layout, a `.safetensors` checkpoint, or a hub id.

        Raises:
            InvalidModelError: where there is none, it is broken, or of a family that isn't supported.
        """
        chosen = torch.device(device or _best_device())
        pipeline, about_model = _load(model, locate(model), torch.float16 if chosen.type == "cuda" else torch.float32)
        kind = type(pipeline).__name__
        if kind not in _FAMILIES:
            raise InvalidModelError(f"{model} is a {kind}: not supported yet (supported: {', '.join(_FAMILIES)})")
        return cls(model, _FAMILIES[kind](pipeline.to(chosen), about_model), chosen)

    @torch.inference_mode()
    def run(self, request: GenerationRequest) -> Generator[Progress]:
        """Make the picture of a request, a step at a time; closing the generator cancels.

        The noise is drawn on the CPU from `request.seed`, as diffusers draws it, and the scheduler is the
        model's own, fresh for each request.

        Raises:
            InvalidRequestError: where the model can't do what is asked, such as its size.
            GenerationError: where the device's memory runs out or the numbers do.
        """
        family = self._family
        self._check(request)
        with self._working(), _explained(request):
            started = time.perf_counter()
            scheduler = type(family.scheduler).from_config(family.scheduler.config)
            scheduler.set_timesteps(request.num_inference_steps, device=self.device)
            if scheduler.timesteps.max() >= scheduler.config.num_train_timesteps:
                raise InvalidRequestError(f"--steps: {request.num_inference_steps} are too many for this scheduler")
            generator = torch.Generator("cpu").manual_seed(request.seed)
            predict = family.predictor(request)
            dtype = family.unet.dtype
            noise = torch.randn(family.latent_shape(request), generator=generator, dtype=dtype).to(self.device)
            latents = noise.to(self.device) * scheduler.init_noise_sigma
            for step in denoise(predict, scheduler, latents, generator):
                latents = step.latents
                if step.index < step.total:
                    yield Progress(step.index, step.total)
            if not torch.isfinite(latents).all():
                raise GenerationError("the model's numbers ran out of range: try a lower --guidance")
            picture = Picture(family.decode(latents), time.perf_counter() - started)
        yield Progress(step.total, step.total, picture)

    def remarks(self, request: GenerationRequest) -> list[str]:
        """What can't be honoured of a request, known before the first step: a line each."""
        lines = []
        if request.negative_prompt and not guided(request):
            lines.append(f"At a guidance of {request.guidance_scale:g} nothing can be excluded: use more than 1.")
        if request.negative_prompt and request.joining_step >= request.num_inference_steps:
            lines.append(f"After {request.joining_step} steps it is too late to exclude anything.")
        for name, text in (("prompt", request.prompt), ("negative prompt", request.negative_prompt)):
            cut = self._family.text.overflow(text, request.syntax)
            if cut:
                lines.append(f"The {name} is too long for the model, which did not read its end: “{cut}”.")
        return lines

    def read(self, text: str, syntax: Syntax = "weighted") -> Reading:
        """How the model reads a text."""
        return self._family.text.read(text, syntax)

    def provenance(self, cache: Path | None = None) -> dict[str, Any]:
        """What decides a picture besides its request; `cache` is a file that remembers the weights' hash."""
        return provenance(self.model, self._family, self.device, cache)

    @contextmanager
    def _working(self) -> Iterator[None]:
        with self._lock:
            self._running_in = threading.get_ident()
            try:
                yield
            finally:
                self._running_in = None

    def _check(self, request: GenerationRequest) -> None:
        scale = self._family.vae_scale
        for name, value in (("width", request.width), ("height", request.height)):
            if value % scale:
                raise InvalidRequestError(f"--{name}: {self.model} makes pictures in multiples of {scale}, not {value}")
        if self._running_in == threading.get_ident():
            raise GenerationError("this thread has begun another picture: go through its steps, or close them, first")


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _load(model: str, where: Path | str, dtype: torch.dtype) -> tuple[Any, About]:
    """The diffusers pipeline, in evaluation mode, and what its folder says of itself."""
    options = {"dtype": dtype, "safety_checker": None, "requires_safety_checker": False}
    try:
        with _quiet():
            from diffusers import DiffusionPipeline, StableDiffusionPipeline

            if isinstance(where, str):
                where = Path(DiffusionPipeline.download(where, safety_checker=None))
            if where.is_file():
                return StableDiffusionPipeline.from_single_file(str(where), **options), About()
            if kind_of(where) not in _FAMILIES:
                raise InvalidModelError(
                    f"{model} is a {kind_of(where)}: not supported yet (supported: {', '.join(_FAMILIES)})"
                )
            return StableDiffusionPipeline.from_pretrained(where, local_files_only=True, **options), about(where)
    except _BROKEN as error:
        raise InvalidModelError(f"{model} can't be loaded: {_first_line(error)}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep diffusers and transformers from talking to our users: bars for loading, hints for developers."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    before = [(library, library.get_verbosity(), library.is_progress_bar_enabled()) for library in libraries]
    for library in libraries:
        library.set_verbosity_error()
        library.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for library, verbosity, bars in before:
            library.set_verbosity(verbosity)
            if bars:
                library.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


@contextmanager
def _explained(request: GenerationRequest) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        size = f"{request.width} x {request.height}"
        raise GenerationError(f"the device has not enough memory for {size}: try a smaller size") from None
    except RuntimeError as error:  # the CPU's running out of memory is one, too
        raise GenerationError(f"the model failed: {_first_line(error)}") from error

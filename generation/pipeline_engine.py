"""The engine of the generic family: draws with a pipeline of diffusers as it is."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from .engine import ImageReader, Picture, Progress, no_images
from .engine_runs import EngineLock, explain_overflow, translate_errors
from .errors import GenerationError, InvalidRequestError
from .failures import first_line
from .families.generic import GenericFamily
from .guidance.x0 import to_x0, x0_coefficients
from .guided_predictor import Measure
from .pipeline_run import PipelineRun, PipelineStep
from .preview import Previewer
from .prompt_syntax import split_terms
from .provenance import collect_provenance
from .request import GenerationRequest, PromptReport, Syntax
from .source_image import SourceImage, first_step, has_source, return_source
from .storage_plan import WeightStorage
from .text_encoders.clip import PromptOptions, parse_fragments

_FAILURES = (AttributeError, ImportError, LookupError, NameError, NotImplementedError, TypeError)
"""What pipelines raise, besides errors of torch, if they cannot run."""


class PipelineEngine:
    """A pipeline of diffusers on this machine's best device; requests run one at a time.

    The negative prompt acts by the pipeline's own guidance (`cfg`). What needs the parts of a native family is refused:
    other methods, delayed negative prompts, LoRAs, textual inversions, skipped layers, and guidance in an interval.
    """

    def __init__(self, model: str, family: GenericFamily, device: torch.device) -> None:
        self.model = model
        self.read_image: ImageReader = no_images
        self.device = device
        self.defaults = family.defaults
        self._family = family
        self._lock = EngineLock()
        why_not = family.explain_no_previews()
        self._previewer = Previewer(family.autoencoder) if family.autoencoder and not why_not else None
        self._untold = [line for line in (family.storage_note, why_not) if line]

    def run(self, request: GenerationRequest, *, count: int = 1, measure: Measure | None = None) -> Generator[Progress]:
        """Draw the picture of a request step by step; closing the generator cancels at the end of the step.

        With `count`, the k-th picture uses the seed plus k; they are drawn one after the other, each as if alone.
        By default the effect of a session's negative prompt is measured; that takes one more step.

        Raises:
            InvalidRequestError: the pipeline cannot do what is asked, for example the size.
            GenerationError: the device runs out of memory, or the pipeline fails.
        """
        self._check_request(request)
        measure = measure or ("whole" if request.syntax == "weighted" else "no")
        with self._lock.hold(), translate_errors(request), _translate_failures(self._family.name):
            try:
                yield from self._draw(request, count, measure)
                return
            except torch.OutOfMemoryError:
                if count > 1 or not self._family.offload(self.device):
                    raise
            yield from self._draw(request, count, measure)

    def batch_size(self, request: GenerationRequest) -> int:
        """Pictures are drawn one at a time, so that each has the bits of the stock pipeline's."""
        return 1

    def effects(self, request: GenerationRequest) -> dict[str, float]:
        """How far each term of the negative prompt moves the first prediction, relative to that without the term.

        Empty if the negative prompt cannot act. Each term takes one step.
        """
        self._check_request(request)
        with self._lock.hold(), translate_errors(request), _translate_failures(self._family.name):
            source = SourceImage.load(request, self.read_image) if has_source(request) else None
            return self._term_effects(request, source)

    @property
    def multiple(self) -> int:
        """Width and height must be multiples of this many pixels."""
        return self._family.multiple

    @property
    def storage(self) -> WeightStorage:
        """How the weights are stored on the device."""
        return self._family.storage

    def accepts_embedding(self, file: str) -> bool:
        """Whether a file is a textual inversion for this model: never, as the pipeline takes none."""
        return False

    def warnings(self, request: GenerationRequest) -> list[str]:
        """What the pipeline cannot honour of a request, known before the first step; one line each.

        The first time also how the weights are stored, if that was chosen from the free memory, and whether there are
        no previews.
        """
        lines, self._untold = self._untold, []
        family, options = self._family, PromptOptions.from_request(request)
        if request.negative_prompt and request.guidance_scale <= 1:
            scale = f"{request.guidance_scale:g}"
            lines.append(f"At a guidance of {scale} exclusions have no effect: use more than 1.")
        if request.negative_prompt and request.strength == 0:
            lines.append("At a strength of 0 the picture stays as it is, so exclusions have no effect.")
        texts = (("prompt", request.prompt), ("negative prompt", request.negative_prompt))
        weighted = [each for _, text in texts for each in parse_fragments(text, request.syntax) if each.weight != 1]
        if weighted:
            shown = f"“{(weighted[0].text or '').strip():.40}” at {weighted[0].weight:g}"
            lines.append(f"Weights have no effect on {family.name}, which reads words only: {shown} counts as 1.")
        for name, text in texts:
            cut = family.overflow(text, options)
            if cut:
                lines.append(f"The {name} is too long for the model, which ignores its end: “{cut}”.")
        return lines

    def can_exclude(self, request: GenerationRequest) -> bool:
        """Whether the pipeline can guide in this way, away from a negative prompt."""
        return request.method == "cfg" and request.guidance_scale > 1

    def tokenize(self, text: str, syntax: Syntax = "weighted") -> PromptReport:
        """How the pipeline's main tokenizer reads a text."""
        return self._family.read(text, PromptOptions(syntax))

    def provenance(self, cache: Path | None = None) -> dict[str, Any]:
        """What decides a picture besides its request; `cache` is a file for hashes of weights."""
        return collect_provenance(self.model, self._family, self.device, cache)

    def _draw(self, request: GenerationRequest, count: int, measure: Measure) -> Generator[Progress]:
        started = time.perf_counter()
        if request.init_image is not None and request.strength == 0:
            yield return_source(request, count, self.read_image)
            return
        is_measured = measure != "no" and self._can_act(request)
        source = SourceImage.load(request, self.read_image) if has_source(request) else None
        without = self._first_prediction(request, "", source) if is_measured else None
        effects = self._term_effects(request, source) if measure == "terms" else {}
        pictures: list[Picture] = []
        done, first, effect = 0, 0, None
        for seed in range(request.seed, request.seed + count):
            run = self._start(request, request.negative_prompt, seed, source)
            with self._steps(run) as steps:
                for step in steps:
                    done, first = done + 1, step.first
                    if step.index == first + 1:
                        self._family.check_latents(step.latents, request)
                    if without is not None:
                        effect, without = _relative_change(step.prediction, without), None
                    if step.index < step.total:
                        seconds = time.perf_counter() - started
                        preview = self._preview(step, request)
                        total = first + (step.total - first) * count
                        yield Progress(first + done, total, first=first, seconds=seconds, preview=preview)
                    elif not torch.isfinite(step.prediction).all():
                        raise GenerationError(explain_overflow(request, self._family))
            image = self._family.picture(run.result, request)
            image = image if source is None else source.paste(image)
            pictures.append(Picture(image, (time.perf_counter() - started) / (len(pictures) + 1), effect, effects))
        seconds = time.perf_counter() - started
        yield Progress(first + done, first + done, pictures[0], first=first, seconds=seconds, pictures=tuple(pictures))

    def _start(self, request: GenerationRequest, negative: str, seed: int, source: SourceImage | None) -> PipelineRun:
        """A run with a fresh scheduler."""
        scheduler = type(self._family.scheduler).from_config(self._family.scheduler.config)
        self._family.pipeline.scheduler = scheduler
        return PipelineRun(partial(self._family.draw, request, negative, seed, source), scheduler)

    @contextmanager
    def _steps(self, run: PipelineRun) -> Iterator[Iterator[PipelineStep]]:
        """A run's steps; if they are left early, the run is cancelled."""
        with closing(run.steps()) as steps:
            try:
                yield steps
            finally:
                steps.close()
                if run.result is None:
                    self._family.pipeline.maybe_free_model_hooks()  # as the pipeline does at its end

    def _first_prediction(self, request: GenerationRequest, negative: str, source: SourceImage | None) -> Tensor:
        """The guided prediction of the first step with another negative prompt. Later steps are not run."""
        with self._steps(self._start(request, negative, request.seed, source)) as steps:
            return next(steps).prediction

    def _term_effects(self, request: GenerationRequest, source: SourceImage | None) -> dict[str, float]:
        if not self._can_act(request):
            return {}
        terms = split_terms(request.negative_prompt)
        whole = self._first_prediction(request, request.negative_prompt, source)
        others = (", ".join(terms[:k] + terms[k + 1 :]) for k in range(len(terms)))
        moved = [_relative_change(whole, self._first_prediction(request, each, source)) for each in others]
        return dict(zip(terms, moved, strict=True))

    def _preview(self, step: PipelineStep, request: GenerationRequest) -> partial[Image.Image] | None:
        if self._previewer is None or self.storage.is_offloaded:
            return None
        if not self._family.can_show(step.latents, request):
            self._previewer = None
            self._untold.append(self._family.no_previews)
            return None
        return partial(self._render, self._previewer, step, request)

    @torch.inference_mode()
    def _render(self, previewer: Previewer, step: PipelineStep, request: GenerationRequest) -> Image.Image:
        """The picture that a step's prediction implies, with one pixel for each latent."""
        family = self._family
        line = x0_coefficients(family.scheduler, flow=family.is_flow)[step.index - 1]
        latents = family.flat_latents(to_x0(step.latents, step.prediction, line), request)
        return previewer.picture(latents)

    def _can_act(self, request: GenerationRequest) -> bool:
        return bool(request.negative_prompt) and request.strength > 0 and self.can_exclude(request)

    def _check_request(self, request: GenerationRequest) -> None:
        refused = {
            f"--method {request.method}": request.method != "cfg",
            "a delayed negative prompt (joining_step)": request.joining_step > 0,
            "--lora": bool(request.loras),
            "--embedding": bool(request.embeddings),
            "--clip-skip": request.clip_skip is not None,
            "keeping what is outside of a box (kept)": request.kept is not None,
            "guidance_rescale": request.guidance_rescale != 0,
            "guidance in an interval of the steps": (request.guidance_start, request.guidance_stop) != (0, 1),
            "guidance that ends when predictions agree": request.guidance_agreement != 1,
        }
        for what, is_asked in refused.items():
            if is_asked:
                raise InvalidRequestError(
                    f"{what}: {self._family.name} runs as diffusers' own pipeline, which can't do that: leave it out"
                )
        self._family.check_size(request)
        self._family.check_scale(request.guidance_scale)
        if has_source(request) and request.strength > 0:
            self._family.check_source(request)
            first_step(request, flow=self._family.is_flow)
        self._lock.check()


def _relative_change(changed: Tensor, before: Tensor) -> float:
    """The norm of the difference of two predictions, relative to the second."""
    difference = changed.float() - before.float()
    return float(difference.square().sum().sqrt() / before.float().square().sum().sqrt())


@contextmanager
def _translate_failures(name: str) -> Iterator[None]:
    """Raise what a pipeline raises as one line."""
    try:
        yield
    except ValueError as error:
        raise InvalidRequestError(f"{name} refuses the request: {first_line(error)}") from error
    except _FAILURES as error:
        raise GenerationError(f"{name} failed: {first_line(error)}") from error

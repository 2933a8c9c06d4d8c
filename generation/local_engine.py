"""The local engine: a diffusers model that is loaded once and kept."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .checkpoints import Checkpoints
from .device import MemoryPlan, optimize
from .engine import ImageReader, Picture, Progress, no_images
from .engine_runs import EngineLock, explain_overflow, translate_errors
from .errors import GenerationError, InvalidRequestError, ShortOfMemoryError
from .families.base import Family
from .families.generic import GenericFamily
from .guidance.lookahead import ContinuePass, LookPass, LookPlan, RedrawPass
from .guidance.lookahead_params import TUNED, LookaheadParams
from .guidance.memory import GuidanceMemory, GuidedState
from .guided_predictor import GuidedPredictor, Measure, explain_no_effect, has_effect
from .kept_region import KeptRegion
from .loading import load_family, resolve_device
from .lora import Adapter
from .pipeline_engine import PipelineEngine
from .preview import Previewer, PreviewRenderer
from .provenance import Stamp, collect_provenance, file_stamp
from .request import ATTENTION_METHODS, GenerationRequest, PromptReport, Syntax
from .sampling import DenoisingState, Predict, Step, denoise
from .schedulers import start_scheduler
from .source_image import SourceImage, SourceLatents, first_step, has_source, mask_condition, return_source
from .storage_plan import WeightStorage
from .text_encoders.clip import PromptOptions, parse_fragments

_MAX_WEIGHT = 10.0


class LocalEngine:
    """A diffusers model on this machine's best device; requests run one at a time.

    Half precision on CUDA, single precision elsewhere. Only measurements use other `lookahead` parameters than the
    tuned ones: a stored request does not say them.
    """

    def __init__(self, model: str, family: Family, device: torch.device, *, lookahead: LookaheadParams = TUNED) -> None:
        self.model = model
        self.read_image: ImageReader = no_images
        self.device = device
        self.lookahead = lookahead
        self.defaults = family.defaults
        self.checkpoints = Checkpoints()
        self._family = family
        self._adapter = Adapter(family.modules, family.lora_loader, is_quantized=family.storage.is_quantized)
        self._room = MemoryPlan(family, device)
        self._previewer = Previewer(family.autoencoder)
        self._lock = EngineLock()
        self._untold = [family.storage_note] if family.storage_note else []
        self._stamps: dict[str, Stamp | None] = {}

    @classmethod
    def load(cls, model: str = "mini", device: str | None = None, *, compiled: bool = False) -> "LoadedEngine":
        """Load a model: `mini`, a folder in diffusers' layout, a `.safetensors` or `.gguf` file, or a hub id.

        A pipeline that has no family of its own gets a `PipelineEngine`, which runs it as it is.

        The name may have options, such as `model.gguf?text_encoder=FILE&vae=FILE&offload=model`: see `ModelName`.

        `compiled` slows down the first picture and speeds up the following ones on a GPU.

        Raises:
            InvalidModelError: the model does not exist, is broken, or its family is not supported.
            InvalidDeviceError: the machine has no such device.
        """
        chosen = resolve_device(device)
        family = load_family(model, chosen)
        if isinstance(family, GenericFamily):
            if compiled:
                family.compile()
            return PipelineEngine(model, family, chosen)
        optimize(family, chosen, compiled=compiled)
        return cls(model, family, chosen)

    @torch.inference_mode()
    def run(self, request: GenerationRequest, *, count: int = 1, measure: Measure | None = None) -> Generator[Progress]:
        """Draw the picture of a request step by step; closing the generator cancels.

        The noise is drawn on the CPU from `request.seed`, as in diffusers. The scheduler is the model's own, fresh
        for each request. With `count`, the k-th picture uses the seed plus k. By default the effect of a session's
        negative prompt is measured as a whole; `measure` asks for more, or for nothing.

        Raises:
            InvalidRequestError: the model cannot do what is asked, for example the size.
            GenerationError: the device runs out of memory, or the numbers overflow.
        """
        self._check_request(request)
        measure = measure or ("whole" if request.syntax == "weighted" else "no")
        with self._lock.hold(), translate_errors(request):
            self._adapt(request)
            try:
                yield from self._draw(request, count, measure)
                return
            except torch.OutOfMemoryError:
                if count > 1 or not self._room.offload():
                    raise
            yield from self._draw(request, count, measure)

    def batch_size(self, request: GenerationRequest) -> int:
        """How many pictures of a request's size to draw in one batch."""
        return self._room.batch_size(request)

    @torch.inference_mode()
    def effects(self, request: GenerationRequest) -> dict[str, float]:
        """How far each term of the negative prompt moves the prediction at the step where it joins.

        Each value is relative to the prediction without that term. Empty if the negative prompt cannot act. Later
        steps are not run.
        """
        self._check_request(request)
        if request.strength == 0:
            return {}
        with self._lock.hold(), translate_errors(request):
            self._adapt(request)
            state = self._starting_state(request, 1)
            predictor = self._predictor(request, state, "terms")
            steps = self._steps(request, state, predictor)
            while predictor.is_measuring and next(steps, None):
                pass
            return {term: float(moved) for term, moved in predictor.effects.items()}

    @property
    def multiple(self) -> int:
        """Width and height must be multiples of this many pixels."""
        return self._family.multiple

    @property
    def storage(self) -> WeightStorage:
        """How the weights are stored on the device."""
        return self._family.storage

    def warnings(self, request: GenerationRequest) -> list[str]:
        """What the model cannot honour of a request, known before the first step; one line each.

        The first time also how the weights are stored, if that was chosen from the free memory.
        """
        lines, self._untold = self._untold, []
        why = explain_no_effect(request, self._family)
        if request.negative_prompt and why:
            lines.append(why)
        if request.negative_prompt and request.joining_step >= request.num_inference_steps:
            lines.append(
                f"Exclusions would join after {request.joining_step} steps, which is too late to have an effect."
            )
        is_scale_ignored = request.method in ATTENTION_METHODS and not self._family.guidance_built_in
        if is_scale_ignored and request.guidance_scale > 1 and self._family.has_method(request.method):
            scale = f"{request.guidance_scale:g}"
            lines.append(f"The method {request.method} makes one pass and ignores the guidance of {scale}.")
        prompt = self._family.frame_prompt(request.prompt)
        for name, text in (("prompt", prompt), ("negative prompt", request.negative_prompt)):
            cut = self._family.overflow(text, PromptOptions.from_request(request))
            if cut:
                lines.append(f"The {name} is too long for the model, which ignores its end: “{cut}”.")
        return lines

    def can_exclude(self, request: GenerationRequest) -> bool:
        """Whether the request's method is defined for the model, and a negative prompt then acts."""
        return self._family.has_method(request.method) and has_effect(request, self._family)

    def tokenize(self, text: str, syntax: Syntax = "weighted") -> PromptReport:
        """How the model reads a text."""
        return self._family.read(text, PromptOptions(syntax))

    def accepts_embedding(self, file: str) -> bool:
        """Whether a file is a textual inversion for this model."""
        return self._family.accepts_embedding(file)

    def _draw(self, request: GenerationRequest, count: int, measure: Measure) -> Generator[Progress]:
        started = time.perf_counter()
        if request.init_image is not None and request.strength == 0:
            yield return_source(request, count, self.read_image)
            return
        source = SourceImage.load(request, self.read_image) if has_source(request) else None
        state = self._starting_state(request, count)
        done = first = state.done
        region = None if request.kept is None else KeptRegion(self._family, request)
        if region is not None and request.kept is not None:
            for drawn in self._draw_kept(request.kept.request, count, region):
                done += 1
                seconds = time.perf_counter() - started
                yield Progress(done, done + drawn.steps_left + state.total, first=first, seconds=seconds)
        predictor = self._predictor(request, state, measure)
        for drawn in self._steps(request, state, predictor):
            done, state, step = done + 1, drawn.state, drawn.step
            if region is not None:
                state.latents = region.apply(step.index, state.latents)
            if step.index < step.total:
                seconds = time.perf_counter() - started
                preview = PreviewRenderer(self._family, self._previewer, request, state, step)
                yield Progress(done, done + drawn.steps_left, first=first, seconds=seconds, preview=preview)
        latents = self._family.unpack(state.latents, request)
        if not torch.isfinite(latents).all():
            raise GenerationError(explain_overflow(request, self._family))
        images = self._room.decode(latents)
        if source is not None:
            images = [source.paste(image) for image in images]
        effect = None if predictor.effect is None else float(predictor.effect)
        effects = {term: float(moved) for term, moved in predictor.effects.items()}
        seconds = time.perf_counter() - started
        pictures = tuple(Picture(image, seconds / count, effect, effects) for image in images)
        yield Progress(done, done, pictures[0], first=first, seconds=seconds, pictures=pictures)

    def _draw_kept(self, request: GenerationRequest, count: int, region: KeptRegion) -> Iterator["DrawnStep"]:
        """The steps of the request that draws what is outside a region."""
        state = self._initial_state(request, count)
        for drawn in self._steps(request, state, self._predictor(request, state, "no")):
            region.record(drawn.step.index, drawn.state.latents)
            yield drawn

    def _adapt(self, request: GenerationRequest) -> None:
        """Apply the request's LoRAs and textual inversions to the model, as their files are now."""
        for file in (*(file for file, _ in request.loras), *request.embeddings):
            stamp = file_stamp(file)
            if self._stamps.setdefault(file, stamp) != stamp:
                self._stamps[file] = stamp
                self.checkpoints.clear()  # their keys have only the file's name
        if self._adapter.adapt(request.loras):
            self._family.forget()
        for file in request.embeddings:
            self._family.learn(file)

    def _predictor(self, request: GenerationRequest, state: GuidedState, measure: Measure) -> GuidedPredictor:
        return GuidedPredictor(self._family, request, state, measure=measure, params=self.lookahead)

    def _steps(
        self, request: GenerationRequest, state: GuidedState, predictor: GuidedPredictor
    ) -> Iterator["DrawnStep"]:
        """The remaining steps. With the look-ahead, they include those of its two passes."""
        plan = predictor.plan_look(state)
        until, extra = (plan.start, plan.certain_extra_steps) if plan else (state.total, 0)
        for step in self._denoise(request, state, predictor.predict, until):
            yield DrawnStep(step, state, step.total - step.index + extra)
        if plan and predictor.is_guided(state):
            yield from self._look_and_finish(request, state, predictor, plan)
        else:  # there is no look, or guidance has ended before it
            for step in self._denoise(request, state, predictor.predict, state.total):
                yield DrawnStep(step, state, step.total - step.index)

    def _look_and_finish(
        self, request: GenerationRequest, state: GuidedState, predictor: GuidedPredictor, plan: LookPlan
    ) -> Iterator["DrawnStep"]:
        """The two passes of the look-ahead: the look, and the steps that continue from it or draw again."""
        before, look = state.copy(), LookPass()
        for step in self._denoise(request, state, predictor.predictor(look), plan.stop):
            yield DrawnStep(step, state, step.total - step.index + plan.certain_extra_steps)
        result = predictor.evaluate_look(look, step)
        if result is None:
            second = predictor.predictor(ContinuePass())
        else:
            second, state = predictor.predictor(RedrawPass(result, look.predictions)), before
        for step in self._denoise(request, state, second, state.total):
            yield DrawnStep(step, state, step.total - step.index)

    def _denoise(
        self, request: GenerationRequest, state: GuidedState, predict: Predict[GuidanceMemory], until: int
    ) -> Iterator[Step]:
        """Steps until that many are done. States from which other requests may continue are kept as checkpoints."""
        for step in denoise(predict, state, until):
            is_plain = len(state.generators) == 1 and request.kept is None
            if is_plain and self.checkpoints.is_wanted(request, step.index, self.defaults):
                self.checkpoints.save(request, state)
            yield step

    def _starting_state(self, request: GenerationRequest, count: int) -> GuidedState:
        """The state to start from: a checkpoint, or noise."""
        can_continue = request.joining_step and count == 1 and not request.kept
        kept = self.checkpoints.find(request) if can_continue else None
        return kept or self._initial_state(request, count)

    def _initial_state(self, request: GenerationRequest, count: int) -> GuidedState:
        """Noise, or a picture with noise, and a fresh scheduler."""
        family = self._family
        generators = [torch.Generator("cpu").manual_seed(request.seed + k) for k in range(count)]
        if has_source(request):
            return self._source_state(request, generators)
        shape, dtype = family.noise_shape(request), family.latents_dtype
        noise = torch.cat([torch.randn(shape, generator=each, dtype=dtype) for each in generators]).to(self.device)
        latents = family.pack(noise)
        scheduler = start_scheduler(family, latents, request)
        noise = latents * getattr(scheduler, "init_noise_sigma", 1.0)
        condition = mask_condition(family, request, None, generators)
        return DenoisingState(noise, scheduler, generators, GuidanceMemory(), condition=condition)

    def _source_state(self, request: GenerationRequest, generators: list[torch.Generator]) -> GuidedState:
        """The source picture with noise, and a scheduler that begins at that noise."""
        source = SourceImage.load(request, self.read_image)
        latents = SourceLatents(self._family, request, source, generators)
        shape = (len(generators), *self._family.noise_shape(request)[1:])
        scheduler = start_scheduler(self._family, self._family.pack(torch.zeros(shape, device=self.device)), request)
        order = getattr(scheduler, "order", 1)
        done = first_step(request, flow=self._family.flow) * order
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(done)
        start = latents.start(scheduler, done)
        condition = mask_condition(self._family, request, source, generators)
        after_step = latents.keep_unmasked if source.mask is not None and condition is None else None
        return DenoisingState(start, scheduler, generators, GuidanceMemory(), done, after_step, condition)

    def provenance(self, cache: Path | None = None) -> dict[str, Any]:
        """What decides a picture besides its request; `cache` is a file for hashes of weights."""
        return collect_provenance(self.model, self._family, self.device, cache)

    def _check_request(self, request: GenerationRequest) -> None:
        multiple = self._family.multiple
        for name, value in (("width", request.width), ("height", request.height)):
            if value % multiple:
                raise InvalidRequestError(
                    f"--{name}: {self.model} makes pictures in multiples of {multiple}, not {value}"
                )
        for text in (request.prompt, request.negative_prompt, request.base_negative_prompt):
            for fragment in parse_fragments(text, request.syntax):
                if not 0 <= fragment.weight <= _MAX_WEIGHT:
                    shown = (fragment.text or "").strip()
                    raise InvalidRequestError(
                        f"“{shown:.40}” weighs {fragment.weight:g}: weights go from 0 to {_MAX_WEIGHT:g}"
                    )
        self._family.check_clip_skip(request.clip_skip)
        self._family.check_method(request.method)
        self._lock.check()


@dataclass(frozen=True)
class DrawnStep:
    """A finished step, the state after it, and how many steps are certain to follow."""

    step: Step
    state: GuidedState
    steps_left: int


LoadedEngine = LocalEngine | PipelineEngine
"""What `LocalEngine.load` returns."""


def generate_batches(engine: LoadedEngine, request: GenerationRequest, count: int) -> Generator[Progress]:
    """Draw `count` pictures, the k-th with the request's seed plus k. The last progress of a batch has its pictures.

    A picture equals the one drawn alone with its seed to within one level of 255. A batch that runs out of
    memory is split in two.
    """
    done, size = 0, engine.batch_size(request)
    while done < count:
        now = min(size, count - done)
        part = request.model_copy(update={"seed": request.seed + done})
        try:
            yield from engine.run(part, count=now)
        except ShortOfMemoryError:
            if now == 1:
                raise
            size = now // 2
        else:
            done += now

"""The guided model call: choose the texts that a step needs, combine their predictions, measure the effect."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Literal

import torch
from torch import Tensor

from .families.base import Family, expand, stack, to_device
from .guidance.lookahead import Lookahead
from .guidance.lookahead_math import combine_terms
from .guidance.methods import apg, cfg, is_in_interval, minimum_cosine, perp_neg, rescale
from .guidance.term_tracking import TermTracker, group_terms
from .guidance.x0 import X0Coefficients, from_x0, to_x0, x0_coefficients
from .prompt_syntax import split_terms
from .request import GenerationRequest
from .sampling import DenoisingState, GuidanceMemory, Step
from .text_encoders.clip import Embedding, PromptOptions

Measure = Literal["no", "whole", "terms"]
"""How much of a negative prompt's effect to measure."""

WATCHED = 6
"""How many terms the look-ahead tracks separately. More terms are grouped into as many lists."""


def has_effect(request: GenerationRequest, family: Family) -> bool:
    """Whether a negative prompt can act at all."""
    return explain_no_effect(request, family) is None


def explain_no_effect(request: GenerationRequest, family: Family) -> str | None:
    """Why a negative prompt cannot act, in one line, or None; known before the first step."""
    if request.method == "nag":
        return None
    if family.guidance_built_in:
        return "This model has built-in guidance, so exclusions have no effect: use --method nag."
    if request.guidance_scale <= 1:
        scale = f"{request.guidance_scale:g}"
        return f"At a guidance of {scale} exclusions have no effect: use more than 1, or --method nag."
    if request.guidance_start >= request.guidance_stop:
        return "The guidance interval contains no step, so exclusions have no effect."
    return None


StepInput = tuple[Tensor, Tensor, Tensor, X0Coefficients]
"""Latents, scaled latents, timestep, and the coefficients that turn a prediction into clean latents."""


class GuidedPredictor:
    """The guided prediction of one request. Call it as `sampling.Predict`, and `prepare_lookahead` after each step.

    With `measure` it also measures, in the first step where the negative prompt acts, how far that moves the
    prediction (`effect`), and each term alone (`effects`). Each measurement costs one pass of the model for one text.
    """

    def __init__(
        self, family: Family, request: GenerationRequest, state: DenoisingState, *, measure: Measure = "no"
    ) -> None:
        self.request = request
        self.effect: Tensor | None = None
        self.effects: dict[str, Tensor] = {}
        self._family = family
        self._batch = len(state.generators)
        self._device = state.latents.device
        self._predict = family.predictor(request)
        self._lines = x0_coefficients(state.scheduler, flow=family.flow)
        self._guided = has_effect(request, family)
        if request.no_negative and not request.negative_prompt and family.no_negative == "nothing":
            self._guided = False
        self._measure = measure if self._guided and request.negative_prompt else "no"
        self._told: dict[str, list[Embedding]] = {}
        watched = self._prompt_slots(request.negative_prompt)[2:] if request.method == "dynamic" else []
        self._lookout = Lookahead(watched, request.shown, self._lines, request.guidance_stop * state.total)
        self._prompt: list[Embedding] | None = None
        self._stacked: tuple[Sequence[Embedding], Embedding] | None = None
        if state.done < request.joining_step:
            self._embeddings(request.base_negative_prompt)
        self._embeddings(request.negative_prompt)

    @property
    def is_measuring(self) -> bool:
        """Whether an effect is still to be measured."""
        return self._measure != "no"

    @property
    def extra_steps(self) -> int:
        """How many steps are certain to run again."""
        return self._lookout.extra_steps

    def __call__(self, latents: Tensor, scaled: Tensor, timestep: Tensor, state: DenoisingState) -> Tensor:
        """The guided prediction for one step."""
        request, memory = self.request, state.memory
        joined = state.done >= request.joining_step
        if state.done == request.joining_step and request.negative_prompt != request.base_negative_prompt:
            memory.ended = False  # the predictions agreed for another negative prompt
        inside = is_in_interval(state.done, state.total, start=request.guidance_start, stop=request.guidance_stop)
        if not self._guided or not inside or memory.ended:
            return self._predict_unguided(scaled, timestep)
        if joined:
            self._lookout.begin(state)
        negative = request.negative_prompt if joined else request.base_negative_prompt
        before, moment = (
            GuidanceMemory(memory.momentum, memory.watch),
            (latents, scaled, timestep, self._lines[state.done]),
        )
        guided, predicted = self._predict_guided(negative, moment, memory)
        guided = self._lookout.keep_lookahead(guided, state)
        if joined and self._measure != "no":
            self._measure_effects(guided, predicted, moment, before)
        if predicted and request.guidance_agreement < 1:
            others = [*predicted[:1], *predicted[2:]]
            memory.ended = all(minimum_cosine(predicted[1], each) >= request.guidance_agreement for each in others)
        return guided

    def prepare_lookahead(self, step: Step, state: DenoisingState) -> None:
        """After each step: end the look-ahead when it is complete, which may start the picture again."""
        self._lookout.end(step, state)

    def _predict_guided(
        self, negative: str, moment: StepInput, memory: GuidanceMemory
    ) -> tuple[Tensor, Sequence[Tensor]]:
        """The guided prediction, and the predictions for the `_prompt_slots` that it was made of; none for `nag`."""
        _, scaled, timestep, _ = moment
        told, texts = self._embeddings(negative), self._prompt_slots(negative)
        if self.request.method == "nag":
            return self._predict_with_nag(told[0], told[1], scaled, timestep), ()
        told, texts = self._lookout.remaining_embeddings(told, texts, memory)
        predicted = self._forward(told, scaled, timestep)
        return self._combine(texts, predicted, moment, memory), predicted

    def _prompt_slots(self, negative: str) -> list[str]:
        """The texts to predict for. The second is the prompt; the method combines the others."""
        prompt = self.request.prompt
        match self.request.method:
            case "dynamic":
                return ["", prompt, *dict.fromkeys(group_terms(split_terms(negative), WATCHED))]
            case "perp_neg":
                return [negative, prompt, ""]
            case _:
                return [negative, prompt]

    def _combine(
        self, texts: Sequence[str], predicted: Sequence[Tensor], moment: StepInput, memory: GuidanceMemory
    ) -> Tensor:
        """Combine the predictions for the slots into one."""
        first, cond, *rest = predicted
        latents, _, _, line = moment
        scale = self.request.guidance_scale
        match self.request.method:
            case "apg":
                wanted, unwanted = (to_x0(latents.float(), each.float(), line) for each in (cond, first))
                guided, memory.momentum = apg(wanted, unwanted, memory.momentum, scale=scale)
                guided = from_x0(latents.float(), guided, line).to(cond.dtype)
            case "dynamic":
                null, *cleaned = (to_x0(latents.float(), each.float(), line) for each in (first, *rest))
                expected = memory.look.expected if memory.look else {}
                memory.watch = TermTracker.update(
                    memory.watch, null, dict(zip(texts[2:], cleaned, strict=True)), expected
                )
                if memory.look and memory.look.found is None:
                    memory.look.trackers.append(memory.watch)
                neg = combine_terms(rest, first, list(self._lookout.weights(memory.watch, memory.look).values()))
                guided = cfg(cond, neg, scale=scale).to(cond.dtype)
            case "perp_neg":
                guided = perp_neg(cond, first, rest[0], scale=scale).to(cond.dtype)
            case _:
                guided = cfg(cond, first, scale=scale)
        phi = self.request.guidance_rescale
        return rescale(guided, cond, phi=phi) if phi else guided

    def _measure_effects(
        self, guided: Tensor, predicted: Sequence[Tensor], moment: StepInput, before: GuidanceMemory
    ) -> None:
        """Measure how far the negative prompt, and each of its terms, moves a step's prediction."""
        measure, self._measure = self._measure, "no"
        _, scaled, timestep, _ = moment
        negative, prompt = self.request.negative_prompt, self.request.prompt
        known = dict(zip(self._prompt_slots(negative), predicted, strict=True)) if predicted else {}
        if known:  # measured without the look-ahead, during which nothing is excluded
            memory = GuidanceMemory(before.momentum, before.watch)
            guided = self._combine(self._prompt_slots(negative), predicted, moment, memory)

        def change(text: str) -> Tensor:
            memory = GuidanceMemory(before.momentum, before.watch)
            if known:
                texts = self._prompt_slots(text)
                new = [each for each in texts if each not in known]
                told = self._encode([*new, *known])[: len(new)]
                found = known | dict(zip(new, self._forward(told, scaled, timestep) if new else (), strict=True))
                without = self._combine(texts, [found[each] for each in texts], moment, memory).float()
            else:
                told = self._encode([text, prompt, negative])[:2]
                without = self._predict_with_nag(told[0], told[1], scaled, timestep).float()
            return (guided.float() - without).square().sum().sqrt() / without.square().sum().sqrt()

        self.effect = change("")
        if measure == "terms":
            listed = split_terms(negative)
            for k, term in enumerate(listed):
                self.effects[term] = change(", ".join(listed[:k] + listed[k + 1 :]))

    def _predict_unguided(self, scaled: Tensor, timestep: Tensor) -> Tensor:
        """The prediction for the prompt alone, without guidance."""
        if self._prompt is None:
            self._prompt = self._embeddings(self.request.negative_prompt)[1:2]
        return self._forward(self._prompt, scaled, timestep)[0]

    def _predict_with_nag(self, neg: Embedding, cond: Embedding, scaled: Tensor, timestep: Tensor) -> Tensor:
        copies = self._family.attention_copies
        pooled = expand(cond, self._batch).pooled
        tokens = stack([expand(cond, self._batch), expand(neg, self._batch)]).tokens
        told = Embedding(tokens, None if pooled is None else torch.cat([pooled] * copies))
        # compiled blocks ignore hooks that are installed later
        eager = torch.compiler.set_stance("force_eager") if self._family.compiled else nullcontext()
        with self._family.attention_guidance(tokens.shape[1]), eager:
            return self._predict(torch.cat([scaled] * copies), timestep, told)[: self._batch]

    def _forward(self, embeddings: Sequence[Embedding], scaled: Tensor, timestep: Tensor) -> Sequence[Tensor]:
        """Predictions for several texts, in one batched pass."""
        if self._stacked is None or self._stacked[0] is not embeddings:
            self._stacked = embeddings, stack([expand(each, self._batch) for each in embeddings])
        prediction = self._predict(torch.cat([scaled] * len(embeddings)), timestep, self._stacked[1])
        return prediction.chunk(len(embeddings))

    def _embeddings(self, negative: str) -> list[Embedding]:
        """Embeddings of the texts of the slots; if the negative prompt cannot act, the prompt's, twice."""
        if negative not in self._told:
            request = self.request
            if not self._guided:
                found = self._encode([request.prompt]) * 2
            else:
                found = self._encode(self._prompt_slots(negative))
                if request.no_negative and not negative and self._family.no_negative == "zeros":
                    found[0] = _zero_embedding(found[1])
            self._told[negative] = found
        return self._told[negative]

    def _encode(self, texts: Sequence[str]) -> list[Embedding]:
        return [
            to_device(each, self._device)
            for each in self._family.encode(texts, PromptOptions.from_request(self.request))
        ]


def _zero_embedding(like: Embedding) -> Embedding:
    pooled = None if like.pooled is None else torch.zeros_like(like.pooled)
    return Embedding(torch.zeros_like(like.tokens), pooled)

"""The guided model call: choose the texts that a step needs, combine their predictions, measure the effect."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from .families.base import Family, Predictor, expand, stack, to_device
from .guidance.lookahead import DirectPass, LookPass, LookPlan, LookResult, evaluate_look, find_shown_texts
from .guidance.lookahead_math import combine_terms
from .guidance.lookahead_params import TUNED, LookaheadParams
from .guidance.memory import GuidanceMemory, GuidedState
from .guidance.methods import apg, cfg, is_in_interval, keep_norm, minimum_cosine, perp_neg, rescale
from .guidance.term_tracking import TermTracker, group_terms
from .guidance.x0 import X0Coefficients, from_x0, to_x0, x0_coefficients
from .prompt_syntax import escape_prompt, parse_prompt, split_terms
from .request import ATTENTION_METHODS, GenerationRequest
from .sampling import Predict, Step
from .text_encoders.clip import Embedding, PromptOptions

Measure = Literal["no", "whole", "terms"]
"""How much of a negative prompt's effect to measure."""


def has_effect(request: GenerationRequest, family: Family) -> bool:
    """Whether a negative prompt can act at all."""
    return explain_no_effect(request, family) is None


def explain_no_effect(request: GenerationRequest, family: Family) -> str | None:
    """Why a negative prompt cannot act, in one line, or None; known before the first step."""
    if request.strength == 0:
        return "At a strength of 0 the picture stays as it is, so exclusions have no effect."
    if request.method in ATTENTION_METHODS:
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
    """The guided prediction of one request: `predict`, or `predictor` for one pass of the look-ahead.

    With `measure` it also measures, in the first step where the negative prompt acts, how far that moves the
    prediction (`effect`), and each term alone (`effects`). Each measurement costs one pass of the model for one text.
    """

    def __init__(
        self,
        family: Family,
        request: GenerationRequest,
        state: GuidedState,
        *,
        measure: Measure = "no",
        params: LookaheadParams = TUNED,
    ) -> None:
        self.request = request
        self.effect: Tensor | None = None
        self.effects: dict[str, Tensor] = {}
        self._family = family
        self._params = params
        self._batch = len(state.generators)
        self._device = state.latents.device
        self._predict = _with_condition(family.predictor(request), state.condition)
        self._coefficients = x0_coefficients(state.scheduler, flow=family.flow)
        self._can_act = has_effect(request, family)
        if request.no_negative and not request.negative_prompt and family.no_negative == "nothing":
            self._can_act = False
        self._measure = measure if self._can_act and request.negative_prompt else "no"
        self._encoded: dict[str, list[Embedding]] = {}
        self._without_terms: list[Embedding] | None = None
        self._prompt: list[Embedding] | None = None
        self._stacked: tuple[Sequence[Embedding], list[Embedding]] | None = None
        if state.done < request.joining_step:
            self._embeddings(request.base_negative_prompt)
        self._embeddings(request.negative_prompt)

    @property
    def is_measuring(self) -> bool:
        """Whether an effect is still to be measured."""
        return self._measure != "no"

    def plan_look(self, state: GuidedState) -> LookPlan | None:
        """The look-ahead's first pass, known before the first step. None if there is nothing to look for."""
        request, texts = self.request, self._tracked_texts()
        first = max(request.joining_step, state.done)
        guided = (done for done in range(first, state.total) if self._is_in_interval(done, state.total))
        start = next(guided, None)
        if not texts or not self._can_act or start is None:
            return None
        may_end_before = request.guidance_agreement < 1 and start > state.done
        is_redraw_certain = bool(find_shown_texts(texts, request.shown)) and not may_end_before
        guided_until = request.guidance_stop * state.total
        return LookPlan.create(start, guided_until, self._params, is_redraw_certain=is_redraw_certain)

    def evaluate_look(self, look: LookPass, last: Step) -> LookResult | None:
        """What a look found, after its last step; None if it found nothing in any picture."""
        texts = self._tracked_texts()
        known = find_shown_texts(texts, self.request.shown)
        picture = to_x0(last.latents.float(), last.prediction.float(), self._coefficients[last.index - 1])
        result = evaluate_look(look.trackers, picture, texts, self._params, known)
        return result if result.found.any() else None

    def is_guided(self, state: GuidedState) -> bool:
        """Whether the negative prompt acts in the next step."""
        has_ended = state.memory.agreed_on == self._negative(state)
        return self._can_act and self._is_in_interval(state.done, state.total) and not has_ended

    def predictor(self, in_pass: DirectPass) -> Predict[GuidanceMemory]:
        """The prediction in a pass of the look-ahead."""
        return partial(self.predict, in_pass=in_pass)

    def predict(
        self,
        latents: Tensor,
        scaled: Tensor,
        timestep: Tensor,
        state: GuidedState,
        in_pass: DirectPass = DirectPass(),  # noqa: B008 (it has no state)
    ) -> Tensor:
        """The guided prediction for one step. Replaces the state's memory."""
        if not self.is_guided(state):
            return self._predict_unguided(scaled, timestep)
        before, negative = state.memory, self._negative(state)
        step = (latents, scaled, timestep, self._coefficients[state.done])
        guided, predicted, memory = self._predict_guided(negative, step, before, in_pass)
        if memory.tracker:
            guided = in_pass.finish(guided, memory.tracker, state.done)
        if state.done >= self.request.joining_step and self.is_measuring:
            self._measure_effects(guided, predicted, step, before)
        agreed = bool(predicted) and self._do_agree(predicted)
        state.memory = replace(memory, agreed_on=negative if agreed else None)
        return guided

    def _negative(self, state: GuidedState) -> str:
        """The negative prompt of the next step."""
        has_joined = state.done >= self.request.joining_step
        return self.request.negative_prompt if has_joined else self.request.base_negative_prompt

    def _is_in_interval(self, done: int, total: int) -> bool:
        return is_in_interval(done, total, start=self.request.guidance_start, stop=self.request.guidance_stop)

    def _do_agree(self, predicted: Sequence[Tensor]) -> bool:
        """Whether all predictions agree with that for the prompt, so that guidance can end."""
        threshold = self.request.guidance_agreement
        if threshold == 1:
            return False
        others = [*predicted[:1], *predicted[2:]]
        return all(minimum_cosine(predicted[1], each) >= threshold for each in others)

    def _predict_guided(
        self, negative: str, step: StepInput, memory: GuidanceMemory, in_pass: DirectPass
    ) -> tuple[Tensor, Sequence[Tensor], GuidanceMemory]:
        """The guided prediction, those for the `_prompt_slots` behind it (none in attention), and the memory."""
        _, scaled, timestep, _ = step
        embeddings, texts = self._embeddings(negative), self._prompt_slots(negative)
        if self.request.method in ATTENTION_METHODS:
            return self._predict_by_attention(negative, embeddings, scaled, timestep), (), memory
        if not in_pass.has_terms:
            self._without_terms = self._without_terms or embeddings[:2]  # one list, since `_forward` caches by identity
            embeddings, texts = self._without_terms, texts[:2]
        predicted = self._forward(embeddings, scaled, timestep)
        guided, memory = self._combine(texts, predicted, step, memory, in_pass)
        return guided, predicted, memory

    def _prompt_slots(self, negative: str) -> list[str]:
        """The texts to predict for. The second is the prompt; the method combines the others."""
        prompt = self._family.frame_prompt(self.request.prompt)
        match self.request.method:
            case "lookahead":
                terms = group_terms(split_terms(negative), self._params.max_tracked_terms)
                return ["", prompt, *dict.fromkeys(terms)]
            case "perp_neg":
                return [negative, prompt, ""]
            case "ong":
                first, *others = [text for text, _ in self._concepts(negative)] or [""]
                return [first, prompt, *others]
            case _:
                return [negative, prompt]

    def _concepts(self, negative: str) -> list[tuple[str, float]]:
        """The texts that `ong` guides away from, each with its weight. Lists keep the weights of their terms."""
        grouped = group_terms(split_terms(negative), self._params.max_tracked_terms)
        if self.request.syntax == "plain":
            return [(text, 1.0) for text in grouped]
        return [_split_weight(text) for text in grouped]

    def _tracked_texts(self) -> list[str]:
        """The terms, or lists of terms, that the look-ahead looks for."""
        return self._prompt_slots(self.request.negative_prompt)[2:] if self.request.method == "lookahead" else []

    def _combine(
        self,
        texts: Sequence[str],
        predicted: Sequence[Tensor],
        step: StepInput,
        memory: GuidanceMemory,
        in_pass: DirectPass,
    ) -> tuple[Tensor, GuidanceMemory]:
        """Combine the predictions for the slots into one, and update the memory."""
        first, cond, *rest = predicted
        latents, _, _, line = step
        scale = self.request.guidance_scale
        match self.request.method:
            case "apg":
                wanted, unwanted = (to_x0(latents.float(), each.float(), line) for each in (cond, first))
                guided, momentum = apg(wanted, unwanted, memory.momentum, scale=scale)
                guided = from_x0(latents.float(), guided, line).to(cond.dtype)
                memory = replace(memory, momentum=momentum)
            case "lookahead":
                null, *cleaned = (to_x0(latents.float(), each.float(), line) for each in (first, *rest))
                terms = dict(zip(texts[2:], cleaned, strict=True))
                tracker = TermTracker.update(memory.tracker, null, terms, self._params, in_pass.expected)
                neg = combine_terms(rest, first, list(in_pass.weights(tracker, self._params).values()))
                guided = cfg(cond, neg, scale=scale).to(cond.dtype)
                memory = replace(memory, tracker=tracker)
            case "perp_neg":
                guided = perp_neg(cond, first, rest[0], scale=scale).to(cond.dtype)
            case _:
                guided = cfg(cond, first, scale=scale)
        if self._family.has_normalized_guidance:
            guided = keep_norm(guided, cond)
        phi = self.request.guidance_rescale
        return rescale(guided, cond, phi=phi) if phi else guided, memory

    def _measure_effects(
        self, guided: Tensor, predicted: Sequence[Tensor], step: StepInput, memory: GuidanceMemory
    ) -> None:
        """Measure how far the negative prompt, and each of its terms, moves a step's prediction.

        `memory` is that before the step. Measured without the look-ahead, during which nothing is excluded.
        """
        measure, self._measure = self._measure, "no"
        _, scaled, timestep, _ = step
        negative = self.request.negative_prompt
        slots = self._prompt_slots(negative)
        known = dict(zip(slots, predicted, strict=True)) if predicted else {}
        if known:
            guided, _ = self._combine(slots, predicted, step, memory, DirectPass())

        def change(text: str) -> Tensor:
            if known:
                texts = self._prompt_slots(text)
                new = [each for each in texts if each not in known]
                embeddings = self._encode([*new, *known])[: len(new)]
                found = known | dict(zip(new, self._forward(embeddings, scaled, timestep) if new else (), strict=True))
                without, _ = self._combine(texts, [found[each] for each in texts], step, memory, DirectPass())
            else:
                texts = self._prompt_slots(text)
                embeddings = self._encode([*texts, *slots])[: len(texts)]
                without = self._predict_by_attention(text, embeddings, scaled, timestep)
            without = without.float()
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

    def _predict_by_attention(
        self, negative: str, embeddings: Sequence[Embedding], scaled: Tensor, timestep: Tensor
    ) -> Tensor:
        """The prediction that the attention guides. `embeddings` are those of the slots; the prompt's is the second.

        Only `nag` guides away from the empty text.
        """
        first, cond, *others = embeddings
        if not split_terms(negative) and self.request.method != "nag":
            return self._predict(scaled, timestep, expand(cond, self._batch))
        texts = stack([expand(each, self._batch) for each in (cond, first, *others)])
        copies = len(embeddings) if self._family.has_joint_attention else 1
        if texts.pooled is not None:
            texts = replace(texts, pooled=torch.cat([texts.pooled[: self._batch]] * copies))
        weights = [weight for _, weight in self._concepts(negative)]
        # compiled blocks ignore hooks that are installed later
        eager = torch.compiler.set_stance("force_eager") if self._family.compiled else nullcontext()
        with self._family.attention_guidance(texts, self.request, weights), eager:
            return self._predict(torch.cat([scaled] * copies), timestep, texts)[: self._batch]

    def _forward(self, embeddings: Sequence[Embedding], scaled: Tensor, timestep: Tensor) -> Sequence[Tensor]:
        """Predictions for several texts, in one batched pass if the family does not prefer one for each length."""
        if self._stacked is None or self._stacked[0] is not embeddings:
            self._stacked = embeddings, self._stack(embeddings)
        predictions = [
            self._predict(torch.cat([scaled] * (len(each.tokens) // self._batch)), timestep, each)
            for each in self._stacked[1]
        ]
        return torch.cat(predictions).chunk(len(embeddings))

    def _stack(self, embeddings: Sequence[Embedding]) -> list[Embedding]:
        """The embeddings of each pass."""
        expanded = [expand(each, self._batch) for each in embeddings]
        if self._family.has_pass_for_each_length and len({each.lengths for each in embeddings}) > 1:
            return [replace(each, tokens=each.tokens[:, : max(each.lengths or ())]) for each in expanded]
        return [stack(expanded)]

    def _embeddings(self, negative: str) -> list[Embedding]:
        """Embeddings of the texts of the slots; if the negative prompt cannot act, the prompt's, twice."""
        if negative not in self._encoded:
            request = self.request
            if not self._can_act:
                found = self._encode([self._family.frame_prompt(request.prompt)]) * 2
            else:
                found = self._encode(self._prompt_slots(negative))
                if request.no_negative and not negative and self._family.no_negative == "zeros":
                    found[0] = _zero_embedding(found[1])
            self._encoded[negative] = found
        return self._encoded[negative]

    def _encode(self, texts: Sequence[str]) -> list[Embedding]:
        return [
            to_device(each, self._device)
            for each in self._family.encode(texts, PromptOptions.from_request(self.request))
        ]


def _with_condition(predict: Predictor, condition: Tensor | None) -> Predictor:
    """The prediction of an inpainting model, which reads the condition of each picture behind its latents."""
    if condition is None:
        return predict

    def predict_with(latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
        repeated = torch.cat([condition] * (len(latents) // len(condition)))
        return predict(torch.cat([latents, repeated], dim=1 if latents.ndim == 4 else -1), timestep, embedding)

    return predict_with


def _split_weight(text: str) -> tuple[str, float]:
    """A text without its weight, and the weight; a text of several weights keeps them."""
    first, *others = parse_prompt(text)
    return (text, 1.0) if others or first.text is None else (escape_prompt(first.text), first.weight)


def _zero_embedding(like: Embedding) -> Embedding:
    pooled = None if like.pooled is None else torch.zeros_like(like.pooled)
    return replace(like, tokens=torch.zeros_like(like.tokens), pooled=pooled)

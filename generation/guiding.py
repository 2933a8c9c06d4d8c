"""From a request to guided predictions: which texts a step needs, which method combines them, what it changed."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Literal

import torch
from torch import Tensor

from .clean import Line, clean, clean_lines, prediction_of
from .conditioning import Embedding, Manner
from .families.base import Family, expanded, moved, stacked
from .guidance import agreement, apg, cfg, in_interval, perp_neg, rescaled
from .prompt_syntax import terms
from .request import GenerationRequest
from .sampling import Memory, State

Measure = Literal["no", "whole", "terms"]
"""What to find out of a negative prompt's effect."""


def acts(request: GenerationRequest, family: Family) -> bool:
    """Whether a negative prompt can act at all."""
    return why_not(request, family) is None


def why_not(request: GenerationRequest, family: Family) -> str | None:
    """Why a negative prompt can't act, in one line; known before the first step."""
    if request.method == "nag":
        return None
    if family.guidance_built_in:
        return "This model has its guidance built in, so nothing can be excluded by it: use --method nag."
    if request.guidance_scale <= 1:
        scale = f"{request.guidance_scale:g}"
        return f"At a guidance of {scale} nothing can be excluded: use more than 1, or --method nag."
    if request.guidance_start >= request.guidance_stop:
        return "Guidance has no steps to act in, so nothing can be excluded."
    return None


Moment = tuple[Tensor, Tensor, Tensor, Line]
"""Latents, the same at the model's scale, the timestep, and what predictions of them mean."""


class Guide:
    """The guided prediction of one request; call it as `sampling.Predict`.

    With `measure` it also finds out, at the first step where the negative prompt acts, how far that moved the
    prediction: `effect`, and for the single terms `effects`. Each costs a pass of the model for one text.
    """

    def __init__(self, family: Family, request: GenerationRequest, state: State, *, measure: Measure = "no") -> None:
        self.request = request
        self.effect: Tensor | None = None
        self.effects: dict[str, Tensor] = {}
        self._family = family
        self._batch = len(state.generators)
        self._device = state.latents.device
        self._predict = family.predictor(request)
        self._lines = clean_lines(state.scheduler, flow=family.flow)
        self._guided = acts(request, family)
        if request.no_negative and not request.negative_prompt and family.no_negative == "nothing":
            self._guided = False
        self._measure = measure if self._guided and request.negative_prompt else "no"
        self._told: dict[str, list[Embedding]] = {}
        self._prompt: list[Embedding] | None = None
        self._stacked: tuple[Sequence[Embedding], Embedding] | None = None
        if state.done < request.joining_step:
            self._embeddings(request.base_negative_prompt)
        self._embeddings(request.negative_prompt)

    @property
    def measures(self) -> bool:
        """Whether an effect is yet to be found out."""
        return self._measure != "no"

    def __call__(self, latents: Tensor, scaled: Tensor, timestep: Tensor, state: State) -> Tensor:
        """The guided prediction of the latents at a step."""
        request, memory = self.request, state.memory
        joined = state.done >= request.joining_step
        if state.done == request.joining_step and request.negative_prompt != request.base_negative_prompt:
            memory.ended = False  # what ended it was another negative prompt
        inside = in_interval(state.done, state.total, start=request.guidance_start, stop=request.guidance_stop)
        if not self._guided or not inside or memory.ended:
            return self._alone(scaled, timestep)
        negative = request.negative_prompt if joined else request.base_negative_prompt
        before, moment = Memory(memory.momentum), (latents, scaled, timestep, self._lines[state.done])
        guided, predicted = self._guide(self._embeddings(negative), moment, memory)
        if joined and self._measure != "no":
            self._measure_effects(guided, predicted, moment, before)
        if predicted and request.guidance_agreement < 1:
            memory.ended = bool(agreement(predicted[1], predicted[0]) >= request.guidance_agreement)
        return guided

    def _guide(self, told: Sequence[Embedding], moment: Moment, memory: Memory) -> tuple[Tensor, Sequence[Tensor]]:
        """The guided prediction, and those that it is made of, where they are more than one."""
        latents, scaled, timestep, line = moment
        if self.request.method == "nag":
            return self._attend(told[0], told[1], scaled, timestep), ()
        predicted = self._forward(told, scaled, timestep)
        return self._combine(predicted, latents, memory, line), predicted

    def _combine(self, predicted: Sequence[Tensor], latents: Tensor, memory: Memory, line: Line) -> Tensor:
        """One prediction of those for the negative prompt, the prompt and, where it has a slot, the empty text."""
        neg, cond, *null = predicted
        scale = self.request.guidance_scale
        if self.request.method == "apg":
            wanted, unwanted = (clean(latents.float(), each.float(), line) for each in (cond, neg))
            guided, memory.momentum = apg(wanted, unwanted, memory.momentum, scale=scale)
            guided = prediction_of(latents.float(), guided, line).to(cond.dtype)
        elif null:
            guided = perp_neg(cond, neg, null[0], scale=scale).to(cond.dtype)
        else:
            guided = cfg(cond, neg, scale=scale)
        phi = self.request.guidance_rescale
        return rescaled(guided, cond, phi=phi) if phi else guided

    def _measure_effects(self, guided: Tensor, predicted: Sequence[Tensor], moment: Moment, before: Memory) -> None:
        """How far the negative prompt, and each of its terms, moved a step's prediction from one without it."""
        measure, self._measure = self._measure, "no"
        latents, scaled, timestep, line = moment
        negative, prompt = self.request.negative_prompt, self.request.prompt

        def change(text: str) -> Tensor:
            told = self._encode([text, prompt, negative])[:2]
            memory = Memory(before.momentum)
            if predicted:
                neg = self._forward(told[:1], scaled, timestep)[0]
                without = self._combine([neg, *predicted[1:]], latents, memory, line).float()
            else:
                without = self._guide(told, moment, memory)[0].float()
            return (guided.float() - without).square().sum().sqrt() / without.square().sum().sqrt()

        self.effect = change("")
        if measure == "terms":
            listed = terms(negative)
            for k, term in enumerate(listed):
                self.effects[term] = change(", ".join(listed[:k] + listed[k + 1 :]))

    def _alone(self, scaled: Tensor, timestep: Tensor) -> Tensor:
        """The prediction for the prompt, without guidance."""
        if self._prompt is None:
            self._prompt = self._embeddings(self.request.negative_prompt)[1:2]
        return self._forward(self._prompt, scaled, timestep)[0]

    def _attend(self, neg: Embedding, cond: Embedding, scaled: Tensor, timestep: Tensor) -> Tensor:
        copies = self._family.attention_copies
        pooled = expanded(cond, self._batch).pooled
        tokens = stacked([expanded(cond, self._batch), expanded(neg, self._batch)]).tokens
        told = Embedding(tokens, None if pooled is None else torch.cat([pooled] * copies))
        # compiled blocks don't hear of hooks that come later
        eager = torch.compiler.set_stance("force_eager") if self._family.compiled else nullcontext()
        with self._family.attention_guidance(tokens.shape[1]), eager:
            return self._predict(torch.cat([scaled] * copies), timestep, told)[: self._batch]

    def _forward(self, told: Sequence[Embedding], scaled: Tensor, timestep: Tensor) -> Sequence[Tensor]:
        """Predictions for several texts, in one pass."""
        if self._stacked is None or self._stacked[0] is not told:
            self._stacked = told, stacked([expanded(each, self._batch) for each in told])
        prediction = self._predict(torch.cat([scaled] * len(told)), timestep, self._stacked[1])
        return prediction.chunk(len(told))

    def _embeddings(self, negative: str) -> list[Embedding]:
        """Of the negative prompt and the prompt, and of the empty text where the method has a slot for it.

        Where the negative prompt can't act, of the prompt alone, twice.
        """
        if negative not in self._told:
            request = self.request
            if not self._guided:
                found = self._encode([request.prompt]) * 2
            elif request.method == "perp_neg":
                found = self._encode([negative, request.prompt, ""])
            else:
                found = self._encode([negative, request.prompt])
                if request.no_negative and not negative and self._family.no_negative == "zeros":
                    found[0] = _zeros(found[1])
            self._told[negative] = found
        return self._told[negative]

    def _encode(self, texts: Sequence[str]) -> list[Embedding]:
        return [moved(each, self._device) for each in self._family.encode(texts, Manner.of(self.request))]


def _zeros(like: Embedding) -> Embedding:
    pooled = None if like.pooled is None else torch.zeros_like(like.pooled)
    return Embedding(torch.zeros_like(like.tokens), pooled)

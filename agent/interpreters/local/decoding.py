"""Greedy decoding of JSON that matches a schema. The part that all prompts have in common is computed once."""

import copy
import json
import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from jinja2 import TemplateError
from llguidance import LLMatcher
from llguidance.hf import from_tokenizer

from ..llm.prompt import Message
from .loading import LoadedModel

MAX_TOKENS = 768
"""Maximum length of an answer. The longest prompts need about 500 tokens."""


class DeadlineError(Exception):
    """The deadline passed before the answer was complete."""


@dataclass(frozen=True)
class Completion:
    """An answer, and how many tokens were read and written for it."""

    text: str
    prompt_tokens: int
    completion_tokens: int


@dataclass
class _Prefix:
    """Tokens that prompts begin with, and their keys and values."""

    tokens: list[int]
    cache: Any


class JsonDecoder:
    """Generates JSON that matches `schema`. Not for several threads at once."""

    def __init__(self, model: LoadedModel, schema: dict[str, Any]) -> None:
        self._network, self._tokenizer = model.network, model.tokenizer
        self._home = self._device = model.device
        self._vocabulary = self._network.get_output_embeddings().weight.shape[0]
        self._grammar_tokens = from_tokenizer(self._tokenizer, n_vocab=self._vocabulary)
        grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides={"whitespace_flexible": False})
        self._matcher = LLMatcher(self._grammar_tokens, grammar)
        if self._matcher.is_error():
            raise ValueError(self._matcher.get_error())
        self._prefix = _Prefix([], None)

    def keep_prefix(self, system: Message) -> None:
        """Read the part that all prompts with this system message begin with, and keep it for later prompts."""
        first, second = (self._render([system, {"role": "user", "content": content}]) for content in ("x", "{"))
        self._keep(_common_prefix(first, second))

    @torch.inference_mode()
    def _keep(self, tokens: list[int]) -> None:
        self._prefix = _Prefix(tokens, self._read(tokens, None)[1] if tokens else None)

    @property
    def is_on_accelerator(self) -> bool:
        """Whether the model occupies memory of an accelerator now."""
        return self._device.type != "cpu"

    def release_memory(self) -> None:
        """Move the model from an accelerator to the CPU. `take_memory` undoes it."""
        self._move(torch.device("cpu"))

    def take_memory(self) -> None:
        """Move the model back to the device that it was loaded on, if it fits there now."""
        try:
            self._move(self._home)
        except torch.OutOfMemoryError:
            self._move(torch.device("cpu"))

    def _move(self, device: torch.device) -> None:
        if device == self._device:
            return
        tokens, self._prefix = self._prefix.tokens, _Prefix([], None)
        self._device = torch.device("meta")  # in between, if this fails
        self._network.to(device)
        self._device = device
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._keep(tokens)

    @torch.inference_mode()
    def generate(self, messages: list[Message], deadline: float) -> Completion:
        """The answer to a conversation.

        Raises:
            DeadlineError: it is not complete at the deadline, a time of `time.monotonic`.
        """
        prompt = self._render(messages)
        known = len(self._prefix.tokens)
        is_known = 0 < known < len(prompt) and prompt[:known] == self._prefix.tokens
        cache = copy.deepcopy(self._prefix.cache) if is_known else None
        logits, cache = self._read(prompt[known:] if is_known else prompt, cache, deadline)
        matcher, answer = self._matcher.deep_copy(), list[int]()
        while len(answer) < MAX_TOKENS:
            tokens = matcher.compute_ff_tokens() or [self._choose(logits, matcher)]
            if not matcher.consume_tokens(tokens):
                raise RuntimeError(matcher.get_error())
            answer += tokens
            if matcher.is_stopped():
                break
            logits, cache = self._read(tokens, cache, deadline)
        text = self._tokenizer.decode(answer, skip_special_tokens=True)
        return Completion(text, len(prompt), len(answer))

    def _read(self, tokens: list[int], cache: Any, deadline: float = math.inf) -> tuple[torch.Tensor, Any]:
        """The logits after some more tokens, and their keys and values."""
        if time.monotonic() > deadline:
            raise DeadlineError
        ids = torch.tensor([tokens], device=self._device)
        output = self._network(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return output.logits[0, -1].float(), output.past_key_values

    def _choose(self, logits: torch.Tensor, matcher: LLMatcher) -> int:
        """The most likely token of those that the grammar allows."""
        bias = torch.frombuffer(bytearray(matcher.compute_logit_bias()), dtype=torch.uint8)
        allowed = bias[: self._vocabulary].to(logits.device) > 0
        return int(logits.masked_fill(~allowed, -torch.inf).argmax())

    def _render(self, messages: list[Message]) -> list[int]:
        """The tokens of a conversation, by the model's chat template. Where it has no system role, the user says it."""
        try:
            return self._apply_template(messages)
        except (TemplateError, ValueError):
            system, user, *rest = messages
            merged = {"role": "user", "content": f"{system['content']}\n\n{user['content']}"}
            return self._apply_template([merged, *rest])

    def _apply_template(self, messages: list[Message]) -> list[int]:
        rendered = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, enable_thinking=False, return_dict=False
        )
        return list(rendered)


def _common_prefix(first: list[int], second: list[int]) -> list[int]:
    """The tokens that both begin with."""
    pairs = enumerate(zip(first, second, strict=False))
    length = next((index for index, (one, other) in pairs if one != other), min(len(first), len(second)))
    return first[:length]

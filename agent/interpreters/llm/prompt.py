"""The messages to the model: rules and examples from `prompts/interpreter.toml`, and the user's feedback as data."""

import base64
import json
import tomllib
from functools import cache
from importlib import resources
from io import BytesIO
from typing import TYPE_CHECKING, Any

from .... import prompts
from ...edits import State

if TYPE_CHECKING:
    from PIL.Image import Image

Message = dict[str, Any]
"""A chat message: its `role` and its `content`, as chat templates and LangChain read them."""

_LONGEST_SIDE = 512
"""Longest side in pixels of the picture that is sent: enough to identify objects."""


def build_messages(feedback: str, state: State) -> list[Message]:
    """The system message with the rules, and the user message with the feedback and its state.

    The system message is always the same, so that servers find it in their prefix cache. User input only appears
    inside JSON strings, so that it cannot be confused with the rules.
    """
    user_message = _to_json(_build_user_message(feedback, state))
    return [{"role": "system", "content": load_rules()}, {"role": "user", "content": user_message}]


def build_retry_messages(messages: list[Message], answer: str, reason: str) -> list[Message]:
    """The conversation with the unusable response, and a request to correct it."""
    correction = _load_texts()["again"].format(reason=reason)
    return [*messages, {"role": "assistant", "content": answer}, {"role": "user", "content": correction}]


def attach_image(messages: list[Message], picture: "Image") -> list[Message]:
    """The messages with the picture added to the feedback."""
    rules, user_message, *rest = messages
    image = {"type": "image", "base64": _encode_jpeg(picture), "mime_type": "image/jpeg"}
    content = [{"type": "text", "text": user_message["content"]}, image]
    return [rules, {"role": "user", "content": content}, *rest]


def _build_user_message(feedback: str, state: State) -> dict[str, Any]:
    excluded = [
        {"term": exclusion.term, "weight": exclusion.weight, **({"locked": True} if exclusion.is_locked else {})}
        for exclusion in state.negative
    ]
    recent = [{"said": words, "answered": reply} for words, reply in state.recent]
    return {"prompt": state.prompt, "excluded": excluded, "recent": recent, "feedback": feedback}


@cache
def load_rules() -> str:
    """The system message: the rules and the examples."""
    examples = [
        f"{_to_json(example['message'])}\n{_to_json(example['answer'])}" for example in _load_texts()["examples"]
    ]
    return "\n\n".join([_load_texts()["rules"].strip(), "Examples, each a message and its answer:", *examples])


@cache
def _load_texts() -> dict[str, Any]:
    text = resources.files(prompts).joinpath("interpreter.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _to_json(value: Any) -> str:
    """Compact, as the model's answers are then, too: fewer tokens to read and to write."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _encode_jpeg(picture: "Image") -> str:
    small = picture.convert("RGB")
    small.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    content = BytesIO()
    small.save(content, "JPEG", quality=85)
    return base64.b64encode(content.getvalue()).decode("ascii")

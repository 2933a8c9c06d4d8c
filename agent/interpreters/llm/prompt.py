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
    from langchain_core.messages import BaseMessage
    from PIL.Image import Image

_LONGEST_SIDE = 512
"""Longest side in pixels of the picture that is sent: enough to identify objects."""


def build_messages(feedback: str, state: State) -> "list[BaseMessage]":
    """The system message with the rules, and the user message with the feedback and its state.

    User input only appears inside JSON strings, so that it cannot be confused with the rules.
    """
    from langchain_core.messages import HumanMessage, SystemMessage

    return [SystemMessage(_load_rules()), HumanMessage(_to_json(_build_user_message(feedback, state)))]


def build_retry_messages(messages: "list[BaseMessage]", answer: str, reason: str) -> "list[BaseMessage]":
    """The conversation with the unusable response, and a request to correct it."""
    from langchain_core.messages import AIMessage, HumanMessage

    return [*messages, AIMessage(answer), HumanMessage(_load_texts()["again"].format(reason=reason))]


def attach_image(messages: "list[BaseMessage]", picture: "Image") -> "list[BaseMessage]":
    """The messages with the picture added to the feedback."""
    from langchain_core.messages import HumanMessage

    rules, user_message, *rest = messages
    image = {"type": "image", "base64": _encode_jpeg(picture), "mime_type": "image/jpeg"}
    return [rules, HumanMessage([{"type": "text", "text": user_message.text}, image]), *rest]


def _build_user_message(feedback: str, state: State) -> dict[str, Any]:
    excluded = [
        {"term": exclusion.term, "weight": exclusion.weight, **({"locked": True} if exclusion.is_locked else {})}
        for exclusion in state.negative
    ]
    recent = [{"said": words, "answered": reply} for words, reply in state.recent]
    return {"prompt": state.prompt, "excluded": excluded, "recent": recent, "feedback": feedback}


@cache
def _load_rules() -> str:
    examples = [
        f"{_to_json(example['message'])}\n{_to_json(example['answer'])}" for example in _load_texts()["examples"]
    ]
    return "\n\n".join([_load_texts()["rules"].strip(), "Examples, each a message and its answer:", *examples])


@cache
def _load_texts() -> dict[str, Any]:
    text = resources.files(prompts).joinpath("interpreter.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _encode_jpeg(picture: "Image") -> str:
    small = picture.convert("RGB")
    small.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    content = BytesIO()
    small.save(content, "JPEG", quality=85)
    return base64.b64encode(content.getvalue()).decode("ascii")

"""The ways to ask a server for JSON, from the strictest to plain text. Servers differ in which they support."""

from enum import Enum
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from .response_parsing import response_schema

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import Runnable


class ResponseFormat(Enum):
    """How a request asks for JSON. The order is the order in which they are tried."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT_WITH_SCHEMA = "json_object with a schema"
    """A format of llama.cpp and llama-cpp-python, which enforce the schema."""
    JSON_OBJECT = "json_object"
    TOOL_CALL = "tool call"
    TEXT = "text"
    """Only the prompt asks for JSON."""


def supported_formats(model: "BaseChatModel") -> tuple[ResponseFormat, ...]:
    """The formats that the model's API has. `json_object` is OpenAI's."""
    from langchain_openai import ChatOpenAI

    if isinstance(model, ChatOpenAI):
        return tuple(ResponseFormat)
    return (ResponseFormat.JSON_SCHEMA, ResponseFormat.TOOL_CALL, ResponseFormat.TEXT)


def bind_format(model: "BaseChatModel", response_format: ResponseFormat) -> "Runnable[Any, Any]":
    """The model with requests in this format. Its result is the message that the server sends."""
    match response_format:
        case ResponseFormat.TEXT:
            return model
        case ResponseFormat.JSON_OBJECT:
            return model.bind(response_format={"type": "json_object"})
        case ResponseFormat.JSON_OBJECT_WITH_SCHEMA:
            return model.bind(response_format={"type": "json_object", "schema": response_schema()})
        case ResponseFormat.JSON_SCHEMA:
            return _bind_schema(model, "json_schema")
        case ResponseFormat.TOOL_CALL:
            return _bind_schema(model, "function_calling")


def _bind_schema(model: "BaseChatModel", method: str) -> "Runnable[Any, Any]":
    from langchain_openai import ChatOpenAI

    strict = {"strict": True} if isinstance(model, ChatOpenAI) else {}
    structured: Runnable[Any, Any] = model.with_structured_output(
        response_schema(), method=method, include_raw=True, **strict
    )
    return structured.pipe(itemgetter("raw"))

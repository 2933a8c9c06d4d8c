"""Error format and router of OpenAI's API, and its model names."""

import re
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from ...jobs.service import Service
from ...problems import Problem
from ...schemas.requests import Name
from ..error_routes import error_route_class

_OPENAI_MODEL = re.compile(r"(?:gpt|chatgpt|dall-e|o\d)\b")
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_RETRYABLE = (429, 503)
"""Statuses that clients should retry: the queue is full, or the server is shutting down."""
_STATUS_AND_CODE = {
    "invalid": (400, "invalid"),
    "unknown-model": (404, "model_not_found"),
    "too-many-requests": (429, "rate_limit_exceeded"),
}
"""Problems whose status or code differs in OpenAI's API."""


ModelName = Annotated[
    Name | None, Field(description="A model of `/v1/models`. Names of OpenAI's models stand for the first one.")
]
"""The field `model` of a request."""


class ErrorDetails(BaseModel):
    """Why a request failed."""

    message: str = Field(description="What is wrong, in one line.")
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(description="The invalid field, if there is one.")
    code: str = Field(examples=["model_not_found"])


class OpenAIErrorResponse(BaseModel):
    """An error in OpenAI's format."""

    error: ErrorDetails


def to_error(problem: Problem) -> OpenAIErrorResponse:
    """A problem in OpenAI's format."""
    status, code = _STATUS_AND_CODE.get(problem.name, (problem.status, problem.name.replace("-", "_")))
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    errors = problem.more.get("errors") or [{"loc": []}]
    path = [part for part in errors[0]["loc"] if part != "body"]
    return OpenAIErrorResponse(
        error=ErrorDetails(message=problem.detail, type=kind, param=".".join(path) or None, code=code)
    )


def error_response(problem: Problem) -> JSONResponse:
    """The response for a problem, in OpenAI's format."""
    status, _ = _STATUS_AND_CODE.get(problem.name, (problem.status, ""))
    # OpenAI's clients retry on 409 and 5xx, unless this header tells them not to
    headers = problem.headers if status in _RETRYABLE else {**problem.headers, "x-should-retry": "false"}
    return JSONResponse(to_error(problem).model_dump(mode="json"), status, headers=headers)


def document_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` for `statuses` and those that every route may return."""
    return {status: {"model": OpenAIErrorResponse} for status in sorted({400, 401, 403, 422, 429, 503, *statuses})}


def create_router() -> APIRouter:
    """A router for `/v1` that answers errors in this format."""
    return APIRouter(prefix="/v1", tags=["OpenAI's API"], route_class=error_route_class(error_response))


def is_url_default(model: str | None) -> bool:
    """Whether the default `response_format` is `url`, as for DALL·E models."""
    return model is not None and model.startswith("dall-e")


def find_model(name: str | None, service: Service) -> str | None:
    """The server's model with this name; None (the default model) for names of OpenAI's models.

    So an OpenAI client only needs another base URL. Other unknown names are refused when the session starts.
    """
    if name is None or (name not in service.models.names and _OPENAI_MODEL.match(name)):
        return None
    return name

"""What OpenAI's clients expect of every answer: the shape of errors, and names of models that they know."""

import re
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from ...jobs.service import Service
from ...problems import Problem
from ...schemas.requests import Name
from ..error_routes import error_route_class

_THEIRS = re.compile(r"(?:gpt|chatgpt|dall-e|o\d)\b")
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_COME_AGAIN = (429, 503)
"""What may succeed when it is asked again: the queue is full, or the server stops."""
_NAMES = {
    "invalid": (400, "invalid"),
    "unknown-model": (404, "model_not_found"),
    "too-many-requests": (429, "rate_limit_exceeded"),
}
"""What has another status, or another code, than the problem."""


ModelName = Annotated[
    Name | None, Field(description="One of `/v1/models`; the names of OpenAI's own mean the first of them.")
]
"""A request's `model`."""


class ErrorDetails(BaseModel):
    """Why a request was not answered."""

    message: str = Field(description="What is wrong, in one line.")
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(description="The field that it is about, where it is about one.")
    code: str = Field(examples=["model_not_found"])


class OpenAIErrorResponse(BaseModel):
    """An error as OpenAI's clients read it."""

    error: ErrorDetails


def to_error(problem: Problem) -> OpenAIErrorResponse:
    """A problem in their words."""
    status, code = _NAMES.get(problem.name, (problem.status, problem.name.replace("-", "_")))
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    errors = problem.more.get("errors") or [{"loc": []}]
    where = [part for part in errors[0]["loc"] if part != "body"]
    return OpenAIErrorResponse(
        error=ErrorDetails(message=problem.detail, type=kind, param=".".join(where) or None, code=code)
    )


def error_response(problem: Problem) -> JSONResponse:
    """A problem as an answer that OpenAI's clients read."""
    status, _ = _NAMES.get(problem.name, (problem.status, ""))
    # their clients send a request again by its status alone, also one that was cancelled
    headers = problem.headers if status in _COME_AGAIN else {**problem.headers, "x-should-retry": "false"}
    return JSONResponse(to_error(problem).model_dump(mode="json"), status, headers=headers)


def document_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's word on them; those of the key and the queue are always among them."""
    return {status: {"model": OpenAIErrorResponse} for status in sorted({400, 401, 403, 422, 429, 503, *statuses})}


def create_router() -> APIRouter:
    """A router below `/v1` whose errors are told so."""
    return APIRouter(prefix="/v1", tags=["OpenAI's API"], route_class=error_route_class(error_response))


def makes_links(model: str | None) -> bool:
    """Whether clients of this model expect addresses of pictures by default: as with DALL·E, and with no other."""
    return model is not None and model.startswith("dall-e")


def find_model(name: str | None, service: Service) -> str | None:
    """The server's model of a name; None, its default, for names of OpenAI's own.

    So a program that spoke to OpenAI needs another address, and no more. Any other name that is not on the
    server's list is refused where the session begins.
    """
    if name is None or (name not in service.models.names and _THEIRS.match(name)):
        return None
    return name

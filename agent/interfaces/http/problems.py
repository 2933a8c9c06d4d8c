"""Problem documents (RFC 9457, `application/problem+json`) for all errors of the API."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from ....errors import InvalidInputError, NotthatError
from ....storage import (
    IdempotencyKey,
    MissingPictureError,
    SessionExistsError,
    StorageError,
    UnknownSessionError,
    UnknownTurnError,
)
from ...questions import NoQuestionError
from ...studio import UnknownModelError
from ...terms import to_one_line
from ...turn_execution import TurnCancelled

MEDIA_TYPE = "application/problem+json"
_PREFIX = "urn:notthat:problem:"


class ProblemResponse(BaseModel):
    """Why a request failed."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="Identifies the kind of problem, for programs.", examples=[f"{_PREFIX}unknown-session"]
    )
    title: str = Field(description="The kind of problem, for people.", examples=["No such session"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What is wrong, in one line.", examples=["no session “3f9c2a71d0b45e86”"])


class Problem(Exception):  # noqa: N818 - the name in RFC 9457
    """An error with its problem document. `name` is the last part of `type`, `more` are extension members."""

    def __init__(
        self,
        status: int,
        name: str,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        detail = to_one_line(detail)
        super().__init__(detail)
        self.status, self.name, self.title, self.detail = status, name, title, detail
        self.headers, self.more = dict(headers or {}), dict(more or {})

    def to_json(self) -> dict[str, Any]:
        """The problem document: the response body, and the data of the event `failed`."""
        members = {"type": f"{_PREFIX}{self.name}", "title": self.title, "status": self.status, "detail": self.detail}
        return {**members, **self.more}

    def to_http_exception(self) -> HTTPException:
        """An HTTPException that carries the problem, for places where FastAPI only passes on HTTPException."""
        error = HTTPException(self.status, self.detail)
        error.__cause__ = self
        return error

    def to_response(self) -> JSONResponse:
        return JSONResponse(self.to_json(), self.status, headers=self.headers, media_type=MEDIA_TYPE)


RespondWith = Callable[[Problem], JSONResponse]
"""Formats a problem for one kind of client."""
RespondTo = Callable[[str, Problem], JSONResponse]
"""Formats a problem for the clients of a path."""


def queue_full(reason: str, seconds: int) -> Problem:
    """429 because a queue has no place left."""
    return too_many("queue-full", "The queue is full", f"{reason}: try again in {seconds} s", seconds)


def too_many(name: str, title: str, detail: str, seconds: int) -> Problem:
    """429 with `Retry-After`."""
    return Problem(429, name, title, detail, headers={"Retry-After": str(seconds)})


def server_stopping() -> Problem:
    """503 because the server is shutting down."""
    detail = "the server is shutting down: try again in a moment"
    return Problem(503, "stopping", "The server is shutting down", detail, headers={"Retry-After": "5"})


def check_fingerprint(fingerprint: str, receipt: IdempotencyKey | None) -> None:
    """Raise `Problem` (409) if an Idempotency-Key is repeated with a different request."""
    if receipt is not None and fingerprint != receipt.fingerprint:
        detail = "this Idempotency-Key was used for a different request: use a new key for each request"
        raise Problem(409, "idempotency-key-reused", "The Idempotency-Key was already used", detail)


def to_problem(error: Exception) -> Problem:
    """The problem for an error. Clients get no details of unexpected errors."""
    reason = re.sub(r"^--(\w+): ", r"\1: ", " ".join(str(error).split()))
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _invalid_request_problem(error)
        case HTTPException():
            return error.__cause__ if isinstance(error.__cause__, Problem) else _problem_from_status(error)
        case UnknownSessionError():
            return Problem(404, "unknown-session", "No such session", reason.partition(": see")[0])
        case UnknownTurnError():
            return Problem(404, "unknown-turn", "No such turn", reason)
        case MissingPictureError():
            return Problem(404, "missing-picture", "The picture is missing", "the file of the picture is missing")
        case SessionExistsError():
            return Problem(409, "session-exists", "The session already exists", reason)
        case NoQuestionError():
            return Problem(409, "no-question", "No question is open", reason)
        case UnknownModelError():
            return Problem(400, "unknown-model", "No such model", reason)
        case InvalidInputError():
            return Problem(400, "refused", "The request was refused", reason)
        case TurnCancelled():
            return Problem(409, "cancelled", "The turn was cancelled", reason)
        case StorageError():
            detail = "the store can't be read or written: try again in a moment"
            return Problem(503, "storage", "The store is unavailable", detail, headers={"Retry-After": "5"})
        case NotthatError():
            return Problem(500, "failed", "The turn failed", reason)
        case _:
            return Problem(
                500, "unexpected", "Unexpected error", "an unexpected error occurred: see the log of the server"
            )


def _invalid_request_problem(error: RequestValidationError) -> Problem:
    errors = [{"loc": [str(part) for part in item["loc"]], "msg": item["msg"]} for item in error.errors()]
    first = f"{'.'.join(errors[0]['loc'])}: {errors[0]['msg']}" if errors else "the request is invalid"
    return Problem(422, "invalid", "The request is invalid", first, more={"errors": errors})


def _problem_from_status(error: HTTPException) -> Problem:
    phrase = HTTPStatus(error.status_code).phrase
    name = phrase.lower().replace(" ", "-")
    return Problem(error.status_code, name, phrase, str(error.detail), headers=error.headers)


_MEANINGS = {
    400: "The request matches the schema but was refused; `detail` says why.",
    401: "An API key is needed: `Authorization: Bearer nt_…`.",
    403: "The key, a policy or the origin of the page does not allow it.",
    404: "It does not exist or belongs to another key.",
    409: "It was cancelled or conflicts with the current state.",
    413: "The request is too large.",
    415: "The media type of the body is not supported.",
    422: "The request does not match the schema.",
    429: "The queue is full or the key has sent too many requests; `Retry-After` says when to try again.",
    500: "Drawing failed.",
    503: "The server is shutting down or its store is unavailable.",
}

_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait before the next attempt.", "schema": {"type": "integer"}}
}

ALWAYS = (401, 403, 422, 429, 503)
"""Statuses that any route may return."""


def document_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` for the problems of a route: `statuses` and `ALWAYS`."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemResponse"}}
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {MEDIA_TYPE: schema},
            **({"headers": _RETRY_AFTER} if status in (429, 503) else {}),
        }
        for status in sorted({*ALWAYS, *statuses})
    }

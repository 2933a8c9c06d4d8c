"""What can't be answered, as RFC 9457 has it: `application/problem+json` with a type, a title and a reason."""

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
from ...studio import UnknownModelError
from ...turn_execution import TurnCancelled

MEDIA_TYPE = "application/problem+json"
_PREFIX = "urn:notthat:problem:"


class ProblemResponse(BaseModel):
    """Why a request was not answered as it was asked."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Names the kind of problem, for programs.", examples=[f"{_PREFIX}unknown-session"])
    title: str = Field(description="The same for people.", examples=["There is no such session"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What is wrong, in one line.", examples=["no session “3f9c2a71d0b45e86”"])


class Problem(Exception):  # noqa: N818 - the name that RFC 9457 gives it
    """Raised by a route that can't answer."""

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
        super().__init__(detail)
        self.status, self.name, self.title, self.detail = status, name, title, detail
        self.headers, self.more = dict(headers or {}), dict(more or {})

    def to_json(self) -> dict[str, Any]:
        """The body of the answer, and what the event `failed` tells."""
        told = {"type": f"{_PREFIX}{self.name}", "title": self.title, "status": self.status, "detail": self.detail}
        return {**told, **self.more}

    def to_http_exception(self) -> HTTPException:
        """The same for where a framework lets nothing else through; the handler makes it whole again."""
        error = HTTPException(self.status, self.detail)
        error.__cause__ = self
        return error

    def to_response(self) -> JSONResponse:
        """The answer."""
        return JSONResponse(self.to_json(), self.status, headers=self.headers, media_type=MEDIA_TYPE)


RespondWith = Callable[[Problem], JSONResponse]
"""Gives a problem the shape that one kind of clients reads."""
RespondTo = Callable[[str, Problem], JSONResponse]
"""Gives a problem the shape that the clients of a path read."""


def queue_full(what: str, seconds: int) -> Problem:
    """No place is left."""
    return too_many("queue-full", "The queue is full", f"{what}: try again in {seconds} s", seconds)


def too_many(name: str, title: str, detail: str, seconds: int) -> Problem:
    """429, and when to come again."""
    return Problem(429, name, title, detail, headers={"Retry-After": str(seconds)})


def server_stopping() -> Problem:
    """The server takes nothing on any more."""
    detail = "the server is being stopped: try again in a moment"
    return Problem(503, "stopping", "The server is being stopped", detail, headers={"Retry-After": "5"})


def check_fingerprint(fingerprint: str, receipt: IdempotencyKey | None) -> None:
    """Raise `Problem` where an Idempotency-Key comes again with another request than the first time."""
    if receipt is not None and fingerprint != receipt.fingerprint:
        detail = "this Idempotency-Key came with another request before: choose another one for each request"
        raise Problem(409, "idempotency-key-reused", "The Idempotency-Key was used before", detail)


def to_problem(error: Exception) -> Problem:
    """What an error is to a client; of one that nobody expected, no more is told than that."""
    reason = re.sub(r"^--(\w+): ", r"\1: ", " ".join(str(error).split()))
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _invalid_request_problem(error)
        case HTTPException():
            return error.__cause__ if isinstance(error.__cause__, Problem) else _problem_from_status(error)
        case UnknownSessionError():
            return Problem(404, "unknown-session", "There is no such session", reason.partition(": see")[0])
        case UnknownTurnError():
            return Problem(404, "unknown-turn", "There is no such turn", reason)
        case MissingPictureError():
            return Problem(404, "missing-picture", "The picture is gone", "the picture is not there any more")
        case SessionExistsError():
            return Problem(409, "session-exists", "There is such a session already", reason)
        case UnknownModelError():
            return Problem(400, "unknown-model", "There is no such model", reason)
        case InvalidInputError():
            return Problem(400, "refused", "That can't be done", reason)
        case TurnCancelled():
            return Problem(409, "cancelled", "The turn was cancelled", reason)
        case StorageError():
            detail = "what is kept can't be read or written now: try again in a moment"
            return Problem(503, "storage", "The store doesn't answer", detail, headers={"Retry-After": "5"})
        case NotthatError():
            return Problem(500, "failed", "The turn came to no picture", reason)
        case _:
            return Problem(500, "unexpected", "Something went wrong", "the server's log says more")


def _invalid_request_problem(error: RequestValidationError) -> Problem:
    errors = [{"loc": [str(part) for part in each["loc"]], "msg": each["msg"]} for each in error.errors()]
    first = f"{'.'.join(errors[0]['loc'])}: {errors[0]['msg']}" if errors else "the request can't be read"
    return Problem(422, "invalid", "The request can't be read", first, more={"errors": errors})


def _problem_from_status(error: HTTPException) -> Problem:
    phrase = HTTPStatus(error.status_code).phrase
    name = phrase.lower().replace(" ", "-")
    return Problem(error.status_code, name, phrase, str(error.detail), headers=error.headers)


_MEANINGS = {
    400: "It fits the schema, and can't be done: the reason says why.",
    401: "A key is needed: `Authorization: Bearer nt_…`.",
    403: "The key, a policy or the page's origin doesn't allow it.",
    404: "There is no such thing, or it is another key's.",
    409: "It was cancelled, or stands against something else.",
    413: "The request is larger than the server reads.",
    415: "The body is of another media type.",
    422: "The request doesn't fit the schema.",
    429: "The queue is full, or the key has asked too often: `Retry-After` says when to come again.",
    500: "The picture failed.",
    503: "The server is being stopped, or its store doesn't answer.",
}

_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}

ALWAYS = (401, 403, 422, 429, 503)
"""What any route may answer."""


def document_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's word on the problems that a route may answer with, besides those that any may."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemResponse"}}
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {MEDIA_TYPE: schema},
            **({"headers": _RETRY_AFTER} if status in (429, 503) else {}),
        }
        for status in sorted({*ALWAYS, *statuses})
    }

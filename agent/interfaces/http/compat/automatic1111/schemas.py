"""Error format and router of AUTOMATIC1111's API, and the state of its callers."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from ...auth import Principal
from ...jobs.service import Service
from ...jobs.turn_and_replay_jobs import TurnJob
from ...problems import Problem
from ..error_routes import error_route_class

SAMPLER = "Automatic"
"""The only sampler: the scheduler of the model."""


CLIP_SKIP = "CLIP_stop_at_last_layers"
"""The setting for CLIP's layer from the end."""

_CLIP_SKIP: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0, le=12)])


def read_clip_skip(value: object) -> int:
    """The setting as a number; 1 if there is none. Raises `Problem` if it is out of range."""
    try:
        return 1 if value is None else _CLIP_SKIP.validate_python(value)
    except ValidationError:
        detail = f"{CLIP_SKIP}: a whole number from 1 to 12 is wanted, not {str(value)[:40]}"
        raise Problem(400, "refused", "The request was refused", detail) from None


class DetailErrorResponse(BaseModel):
    """Why a request failed. Clients read either `detail` or `error`."""

    detail: str
    error: dict[str, str] = Field(examples=[{"message": "no such session"}])


def error_response(problem: Problem) -> JSONResponse:
    """A problem in the error format of AUTOMATIC1111's API."""
    body = DetailErrorResponse(detail=problem.detail, error={"message": problem.detail, "code": problem.name})
    return JSONResponse(body.model_dump(), problem.status, headers=problem.headers)


def document_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` for `statuses` and those that every route may return."""
    return {status: {"model": DetailErrorResponse} for status in sorted({401, 403, 422, 429, 503, *statuses})}


def create_router() -> APIRouter:
    """A router for `/sdapi/v1` that answers errors in this format."""
    return APIRouter(prefix="/sdapi/v1", tags=["AUTOMATIC1111's API"], route_class=error_route_class(error_response))


@dataclass
class CallerState:
    """State per caller, by key id: the selected model, CLIP's layer from the end, and the running jobs."""

    models: dict[str | None, str] = field(default_factory=dict)
    clip_skips: dict[str | None, int] = field(default_factory=dict)
    jobs: dict[str | None, list[TurnJob]] = field(default_factory=dict)

    def model(self, principal: Principal, service: Service) -> str:
        """The model that the caller selected, or the default."""
        return self.models.get(principal.id, service.models.default)

    def choose(self, name: str, principal: Principal, service: Service) -> None:
        """Select a model for the caller. Raises `Problem` if the server does not offer it."""
        service.models.check(name)
        self.models[principal.id] = name


def _get_caller_state(request: Request) -> CallerState:
    state: CallerState = request.app.state.automatic1111
    return state


CurrentState = Annotated[CallerState, Depends(_get_caller_state)]

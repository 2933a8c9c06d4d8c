"""What AUTOMATIC1111's clients expect of every answer, and what is remembered between two of them."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from ...auth import Caller
from ...jobs.service import Service
from ...jobs.turn_and_replay_jobs import Run
from ...problems import Problem
from ..error_routes import route_class

SAMPLER = "Automatic"
"""The model's own scheduler, whatever it is; there is no other."""


class ErrorAnswer(BaseModel):
    """Why a request was not answered: as some clients read it, and as others do."""

    detail: str
    error: dict[str, str] = Field(examples=[{"message": "no such session"}])


def error_response(problem: Problem) -> JSONResponse:
    """A problem as an answer that AUTOMATIC1111's clients read."""
    answer = ErrorAnswer(detail=problem.detail, error={"message": problem.detail, "code": problem.name})
    return JSONResponse(answer.model_dump(), problem.status, headers=problem.headers)


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorAnswer} for status in sorted({401, 403, 422, 429, 503, *statuses})}


def router() -> APIRouter:
    """A router below `/sdapi/v1` whose errors are told so."""
    return APIRouter(prefix="/sdapi/v1", tags=["AUTOMATIC1111's API"], route_class=route_class(error_response))


@dataclass
class Desk:
    """What the face remembers: the model that each caller has chosen, and the pictures that are on their way."""

    models: dict[str | None, str] = field(default_factory=dict)
    runs: dict[str | None, list[Run]] = field(default_factory=dict)

    def model(self, caller: Caller, service: Service) -> str:
        """The caller's model, or the server's first."""
        return self.models.get(caller.id, service.serving.models[0])

    def choose(self, name: str, caller: Caller, service: Service) -> None:
        """Draw with this one from now on. Raises `Problem` where it is not on the server's list."""
        if name not in service.serving.models:
            there = ", ".join(service.serving.models)
            raise Problem(400, "unknown-model", "There is no such model", f"no model “{name}”: there is {there}")
        self.models[caller.id] = name


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.automatic1111
    return desk


TheDesk = Annotated[Desk, Depends(_desk)]

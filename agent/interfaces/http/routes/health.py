"""`/healthz`, `/readyz` and `/metrics`, for operators."""

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from ..... import __version__
from .....errors import NotthatError
from ..dependencies import Context, CurrentService, CurrentTelemetry
from ..problems import Problem, document_problems
from ..telemetry.metrics import CONTENT_TYPE

router = APIRouter(tags=["operations"])


class HealthResponse(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str


class ReadinessResponse(BaseModel):
    """Whether the server can draw now, and what is missing."""

    ready: bool
    model: bool = Field(description="Whether the default model is loaded, on every device.")
    database: bool = Field(description="Whether the database answers, and it and the pictures are where they were.")
    stopping: bool


@router.get("/healthz", summary="Whether it runs")
async def check_health() -> HealthResponse:
    """Answers as long as the process does; needs no key."""
    return HealthResponse(version=__version__)


@router.get(
    "/readyz",
    response_model=ReadinessResponse,
    responses={503: {"model": ReadinessResponse, "description": "Not yet, or no more."}},
    summary="Whether it can draw now",
)
async def check_readiness(service: CurrentService, telemetry: CurrentTelemetry) -> JSONResponse:
    """503 until the default model is loaded, when the database doesn't answer, and while the server stops."""
    try:
        await service.reader.check_ready()
        database = True
    except NotthatError as error:
        telemetry.log.record_error(error, route="/readyz")
        database = False
    model, stopping = service.is_model_loaded, service.is_stopping
    ready = database and model and not stopping
    response = ReadinessResponse(ready=ready, model=model, database=database, stopping=stopping)
    return JSONResponse(response.model_dump(), 200 if ready else 503)


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "Prometheus's text.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **document_problems(),
    },
    summary="Numbers for Prometheus",
)
async def show_metrics(context: Context, telemetry: CurrentTelemetry) -> Response:
    """Where there are keys, an admin's is needed."""
    if not context.principal.admin:
        raise Problem(403, "admin-needed", "An admin's key is needed", "only an admin's key may read the metrics")
    return Response(telemetry.metrics.text(), media_type=CONTENT_TYPE)

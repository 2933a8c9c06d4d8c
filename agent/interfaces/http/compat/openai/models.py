"""`/v1/models`: the models of the server."""

from fastapi import FastAPI
from pydantic import BaseModel

from ...dependencies import CurrentPrincipal, CurrentService
from ...jobs.service import Service
from ...problems import Problem
from .schemas import create_router, document_errors

_router = create_router()


class ModelCard(BaseModel):
    """A model, in OpenAI's format."""

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "notthat"


class ModelList(BaseModel):
    """The models of the server. The first is the default, also for names of OpenAI's models."""

    object: str = "list"
    data: list[ModelCard]


@_router.get("/models", responses=document_errors(), summary="List the models")
async def list_models(service: CurrentService, principal: CurrentPrincipal) -> ModelList:
    """All of them work for images and for chat completions."""
    return ModelList(data=[ModelCard(id=name) for name in service.config.models])


@_router.get("/models/{model:path}", responses=document_errors(404), summary="Get a model")
async def show_model(model: str, service: CurrentService, principal: CurrentPrincipal) -> ModelCard:
    """Answers 404 for a model that is not in the list."""
    if model not in service.config.models:
        raise Problem(
            404, "unknown-model", "No such model", f"no model “{model:.200}”: GET /v1/models lists the models"
        )
    return ModelCard(id=model)


def install_models(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    app.include_router(_router)

"""`/v1/models`: the models of the server."""

from fastapi import FastAPI
from pydantic import BaseModel

from ...dependencies import Context
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


@_router.get("/models", responses=document_errors(), summary="The models that may be asked for, as OpenAI lists them")
async def list_models(context: Context) -> ModelList:
    """For pictures and for chats alike."""
    return ModelList(data=[ModelCard(id=name) for name in context.service.models.names])


@_router.get("/models/{model:path}", responses=document_errors(404), summary="One of them")
async def show_model(model: str, context: Context) -> ModelCard:
    """Answers with 404 for any that is not on the list."""
    if model not in context.service.models.names:
        raise Problem(
            404, "unknown-model", "No such model", f"no model “{model:.200}”: GET /v1/models lists the models"
        )
    return ModelCard(id=model)


def install_models(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    app.include_router(_router)

"""`/sdapi/v1`: models, options, and the lists that clients read before they draw, most of them empty."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from ...dependencies import CurrentPrincipal, CurrentService
from ...jobs.service import Service
from .schemas import SAMPLER, CurrentState, create_router, document_errors

_router = create_router()


class Options(BaseModel):
    """Settings that clients read. Only the model can be changed."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [{"sd_model_checkpoint": "mini"}]})

    sd_model_checkpoint: str | None = None
    samples_format: str = "png"
    sd_vae: str = "Automatic"
    CLIP_stop_at_last_layers: int = 1


@_router.get("/options", responses=document_errors(), summary="Get the settings of the caller")
async def get_options(service: CurrentService, principal: CurrentPrincipal, state: CurrentState) -> Options:
    """`sd_model_checkpoint` is the model that `txt2img` uses."""
    return Options(sd_model_checkpoint=state.model(principal, service))


@_router.post("/options", responses=document_errors(400, 413), summary="Select a model")
async def set_options(
    options: Options, service: CurrentService, principal: CurrentPrincipal, state: CurrentState
) -> None:
    """Applies to this caller until the server stops. Other settings are accepted and ignored."""
    if options.sd_model_checkpoint:
        state.choose(options.sd_model_checkpoint, principal, service)


@_router.get("/sd-models", responses=document_errors(), summary="List the models")
async def list_models(service: CurrentService, principal: CurrentPrincipal) -> list[dict[str, Any]]:
    """The models that the server was started with."""
    return [
        {"title": name, "model_name": name, "hash": None, "sha256": None, "filename": name, "config": None}
        for name in service.config.models
    ]


@_router.get("/samplers", responses=document_errors(), summary="List the samplers")
async def list_samplers(principal: CurrentPrincipal) -> list[dict[str, Any]]:
    """There is only one: that of the model."""
    return [{"name": SAMPLER, "aliases": [], "options": {}}]


@_router.get("/schedulers", responses=document_errors(), summary="List the schedulers")
async def list_schedulers(principal: CurrentPrincipal) -> list[dict[str, Any]]:
    """There is only one: that of the model."""
    return [{"name": SAMPLER.lower(), "label": SAMPLER, "aliases": None, "default_rho": -1, "need_inner_model": False}]


@_router.get("/upscalers", responses=document_errors(), summary="List the upscalers (only “None”)")
async def list_upscalers(principal: CurrentPrincipal) -> list[dict[str, Any]]:
    """Clients expect at least the entry “None”."""
    return [{"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 1}]


@_router.get("/latent-upscale-modes", responses=document_errors(), summary="List the latent upscale modes (none)")
@_router.get("/sd-vae", responses=document_errors(), summary="List the VAEs (none)")
@_router.get("/loras", responses=document_errors(), summary="List the LoRAs (none)")
@_router.get("/hypernetworks", responses=document_errors(), summary="List the hypernetworks (none)")
@_router.get("/face-restorers", responses=document_errors(), summary="List the face restorers (none)")
@_router.get("/realesrgan-models", responses=document_errors(), summary="List the Real-ESRGAN models (none)")
@_router.get("/prompt-styles", responses=document_errors(), summary="List the prompt styles (none)")
@_router.get("/script-info", responses=document_errors(), summary="List the script infos (none)")
@_router.get("/extensions", responses=document_errors(), summary="List the extensions (none)")
async def list_nothing(principal: CurrentPrincipal) -> list[dict[str, Any]]:
    """Always empty: this server does not have the feature."""
    return []


class Scripts(BaseModel):
    """Names of scripts: always empty."""

    txt2img: list[str] = []
    img2img: list[str] = []


@_router.get("/scripts", responses=document_errors(), summary="List the scripts (none)")
async def scripts(principal: CurrentPrincipal) -> Scripts:
    """Clients use it to detect extensions."""
    return Scripts()


class Embeddings(BaseModel):
    """Textual inversions by name: always empty."""

    loaded: dict[str, Any] = {}
    skipped: dict[str, Any] = {}


@_router.get("/embeddings", responses=document_errors(), summary="List the embeddings (none)")
async def embeddings(principal: CurrentPrincipal) -> Embeddings:
    """Always empty: this API does not support embeddings."""
    return Embeddings()


@_router.get("/cmd-flags", responses=document_errors(), summary="Get the command line flags")
async def cmd_flags(principal: CurrentPrincipal) -> dict[str, Any]:
    """The two flags that clients read."""
    return {"api": True, "nowebui": True}


class Memory(BaseModel):
    """Memory usage: only `error`, which says that it is not available."""

    ram: dict[str, Any]
    cuda: dict[str, Any]


@_router.get("/memory", responses=document_errors(), summary="Get the memory usage (not available)")
async def memory(principal: CurrentPrincipal) -> Memory:
    """See `/metrics` for the memory usage."""
    unavailable = {"error": "not available here: see /metrics"}
    return Memory(ram=unavailable, cuda=unavailable)


@_router.post("/refresh-checkpoints", responses=document_errors(), summary="Refresh the models (no effect)")
@_router.post("/refresh-vae", responses=document_errors(), summary="Refresh the VAEs (no effect)")
@_router.post("/refresh-loras", responses=document_errors(), summary="Refresh the LoRAs (no effect)")
@_router.post("/refresh-embeddings", responses=document_errors(), summary="Refresh the embeddings (no effect)")
@_router.post("/reload-checkpoint", responses=document_errors(), summary="Reload the model (no effect)")
async def do_nothing(principal: CurrentPrincipal) -> None:
    """Has no effect: the models are fixed when the server starts, and loaded when needed."""


def install_settings(app: FastAPI, service: Service) -> None:
    """Add the routes to the app."""
    app.include_router(_router)

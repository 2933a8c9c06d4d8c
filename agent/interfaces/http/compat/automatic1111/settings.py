"""`/sdapi/v1`: what AUTOMATIC1111's clients ask before they draw: the models, and lists that are short here."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from ...dependencies import TheCaller, TheService
from ...jobs.service import Service
from .schemas import SAMPLER, TheDesk, errors, router

_router = router()


class Options(BaseModel):
    """The settings that clients look at; all but the model are as they are."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [{"sd_model_checkpoint": "mini"}]})

    sd_model_checkpoint: str | None = None
    samples_format: str = "png"
    sd_vae: str = "Automatic"
    CLIP_stop_at_last_layers: int = 1


@_router.get("/options", responses=errors(), summary="The caller's settings")
async def options(service: TheService, caller: TheCaller, desk: TheDesk) -> Options:
    """`sd_model_checkpoint` is the model that `txt2img` draws with."""
    return Options(sd_model_checkpoint=desk.model(caller, service))


@_router.post("/options", responses=errors(400, 413), summary="Choose a model")
async def set_options(chosen: Options, service: TheService, caller: TheCaller, desk: TheDesk) -> None:
    """For this caller alone, until the server stops. Other settings are taken and change nothing."""
    if chosen.sd_model_checkpoint:
        desk.choose(chosen.sd_model_checkpoint, caller, service)


@_router.get("/sd-models", responses=errors(), summary="The models that may be chosen")
async def sd_models(service: TheService, caller: TheCaller) -> list[dict[str, Any]]:
    """By the names that the server was started with."""
    return [
        {"title": name, "model_name": name, "hash": None, "sha256": None, "filename": name, "config": None}
        for name in service.serving.models
    ]


@_router.get("/samplers", responses=errors(), summary="The sampler")
async def samplers(caller: TheCaller) -> list[dict[str, Any]]:
    """The model's own."""
    return [{"name": SAMPLER, "aliases": [], "options": {}}]


@_router.get("/schedulers", responses=errors(), summary="The scheduler")
async def schedulers(caller: TheCaller) -> list[dict[str, Any]]:
    """The model's own."""
    return [{"name": SAMPLER.lower(), "label": SAMPLER, "aliases": None, "default_rho": -1, "need_inner_model": False}]


@_router.get("/upscalers", responses=errors(), summary="No upscaler")
async def upscalers(caller: TheCaller) -> list[dict[str, Any]]:
    """Clients want at least the one that does nothing."""
    return [{"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 1}]


@_router.get("/latent-upscale-modes", responses=errors(), summary="Nothing to upscale with")
@_router.get("/sd-vae", responses=errors(), summary="No VAE but the model's")
@_router.get("/loras", responses=errors(), summary="No LoRAs")
@_router.get("/hypernetworks", responses=errors(), summary="No hypernetworks")
@_router.get("/face-restorers", responses=errors(), summary="No face restorers")
@_router.get("/realesrgan-models", responses=errors(), summary="No upscaler's models")
@_router.get("/prompt-styles", responses=errors(), summary="No styles")
@_router.get("/script-info", responses=errors(), summary="No scripts")
@_router.get("/extensions", responses=errors(), summary="No extensions")
async def nothing(caller: TheCaller) -> list[dict[str, Any]]:
    """What clients look for, and don't find here."""
    return []


class Scripts(BaseModel):
    """Names of scripts, of which there are none."""

    txt2img: list[str] = []
    img2img: list[str] = []


@_router.get("/scripts", responses=errors(), summary="No scripts")
async def scripts(caller: TheCaller) -> Scripts:
    """Clients look for extensions here."""
    return Scripts()


class Embeddings(BaseModel):
    """Textual inversions by name, of which none can be asked for here."""

    loaded: dict[str, Any] = {}
    skipped: dict[str, Any] = {}


@_router.get("/embeddings", responses=errors(), summary="No embeddings")
async def embeddings(caller: TheCaller) -> Embeddings:
    """Clients list them."""
    return Embeddings()


@_router.get("/cmd-flags", responses=errors(), summary="How the server was started, as far as clients care")
async def cmd_flags(caller: TheCaller) -> dict[str, Any]:
    """It answers requests of programs."""
    return {"api": True, "nowebui": True}


class Memory(BaseModel):
    """How much memory is free; `error` says why that is not told."""

    ram: dict[str, Any]
    cuda: dict[str, Any]


@_router.get("/memory", responses=errors(), summary="Not told")
async def memory(caller: TheCaller) -> Memory:
    """The server's metrics are at `/metrics`."""
    untold = {"error": "this server doesn't tell its memory: see /metrics"}
    return Memory(ram=untold, cuda=untold)


@_router.post("/refresh-checkpoints", responses=errors(), summary="Nothing to do: the models are the server's")
@_router.post("/refresh-vae", responses=errors(), summary="Nothing to do")
@_router.post("/refresh-loras", responses=errors(), summary="Nothing to do")
@_router.post("/refresh-embeddings", responses=errors(), summary="Nothing to do")
@_router.post("/reload-checkpoint", responses=errors(), summary="Nothing to do: models are loaded when they are needed")
async def up_to_date(caller: TheCaller) -> None:
    """The lists are those that the server was started with."""


def install(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    app.include_router(_router)

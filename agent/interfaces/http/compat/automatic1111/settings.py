"""`/sdapi/v1`: models, options, and the lists that clients read before they draw, many of them empty."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from ...dependencies import Context
from ...jobs.service import Service
from .schemas import CLIP_SKIP, SAMPLER, CurrentState, create_router, document_errors, read_clip_skip

_router = create_router()


class Options(BaseModel):
    """Settings that clients read. Only the model and CLIP's layer from the end can be changed."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [{"sd_model_checkpoint": "mini"}]})

    sd_model_checkpoint: str | None = None
    samples_format: str = "png"
    sd_vae: str = "Automatic"
    CLIP_stop_at_last_layers: int | float | None = 1


@_router.get("/options", responses=document_errors(), summary="The caller's settings")
async def get_options(context: Context, state: CurrentState) -> Options:
    """`sd_model_checkpoint` is the model that `txt2img` draws with."""
    caller = context.principal
    return Options(
        sd_model_checkpoint=state.model(caller, context.service),
        CLIP_stop_at_last_layers=state.clip_skips.get(caller.id, 1),
    )


@_router.post("/options", responses=document_errors(400, 413), summary="Choose a model, or CLIP's layer")
async def set_options(body: Options, context: Context, state: CurrentState) -> None:
    """For this caller alone, until the server stops. Other settings are taken and change nothing."""
    clip_skip = read_clip_skip(body.CLIP_stop_at_last_layers)
    if body.sd_model_checkpoint:
        state.choose(body.sd_model_checkpoint, context.principal, context.service)
    if CLIP_SKIP in body.model_fields_set:
        state.clip_skips[context.principal.id] = clip_skip


@_router.get("/sd-models", responses=document_errors(), summary="The models that may be chosen")
async def list_models(context: Context) -> list[dict[str, Any]]:
    """By the names that the server was started with."""
    return [
        {"title": name, "model_name": name, "hash": None, "sha256": None, "filename": name, "config": None}
        for name in context.service.models.names
    ]


@_router.get("/samplers", responses=document_errors(), summary="The sampler")
async def list_samplers(context: Context) -> list[dict[str, Any]]:
    """The model's own."""
    return [{"name": SAMPLER, "aliases": [], "options": {}}]


@_router.get("/schedulers", responses=document_errors(), summary="The scheduler")
async def list_schedulers(context: Context) -> list[dict[str, Any]]:
    """The model's own."""
    return [{"name": SAMPLER.lower(), "label": SAMPLER, "aliases": None, "default_rho": -1, "need_inner_model": False}]


@_router.get("/upscalers", responses=document_errors(), summary="No upscaler")
async def list_upscalers(context: Context) -> list[dict[str, Any]]:
    """Clients want at least the one that does nothing."""
    return [{"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 1}]


@_router.get("/latent-upscale-modes", responses=document_errors(), summary="Nothing to upscale with")
@_router.get("/sd-vae", responses=document_errors(), summary="No VAE but the model's")
@_router.get("/hypernetworks", responses=document_errors(), summary="No hypernetworks")
@_router.get("/face-restorers", responses=document_errors(), summary="No face restorers")
@_router.get("/realesrgan-models", responses=document_errors(), summary="No upscaler's models")
@_router.get("/prompt-styles", responses=document_errors(), summary="No styles")
@_router.get("/script-info", responses=document_errors(), summary="No scripts")
@_router.get("/extensions", responses=document_errors(), summary="No extensions")
async def list_nothing(context: Context) -> list[dict[str, Any]]:
    """What clients look for, and don't find here."""
    return []


@_router.get("/loras", responses=document_errors(), summary="The LoRAs that a prompt may name")
async def list_loras(context: Context) -> list[dict[str, Any]]:
    """Of the server's folders, for `<lora:NAME:0.8>` in a prompt."""
    names = await context.service.run_in_thread(context.service.models.list_loras)
    return [{"name": name, "alias": name, "path": name, "metadata": {}} for name in names]


class Scripts(BaseModel):
    """Names of scripts: always empty."""

    txt2img: list[str] = []
    img2img: list[str] = []


@_router.get("/scripts", responses=document_errors(), summary="No scripts")
async def scripts(context: Context) -> Scripts:
    """Clients look for extensions here."""
    return Scripts()


class Embeddings(BaseModel):
    """Textual inversions by name, without what is in them."""

    loaded: dict[str, Any] = {}
    skipped: dict[str, Any] = {}


@_router.get("/embeddings", responses=document_errors(), summary="The textual inversions")
async def embeddings(context: Context) -> Embeddings:
    """Of the server's folders; texts name them."""
    names = await context.service.run_in_thread(context.service.models.list_embeddings)
    return Embeddings(loaded={name: {} for name in names})


@_router.get("/cmd-flags", responses=document_errors(), summary="How the server was started, as far as clients care")
async def cmd_flags(context: Context) -> dict[str, Any]:
    """It answers requests of programs."""
    return {"api": True, "nowebui": True}


class Memory(BaseModel):
    """Memory usage: only `error`, which says that it is not available."""

    ram: dict[str, Any]
    cuda: dict[str, Any]


@_router.get("/memory", responses=document_errors(), summary="Not told")
async def memory(context: Context) -> Memory:
    """The server's metrics are at `/metrics`."""
    unavailable = {"error": "this server doesn't tell its memory: see /metrics"}
    return Memory(ram=unavailable, cuda=unavailable)


@_router.post("/refresh-checkpoints", responses=document_errors(), summary="Nothing to do: the models are the server's")
@_router.post("/refresh-vae", responses=document_errors(), summary="Nothing to do")
@_router.post("/refresh-loras", responses=document_errors(), summary="Nothing to do")
@_router.post("/refresh-embeddings", responses=document_errors(), summary="Nothing to do")
@_router.post(
    "/reload-checkpoint", responses=document_errors(), summary="Nothing to do: models are loaded when they are needed"
)
async def up_to_date(context: Context) -> None:
    """The lists are those that the server was started with."""


def install_settings(app: FastAPI, service: Service) -> None:
    """Add the routes to the app."""
    app.include_router(_router)

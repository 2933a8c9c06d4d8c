"""`/api/policies` and `/api/models`: what a session can be begun with."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ..dependencies import CurrentPrincipal, CurrentService
from ..problems import document_problems

router = APIRouter(prefix="/api", tags=["catalogue"])


class PolicyResponse(BaseModel):
    """A pack of exclusions that always apply."""

    name: str
    title: str
    exclude: list[str]
    forbid: list[str]


class PolicyListResponse(BaseModel):
    """The packs that a session can be begun with."""

    policies: list[PolicyResponse]
    always: list[str] = Field(description="Those that apply to all of the caller's sessions.")


class ModelResponse(BaseModel):
    """A model, and what it uses where nothing is asked for; null before it was first used."""

    name: str
    default: bool
    steps: int | None
    guidance: float | None
    width: int | None
    height: int | None


class ModelListResponse(BaseModel):
    """The models that may be asked for."""

    models: list[ModelResponse]


@router.get("/policies", responses=document_problems(), summary="The packs of exclusions that there are")
async def list_policies(service: CurrentService, principal: CurrentPrincipal) -> PolicyListResponse:
    """What each keeps out, and what no prompt may ask for."""
    packs = await service.run_in_thread(service.studio.policy_packs)
    told = [
        PolicyResponse(name=name, title=pack.title, exclude=[each.term for each in pack.exclude], forbid=pack.forbid)
        for name, pack in packs.items()
    ]
    return PolicyListResponse(policies=told, always=list(principal.policies))


@router.get("/models", responses=document_problems(), summary="The models that may be asked for")
async def list_models(service: CurrentService, principal: CurrentPrincipal) -> ModelListResponse:
    """With what each uses where nothing is asked for."""
    told = []
    for name in service.config.models:
        known = service.studio.find_loaded(name)
        told.append(
            ModelResponse(
                name=name,
                default=name == service.config.models[0],
                steps=known.defaults.num_inference_steps if known else None,
                guidance=known.defaults.guidance_scale if known else None,
                width=known.defaults.width if known else None,
                height=known.defaults.height if known else None,
            )
        )
    return ModelListResponse(models=told)

"""`/api/policies` and `/api/models`: what a session can be begun with."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ..dependencies import TheCaller, TheService
from ..problems import documented

router = APIRouter(prefix="/api", tags=["catalogue"])


class PolicyAnswer(BaseModel):
    """A pack of exclusions that always apply."""

    name: str
    title: str
    exclude: list[str]
    forbid: list[str]


class PoliciesAnswer(BaseModel):
    """The packs that a session can be begun with."""

    policies: list[PolicyAnswer]
    always: list[str] = Field(description="Those that apply to all of the caller's sessions.")


class ModelAnswer(BaseModel):
    """A model, and what it uses where nothing is asked for; null before it was first used."""

    name: str
    default: bool
    steps: int | None
    guidance: float | None
    width: int | None
    height: int | None


class ModelsAnswer(BaseModel):
    """The models that may be asked for."""

    models: list[ModelAnswer]


@router.get("/policies", responses=documented(), summary="The packs of exclusions that there are")
async def policies(service: TheService, caller: TheCaller) -> PoliciesAnswer:
    """What each keeps out, and what no prompt may ask for."""
    packs = await service.reading(service.studio.policy_packs)
    told = [
        PolicyAnswer(name=name, title=pack.title, exclude=[each.term for each in pack.exclude], forbid=pack.forbid)
        for name, pack in packs.items()
    ]
    return PoliciesAnswer(policies=told, always=list(caller.policies))


@router.get("/models", responses=documented(), summary="The models that may be asked for")
async def models(service: TheService, caller: TheCaller) -> ModelsAnswer:
    """With what each uses where nothing is asked for."""
    told = []
    for name in service.serving.models:
        known = service.studio.loaded(name)
        told.append(
            ModelAnswer(
                name=name,
                default=name == service.serving.models[0],
                steps=known.defaults.num_inference_steps if known else None,
                guidance=known.defaults.guidance_scale if known else None,
                width=known.defaults.width if known else None,
                height=known.defaults.height if known else None,
            )
        )
    return ModelsAnswer(models=told)

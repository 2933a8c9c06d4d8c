"""`/api/policies` and `/api/models`: the policies and models that a session can begin with."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from .....generation.input_image import MAX_PIXELS, MAX_SIDE
from ..available_models import AvailableModels
from ..dependencies import Context
from ..input_pictures import MOST_FILE_BYTES
from ..problems import document_problems

router = APIRouter(prefix="/api", tags=["catalogue"])


class PolicyResponse(BaseModel):
    """A pack of exclusions that always apply."""

    name: str
    title: str
    exclude: list[str]
    forbid: list[str]


class PolicyListResponse(BaseModel):
    """The policies that a session can begin with."""

    policies: list[PolicyResponse]
    always: list[str] = Field(description="Those that apply to all of the caller's sessions.")


class ModelResponse(BaseModel):
    """A model and its defaults, which are null before it is loaded."""

    name: str
    default: bool
    steps: int | None
    guidance: float | None
    width: int | None
    height: int | None


class PictureLimitsResponse(BaseModel):
    """The largest pictures that sessions can start from."""

    max_bytes: int = Field(description="Of the file, sent as a data URL.")
    max_side: int = Field(description="In pixels.")
    max_pixels: int


class ModelListResponse(BaseModel):
    """The models that a session can begin with."""

    models: list[ModelResponse]
    pictures: PictureLimitsResponse
    verify: bool = Field(description="Whether new sessions are verified that do not say whether they are.")


@router.get("/policies", responses=document_problems(), summary="List the policies")
async def list_policies(context: Context) -> PolicyListResponse:
    """What each excludes, and what it forbids in prompts."""
    packs = await context.service.reader.list_policies()
    policies = [
        PolicyResponse(
            name=name, title=pack.title, exclude=[exclusion.term for exclusion in pack.exclude], forbid=pack.forbid
        )
        for name, pack in packs.items()
    ]
    return PolicyListResponse(policies=policies, always=list(context.principal.policies))


@router.get("/models", responses=document_problems(), summary="List the models")
async def list_models(context: Context) -> ModelListResponse:
    """With the defaults of each."""
    models = context.service.models
    return ModelListResponse(
        models=[_describe_model(models, name) for name in models.names],
        pictures=PictureLimitsResponse(max_bytes=MOST_FILE_BYTES, max_side=MAX_SIDE, max_pixels=MAX_PIXELS),
        verify=context.service.verifies,
    )


def _describe_model(models: AvailableModels, name: str) -> ModelResponse:
    defaults = models.find_defaults(name)
    return ModelResponse(
        name=name,
        default=name == models.default,
        steps=defaults.num_inference_steps if defaults else None,
        guidance=defaults.guidance_scale if defaults else None,
        width=defaults.width if defaults else None,
        height=defaults.height if defaults else None,
    )

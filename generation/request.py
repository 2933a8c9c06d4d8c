"""A request for a picture: everything that decides its pixels, and nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import InvalidRequestError
from .joining import Joining, joining_share
from .prompt_syntax import terms

Syntax = Literal["weighted", "plain"]
"""How a prompt is read: with `(word:1.3)` and without an end, or as stock diffusers reads it, cut at 77 tokens."""

Weighting = Literal["scaled", "restored"]
"""What a weight does to a token's embedding: scales it; or scales it and restores the mean of the whole, as
AUTOMATIC1111's web UI does by default."""

Method = Literal["cfg", "dynamic", "apg", "perp_neg", "nag"]
"""How the negative prompt acts: see `guidance.py`."""

Share = Annotated[float, Field(ge=0, le=1)]


class GenerationRequest(BaseModel):
    """Frozen; two equal requests give the same picture on the same machine.

    `width` and `height` are in pixels. `seed` goes to `torch.Generator("cpu")`, so that every device
    starts from the same noise. The first `joining_step` steps are guided away from
    `base_negative_prompt`, which settles the composition; `negative_prompt` joins then, in its place.

    An empty negative prompt is the empty text; with `no_negative` it is what the stock pipeline makes of
    none at all: zeros on SDXL, no second pass on Flux.

    `guidance_rescale` is the paper's phi; guidance acts from the share `guidance_start` of the steps to
    `guidance_stop`, and ends once the predictions agree to a cosine of `guidance_agreement` (1: never).
    `shown` are terms of the negative prompt that a picture of this seed has shown: `dynamic` is sure to find them.
    `loras` are files with their weights, `embeddings` files of textual inversions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str = Field(min_length=1)
    prompt: str = Field(max_length=20_000)
    negative_prompt: str = Field(default="", max_length=20_000)
    base_negative_prompt: str = Field(default="", max_length=20_000)
    joining_step: int = Field(default=0, ge=0, le=1000)
    no_negative: bool = False
    syntax: Syntax = "weighted"
    weighting: Weighting = "scaled"
    method: Method = "cfg"
    shown: tuple[str, ...] = ()
    guidance_rescale: Share = 0.0
    guidance_start: Share = 0.0
    guidance_stop: Share = 1.0
    guidance_agreement: float = Field(default=1.0, gt=0, le=1)
    loras: tuple[tuple[str, float], ...] = ()
    embeddings: tuple[str, ...] = ()
    seed: int = Field(ge=0, lt=2**63)
    num_inference_steps: int = Field(ge=1, le=1000)
    guidance_scale: float = Field(ge=0, le=100)
    width: int = Field(ge=8, le=8192, multiple_of=8)
    height: int = Field(ge=8, le=8192, multiple_of=8)

    @classmethod
    def checked(cls, **values: object) -> Self:
        """The request of these values.

        Raises:
            InvalidRequestError: naming the first value that is out of range.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0]) if first["loc"] else "request"
            raise InvalidRequestError(f"{_NAMES.get(name, name)}: {_reason(first['msg'], first['input'])}") from None

    @classmethod
    def with_defaults(cls, asked: Mapping[str, object], defaults: "Callable[[], Defaults]") -> Self:
        """The request of what was asked, and of a model's defaults for the rest.

        What was asked is checked before `defaults` is called, since that may take seconds to load a model.
        """
        cls.checked(**{**_STAND_INS, **asked})
        values: dict[str, Any] = {**asdict(defaults()), **asked}
        unguided, guided = values.pop("unguided_method"), values.pop("guided_method")
        del values["joining_share"], values["joining"]
        values.setdefault("method", guided if values["guidance_scale"] > 1 else unguided)
        request = cls.checked(**values)
        return request if "joining_step" in asked else request.joined(defaults())

    def joined(self, defaults: "Defaults") -> Self:
        """The same with its negative prompt joining when a model's defaults say."""
        share = joining_share(self.negative_prompt, self.base_negative_prompt, defaults.joining, defaults.joining_share)
        return self.model_copy(update={"joining_step": int(share * self.num_inference_steps)})

    def followed(self, defaults: "Defaults", **changed: object) -> Self:
        """The next turn's request: this one with what changed, joining by default where this one does.

        What is excluded now was seen in this one's picture, and would be there again with the same seed.
        """
        following = type(self).checked(**{**self.model_dump(), **changed})
        before, looks = terms(self.negative_prompt), following.method == "dynamic"
        shown = [term for term in terms(following.negative_prompt) if term in self.shown or term not in before]
        kept = tuple(shown) if looks and following.seed == self.seed else ()
        following = following.model_copy(update={"shown": kept})
        return following.joined(defaults) if self == self.joined(defaults) else following


_NAMES = {
    "num_inference_steps": "--steps",
    "guidance_scale": "--guidance",
    "seed": "--seed",
    "width": "--width",
    "height": "--height",
    "method": "--method",
    "loras": "--lora",
    "embeddings": "--embedding",
}


def _reason(message: str, given: object) -> str:
    shown = repr(given)
    return f"{message[0].lower()}{message[1:]}, not {shown if len(shown) < 40 else shown[:39] + '…'}"


@dataclass(frozen=True)
class Defaults:
    """What a model uses where a request names nothing.

    `joining_share` of the steps are done before a negative prompt joins, or what `joining` says of its terms'
    kinds. `guided_method` is how a negative prompt acts, and `unguided_method` how it does at a guidance of 1 or less,
    where `cfg` says that it can't.
    """

    num_inference_steps: int
    guidance_scale: float
    width: int
    height: int
    joining_share: float = 0.0
    joining: tuple[Joining, ...] = ()
    guidance_rescale: float = 0.0
    weighting: Weighting = "scaled"
    guided_method: Method = "cfg"
    unguided_method: Method = "cfg"


_STAND_INS = {"num_inference_steps": 1, "guidance_scale": 1.0, "width": 8, "height": 8}


@dataclass(frozen=True)
class Reading:
    """How a model reads a text: weighted fragments, and how long they are for its text encoder.

    `unknown` are the words outside the model's vocabulary, where it says which words it knows.
    """

    fragments: tuple[tuple[str, float], ...]
    tokens: int
    chunks: int
    unknown: tuple[str, ...]

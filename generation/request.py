"""The request for a picture: everything that decides its pixels, and nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from .delayed_negative import DelayedNegative, negative_start_share
from .errors import InvalidRequestError
from .prompt_syntax import split_terms

Syntax = Literal["weighted", "plain"]
"""How to read prompts: "weighted" takes `(word:1.3)` and any length; "plain" cuts at 77 tokens, as stock diffusers."""

Weighting = Literal["scaled", "restored"]
"""What a weight does: "scaled" scales the token's embedding; "restored" also restores the mean of the whole
embedding, as AUTOMATIC1111's web UI does by default."""

Method = Annotated[
    Literal["cfg", "lookahead", "apg", "perp_neg", "nag", "ong", "vsf"],
    BeforeValidator(lambda name: "lookahead" if name == "dynamic" else name),
]
"""How the negative prompt acts; docs/guidance.md describes the methods. `dynamic` is the former name of `lookahead`."""

ATTENTION_METHODS = ("nag", "ong", "vsf")
"""The methods that act in the model's attention, and ignore the guidance scale."""

Share = Annotated[float, Field(ge=0, le=1)]

PixelHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""The SHA-256 of a picture's RGB pixels, in hexadecimal."""


class KeptOutside(BaseModel):
    """A box (left, top, right, bottom), as shares of the picture, and the request that draws what is outside of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    box: tuple[Share, Share, Share, Share]
    request: "GenerationRequest"


class GenerationRequest(BaseModel):
    """A frozen request. Two equal requests give the same picture on the same machine.

    `width` and `height` are in pixels. `seed` seeds `torch.Generator("cpu")`, so that every device starts from the
    same noise. The first `joining_step` steps use `base_negative_prompt`; then `negative_prompt` replaces it.

    An empty negative prompt is the empty text. With `no_negative` it is what the stock pipeline uses without a
    negative prompt: zeros on SDXL, no second pass on Flux.

    `guidance_rescale` is phi of the paper. Guidance acts from the share `guidance_start` of the steps to
    `guidance_stop`, and ends once the predictions agree to a cosine of `guidance_agreement` (1: never).
    `shown` has the terms of the negative prompt that a picture with this seed has shown; the look-ahead counts them
    as found. `clip_skip` n takes the n-th layer of CLIP from the end (None: the model's own, which is the last on
    Stable Diffusion 1 and 2, and the second on XL). `loras` are files with weights, `embeddings` files of textual
    inversions. With `kept`, only what is in a box is drawn by this request: outside of it, the picture is that of
    another request, which differs in its negative prompt, its method or its guidance.

    With `init_image`, drawing starts from that picture, resized to the request's size, with noise for the share
    `strength` of the steps: 0 returns the picture, 1 starts from noise alone. `mask_image` is a picture of the same
    size: where it is white, the picture is drawn anew, and where it is black, the pixels of `init_image` are kept. An
    engine reads both pictures by their hash with its `read_image`.
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
    clip_skip: int | None = Field(default=None, ge=1, le=12)
    loras: tuple[tuple[str, float], ...] = ()
    embeddings: tuple[str, ...] = ()
    seed: int = Field(ge=0, lt=2**63)
    num_inference_steps: int = Field(ge=1, le=1000)
    guidance_scale: float = Field(ge=0, le=100)
    width: int = Field(ge=8, le=8192, multiple_of=8)
    height: int = Field(ge=8, le=8192, multiple_of=8)
    kept: KeptOutside | None = Field(default=None, exclude_if=lambda kept: kept is None)
    init_image: PixelHash | None = Field(default=None, exclude_if=lambda image: image is None)
    strength: Share = Field(default=1.0, exclude_if=lambda strength: strength == 1.0)
    mask_image: PixelHash | None = Field(default=None, exclude_if=lambda image: image is None)

    @model_validator(mode="after")
    def _check_images(self) -> Self:
        if self.init_image is None and (self.mask_image is not None or self.strength != 1.0):
            raise ValueError("a mask and a strength need a picture to start from")
        return self

    @property
    def source_images(self) -> tuple[str, ...]:
        """The hashes of the pictures that this request, and what it keeps, read."""
        kept = () if self.kept is None else self.kept.request.source_images
        named = [image for image in (self.init_image, self.mask_image, *kept) if image is not None]
        return tuple(dict.fromkeys(named))

    @model_validator(mode="after")
    def _check_kept(self) -> Self:
        if self.kept is not None:
            other, (left, top, right, bottom) = self.kept.request, self.kept.box
            same = (
                *("model", "seed", "num_inference_steps", "width", "height", "loras", "embeddings"),
                *("init_image", "strength", "mask_image"),
            )
            if other.kept is not None or any(getattr(self, name) != getattr(other, name) for name in same):
                raise ValueError(
                    "kept: the other request needs the same model, seed, steps, size and LoRAs, and no “kept”"
                )
            if left >= right or top >= bottom:
                raise ValueError("kept: the box is empty")
        return self

    @classmethod
    def create(cls, **values: object) -> Self:
        """Validate the values of a request.

        Raises:
            InvalidRequestError: a value is out of range; the message names the first such value.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0]) if first["loc"] else "request"
            raise InvalidRequestError(
                f"{_NAMES.get(name, name)}: {_validation_reason(first['msg'], first['input'])}"
            ) from None

    @classmethod
    def with_defaults(cls, given: Mapping[str, object], defaults: "Callable[[], Defaults]") -> Self:
        """A request with the values in `given`, and a model's defaults for all others.

        `given` is validated before `defaults` is called, since that may load a model, which takes seconds.
        """
        cls.create(**{**_STAND_INS, **given})
        values: dict[str, Any] = {**asdict(defaults()), **given}
        unguided, guided = values.pop("unguided_method"), values.pop("guided_method")
        del values["joining_share"], values["joining"]
        values.setdefault("method", guided if values["guidance_scale"] > 1 else unguided)
        request = cls.create(**values)
        return request if "joining_step" in given else request.with_delayed_negative(defaults())

    def with_delayed_negative(self, defaults: "Defaults") -> Self:
        """The same request with `joining_step` set from a model's defaults."""
        share = negative_start_share(
            self.negative_prompt, self.base_negative_prompt, defaults.joining, defaults.joining_share
        )
        return self.model_copy(update={"joining_step": int(share * self.num_inference_steps)})

    def next_request(self, defaults: "Defaults", **changed: object) -> Self:
        """The next turn's request: this one with the values in `changed`.

        If this request joins by the model's defaults, so does the next. Newly excluded terms were seen in this
        request's picture, so with the same seed they are added to `shown`.
        """
        following = type(self).create(**{**self.model_dump(exclude={"kept"}), **changed})
        before, looks = split_terms(self.negative_prompt), following.method == "lookahead"
        shown = [term for term in split_terms(following.negative_prompt) if term in self.shown or term not in before]
        kept = tuple(shown) if looks and following.seed == self.seed else ()
        following = following.model_copy(update={"shown": kept})
        return following.with_delayed_negative(defaults) if self == self.with_delayed_negative(defaults) else following


_NAMES = {
    "num_inference_steps": "--steps",
    "guidance_scale": "--guidance",
    "seed": "--seed",
    "width": "--width",
    "height": "--height",
    "method": "--method",
    "clip_skip": "--clip-skip",
    "loras": "--lora",
    "embeddings": "--embedding",
    "strength": "--strength",
    "init_image": "--from",
    "mask_image": "--mask",
}


def _validation_reason(message: str, given: object) -> str:
    shown = repr(given)
    return f"{message[0].lower()}{message[1:]}, not {shown if len(shown) < 40 else shown[:39] + '…'}"


@dataclass(frozen=True)
class Defaults:
    """A model's values for everything that a request leaves out.

    A negative prompt joins after the share of steps in `joining` for the kinds of its terms, or else after
    `joining_share`. `guided_method` is the method at a guidance scale above 1, `unguided_method` that at 1 or
    less, where `cfg` has no effect.
    """

    num_inference_steps: int
    guidance_scale: float
    width: int
    height: int
    joining_share: float = 0.0
    joining: tuple[DelayedNegative, ...] = ()
    guidance_rescale: float = 0.0
    weighting: Weighting = "scaled"
    guided_method: Method = "cfg"
    unguided_method: Method = "cfg"


_STAND_INS = {"num_inference_steps": 1, "guidance_scale": 1.0, "width": 8, "height": 8}


@dataclass(frozen=True)
class PromptReport:
    """How a model reads a text: weighted fragments, and the number of tokens and chunks for its text encoder.

    `unknown` has the words outside the model's vocabulary; it is empty if the model has no vocabulary list.
    """

    fragments: tuple[tuple[str, float], ...]
    tokens: int
    chunks: int
    unknown: tuple[str, ...]

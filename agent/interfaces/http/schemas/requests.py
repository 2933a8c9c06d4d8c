"""Request bodies of sessions and turns."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from .....errors import InvalidInputError
from .....generation.request import Method
from ....edits import MAX_PROMPT_CHARACTERS, MAX_UNDONE_TURNS, UserEdit
from ....exclusion_audit import DEFAULT_LIMIT
from ....verification.options import DEFAULT_TRIES, MAX_TRIES

MAX_TURN = 2**31 - 1

Words = str
"""A prompt or feedback. `validate_text` checks its length, for all interfaces alike."""
WHOLE_NUMBER = BeforeValidator(lambda value: _floats_to_integers(value))
"""Accepts 7.0 as a whole number, but not true. Must be the last annotation."""
Seed = Annotated[
    int, Field(ge=0, le=2**53 - 1, description="At most 2^53 − 1, which every JSON parser reads exactly."), WHOLE_NUMBER
]
TurnNumber = Annotated[int, Field(ge=0, le=MAX_TURN), WHOLE_NUMBER]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]

Tries = Annotated[
    int,
    Field(ge=0, le=MAX_TRIES, description="With `verify`: how many more pictures may be drawn for a turn."),
    WHOLE_NUMBER,
]
NewSeeds = Annotated[bool, Field(description="With `verify`: whether a try may use another seed.")]


class _RequestModel(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)  # true is not 1, and "7" is not 7


_edits_adapter: TypeAdapter[list[UserEdit]] = TypeAdapter(list[UserEdit])


def _floats_to_integers(value: Any) -> Any:
    """The value with floats such as 7.0 converted to integers, recursively: JSON has only one kind of number."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _floats_to_integers(item) for name, item in value.items()}
        case list():
            return [_floats_to_integers(item) for item in value]
        case _:
            return value


def _check_edits(edits: Any) -> Any:
    try:
        return _edits_adapter.validate_python(_floats_to_integers(edits), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "value_error":  # not a schema violation, for example a term that is too long
            raise InvalidInputError(f"edits.{place}: {first['ctx']['error']}") from None
        raise PydanticCustomError("edits", "{place}: {reason}", {"place": place, "reason": first["msg"]}) from None


class NewSessionRequest(_RequestModel):
    """The options of a new session. Omitted fields use the model's defaults and a random seed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": "portrait of a man without mustache", "seed": 7}]}
    )

    prompt: Words = Field(description="What the picture should show; “without X” excludes X.")
    negative: str = Field(
        default="",
        max_length=MAX_PROMPT_CHARACTERS,
        pattern=r"^[^\x00]*$",
        description="More exclusions, as a negative prompt: `watermark, (blurry:1.3)`.",
    )
    seed: Seed | None = None
    steps: Annotated[int, Field(ge=1, le=1000), WHOLE_NUMBER] | None = None
    guidance: Annotated[float, Field(ge=0, le=100)] | None = None
    width: Annotated[int, Field(ge=8, le=8192, multiple_of=8), WHOLE_NUMBER] | None = None
    height: Annotated[int, Field(ge=8, le=8192, multiple_of=8), WHOLE_NUMBER] | None = None
    method: Method | None = None
    clip_skip: Annotated[int, Field(ge=1, le=12, description="CLIP's layer from the end."), WHOLE_NUMBER] | None = None
    policies: list[Name] = Field(default=[], max_length=20)
    model: Name | None = None
    picture: str | None = Field(
        default=None, description="The picture that every turn starts from, as a base64 data URL; by default noise."
    )
    strength: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="With `picture`: how much of it may change; by default 0.6, and 1 with a mask."
    )
    mask: str | None = Field(
        default=None, description="With `picture`: a picture that is white where it may change, as a data URL."
    )
    verify: bool | None = Field(
        default=None,
        description="Whether judges look for what is excluded in every picture; by default by the server's settings.",
    )
    tries: Tries = DEFAULT_TRIES
    new_seeds: NewSeeds = False


class VerificationRequest(_RequestModel):
    """How the session's next turns are verified."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"verify": True, "tries": 3}, {"verify": False}]})

    verify: bool
    tries: Tries = DEFAULT_TRIES
    new_seeds: NewSeeds = False


class AuditRequest(_RequestModel):
    """The turn to audit, by default the current one, and how many of its exclusions: the latest ones."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"turn": 1, "limit": 3}]})

    turn: TurnNumber | None = None
    limit: Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER] = DEFAULT_LIMIT


class FeedbackRequest(_RequestModel):
    """Feedback on the current picture."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"feedback": "too cartoonish, and no watermark"}]})

    feedback: Words


class EditsRequest(_RequestModel):
    """Edits to apply without interpreting feedback, for example from buttons. `confirm` answers the open question."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"edits": [{"op": "reweight", "term": "cartoon", "weight": 1.3}]},
                {"edits": [{"op": "confirm", "yes": True}]},
            ]
        }
    )

    edits: Annotated[list[UserEdit], BeforeValidator(_check_edits), Field(min_length=1, max_length=50)]


class SeedRequest(_RequestModel):
    """Redraw with a seed; without one, with a new seed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seed": 8}, {}]})

    seed: Seed | None = None


class UndoRequest(_RequestModel):
    """The number of turns to go back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"turns": 1}]})

    turns: Annotated[int, Field(ge=1, le=MAX_UNDONE_TURNS), WHOLE_NUMBER] = 1


class BranchRequest(_RequestModel):
    """The turn to continue from."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"turn": 0}]})

    turn: TurnNumber


class RetryRequest(_RequestModel):
    """The turn to retry; by default the latest one without a picture."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"turn": 3}]})

    turn: TurnNumber | None = None

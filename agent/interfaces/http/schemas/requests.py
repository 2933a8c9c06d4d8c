"""What requests to sessions and turns bring: their bodies, field by field, as OpenAPI tells them."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from .....errors import InvalidInputError
from .....generation.request import Method
from ....edits import MAX_PROMPT_CHARACTERS, MAX_UNDONE_TURNS, Edit

MAX_TURN = 2**31 - 1

Words = str
"""Something that somebody says. `beginning.validate_text` says for every interface alike whether it is empty or too
long.
"""
WHOLE_NUMBER = BeforeValidator(lambda value: _whole(value))
"""Stands last with whole numbers: 7.0 is one, and true is none."""
Seed = Annotated[int, Field(ge=0, le=2**53 - 1, description="What every reader of JSON holds exactly."), WHOLE_NUMBER]
TurnNumber = Annotated[int, Field(ge=0, le=MAX_TURN), WHOLE_NUMBER]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class _RequestModel(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)  # true is no 1, and "7" no 7


_strictly: TypeAdapter[list[Edit]] = TypeAdapter(list[Edit])


def _whole(value: Any) -> Any:
    """The value with its numbers without a fraction as whole ones, wherever in it: JSON has but one kind."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _whole(each) for name, each in value.items()}
        case list():
            return [_whole(each) for each in value]
        case _:
            return value


def _check_edits(edits: Any) -> Any:
    try:
        return _strictly.validate_python(_whole(edits), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "value_error":  # no schema says that, such as that a term is too long
            raise InvalidInputError(f"edits.{place}: {first['ctx']['error']}") from None
        raise PydanticCustomError("edits", "{place}: {reason}", {"place": place, "reason": first["msg"]}) from None


class NewSessionRequest(_RequestModel):
    """What a session begins with; what is left out is the model's default, and the seed is drawn."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": "portrait of a man without mustache", "seed": 7}]}
    )

    prompt: Words = Field(description="What the picture should show; “without X” excludes X.")
    negative: str = Field(
        default="",
        max_length=MAX_PROMPT_CHARACTERS,
        pattern=r"^[^\x00]*$",
        description="Excluded besides, as negative prompts are written: `watermark, (blurry:1.3)`.",
    )
    seed: Seed | None = None
    steps: Annotated[int, Field(ge=1, le=1000), WHOLE_NUMBER] | None = None
    guidance: Annotated[float, Field(ge=0, le=100)] | None = None
    width: Annotated[int, Field(ge=8, le=8192, multiple_of=8), WHOLE_NUMBER] | None = None
    height: Annotated[int, Field(ge=8, le=8192, multiple_of=8), WHOLE_NUMBER] | None = None
    method: Method | None = None
    policies: list[Name] = Field(default=[], max_length=20)
    model: Name | None = None


class FeedbackRequest(_RequestModel):
    """What somebody says of the picture."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"feedback": "too cartoonish, and no watermark"}]})

    feedback: Words


class EditsRequest(_RequestModel):
    """Changes without words: what buttons and chips do."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"edits": [{"op": "reweight", "term": "cartoon", "weight": 1.3}]}]}
    )

    edits: Annotated[list[Edit], BeforeValidator(_check_edits), Field(min_length=1, max_length=50)]


class SeedRequest(_RequestModel):
    """The same again from a seed; from another one where none is named."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seed": 8}, {}]})

    seed: Seed | None = None


class UndoRequest(_RequestModel):
    """How many turns to go back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"turns": 1}]})

    turns: Annotated[int, Field(ge=1, le=MAX_UNDONE_TURNS), WHOLE_NUMBER] = 1


class BranchRequest(_RequestModel):
    """Which turn to go on from."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"turn": 0}]})

    turn: TurnNumber


class RetryRequest(_RequestModel):
    """Which turn to draw again; by default the latest that came to no picture."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"turn": 3}]})

    turn: TurnNumber | None = None

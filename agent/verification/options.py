"""How the turns of a session are verified."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ...errors import InvalidInputError

DEFAULT_TRIES = 2
MAX_TRIES = 5

Name = Annotated[str, AfterValidator(str.strip), Field(max_length=500)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class VerifyOptions:
    """Up to `tries` further pictures are drawn for a turn if something excluded is still there.

    `judges` are names of judges in order of preference; without any, the model's own. A try may use another seed only
    if `new_seeds`.
    """

    judges: tuple[Name, ...] = ()
    tries: Annotated[int, Field(ge=0, le=MAX_TRIES)] = DEFAULT_TRIES
    new_seeds: bool = False

    @classmethod
    def create(cls, **values: Any) -> "VerifyOptions":
        """Validate values.

        Raises:
            InvalidInputError: if one is out of range.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise InvalidInputError(f"--{first['loc'][0]}: {first['msg']}, not {first['input']!r}") from None

    @classmethod
    def to_record(cls, options: "VerifyOptions | bool | None") -> dict[str, Any] | None:
        """The options as the store keeps them with a session; None if its turns are not verified."""
        value: dict[str, Any] | None = _adapter.dump_python(cls() if options is True else options or None, mode="json")
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any] | None) -> "VerifyOptions | None":
        """The options of a session's record; None if its turns are not verified."""
        return _adapter.validate_python(value)


_adapter: TypeAdapter[VerifyOptions | None] = TypeAdapter(VerifyOptions | None)

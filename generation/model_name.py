"""A model's name with options, in the form of a URL query: `MODEL?text_encoder=FILE&vae=FILE&quantize=int8`.

Requests store this name, so that a session, a replay and a server load the same model without further settings.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import parse_qsl, quote, urlencode

from .errors import InvalidModelError

Quantize = Literal["none", "nf4", "int8", "fp8"]
Offload = Literal["none", "model", "group"]


@dataclass(frozen=True)
class ModelName:
    """A model, the files that complete it, and how its weights are stored. None leaves the choice to the engine."""

    model: str
    text_encoders: tuple[str, ...] = ()
    vae: str | None = None
    quantize: Quantize | None = None
    offload: Offload | None = None

    @classmethod
    def parse(cls, text: str) -> "ModelName":
        """Read a name. The part after the last “?” has the options, unless a file has exactly this name.

        Raises:
            InvalidModelError: an option is unknown or has a wrong value.
        """
        model, mark, query = text.rpartition("?")
        if not mark or Path(text).expanduser().exists():
            return cls(text)
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
            if not pairs:
                raise ValueError("no options")
        except ValueError:
            raise InvalidModelError(f"{text}: write options as MODEL?quantize=int8&offload=model") from None
        if unknown := [name for name, _ in pairs if name not in ("text_encoder", *_SINGLE)]:
            raise InvalidModelError(f"{text}: no option “{unknown[0]}”: there is text_encoder, {', '.join(_SINGLE)}")
        values = dict(pairs)
        encoders = tuple(value for name, value in pairs if name == "text_encoder")
        return cls(model, encoders, values.get("vae")).with_storage(values.get("quantize"), values.get("offload"))

    def with_storage(self, quantize: str | None, offload: str | None = None) -> "ModelName":
        """This name with other storage options; None keeps what it has.

        Raises:
            InvalidModelError: a value is unknown.
        """
        for option, value, known in (("quantize", quantize, Quantize), ("offload", offload, Offload)):
            if value is not None and value not in get_args(known):
                raise InvalidModelError(f"--{option}: {value} is unknown: use {', '.join(get_args(known))}")
        return replace(
            self,
            quantize=cast("Quantize | None", quantize or self.quantize),
            offload=cast("Offload | None", offload or self.offload),
        )

    def map_files(self, change: Callable[[str], str]) -> "ModelName":
        """This name with `change` applied to the model and to each file."""
        encoders = tuple(map(change, self.text_encoders))
        return replace(self, model=change(self.model), text_encoders=encoders, vae=self.vae and change(self.vae))

    @property
    def files(self) -> tuple[str, ...]:
        """The files beside the model."""
        return (*self.text_encoders, *([self.vae] if self.vae else []))

    def __str__(self) -> str:
        pairs = [("text_encoder", file) for file in self.text_encoders]
        pairs += [(name, value) for name in _SINGLE if (value := getattr(self, name)) is not None]
        return f"{self.model}?{urlencode(pairs, safe='/', quote_via=quote)}" if pairs else self.model


_SINGLE = ("vae", "quantize", "offload")
"""Options that occur at most once."""

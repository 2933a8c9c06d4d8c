"""What the commands share: their options, the settings in force, and the studio."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ....errors import InvalidInputError

if TYPE_CHECKING:
    from ....storage import Store
    from ...settings import Settings
    from ...studio import Studio

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Model = Annotated[
    str | None, typer.Option(help="mini, a folder in diffusers' layout, a .safetensors file, or a hub id.")
]
Seed = Annotated[int | None, typer.Option(help="Where the noise starts from; drawn where it isn't given.")]
Steps = Annotated[int | None, typer.Option(help="Denoising steps; by default the model's own.")]
Guidance = Annotated[float | None, typer.Option(help="How strongly the words count; exclusions need more than 1.")]
Method = Annotated[
    str | None,
    typer.Option(
        metavar="<cfg|lookahead|apg|perp_neg|nag>",  # the help does not wait for `GenerationRequest`, which checks it
        help="How exclusions act; by default the model's own way (mini: lookahead), or cfg; nag where guidance is off.",
    ),
]
Lora = Annotated[list[str] | None, typer.Option(metavar="FILE[:WEIGHT]", help="A LoRA, as .safetensors.")]
Embedding = Annotated[
    list[str] | None, typer.Option(metavar="FILE", help="A textual inversion, said in prompts by its file's name.")
]
SessionId = Annotated[str, typer.Argument(metavar="SESSION", help="A session's id: see notthat sessions.")]


def request_extras(method: str | None, lora: list[str] | None, embedding: list[str] | None) -> dict[str, Any]:
    """What `--method`, `--lora` and `--embedding` ask of a request; a LoRA's weight is 1 where none is named.

    Raises:
        InvalidInputError: where a weight is no number.
    """
    files = tuple(str(Path(file).expanduser().absolute()) for file in embedding or ())
    asked = {"method": method, "loras": tuple(map(_parse_lora, lora or ())), "embeddings": files}
    return {name: value for name, value in asked.items() if value}


def _parse_lora(text: str) -> tuple[str, float]:
    file, colon, weight = text.rpartition(":")
    if not colon or weight.endswith(".safetensors"):
        file, weight = text, "1"
    try:
        return str(Path(file).expanduser().absolute()), float(weight)
    except ValueError:
        raise InvalidInputError(f"--lora: {weight} is no weight: say FILE:0.8") from None


def load_settings(model: str | None = None) -> "Settings":
    """The settings in force, with the model of an option where there is one."""
    from ...settings import Settings

    return Settings.load(model=model)


@contextmanager
def open_studio(model: str | None = None) -> Iterator["Studio"]:
    """The studio of the settings in force, closed afterwards."""
    from ...studio import Studio

    with Studio.open(load_settings(model)) as studio:
        yield studio


@contextmanager
def open_store() -> Iterator["Store"]:
    """The store of the settings in force, closed afterwards."""
    from ....storage import Store

    settings = load_settings()
    with Store.open(settings.database_url, home=settings.home) as store:
        yield store

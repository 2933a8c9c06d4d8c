"""Options that several commands have, and the settings, studio and store that commands use."""

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

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
Model = Annotated[
    str | None, typer.Option(help="Model: mini, a diffusers folder, a .safetensors file or a Hugging Face hub id.")
]
Seed = Annotated[int | None, typer.Option(help="Seed of the noise; random by default.")]
Steps = Annotated[int | None, typer.Option(help="Number of denoising steps; by default the model's.")]
Guidance = Annotated[
    float | None, typer.Option(help="Guidance scale; by default the model's. Exclusions need more than 1.")
]
Method = Annotated[
    str | None,
    typer.Option(
        metavar="<cfg|lookahead|apg|perp_neg|nag>",  # the help does not wait for `GenerationRequest`, which checks it
        help="Guidance method for exclusions; by default the model's (mini: lookahead) or cfg; nag if guidance is off.",
    ),
]
Lora = Annotated[list[str] | None, typer.Option(metavar="FILE[:WEIGHT]", help="A LoRA (.safetensors).")]
Embedding = Annotated[
    list[str] | None, typer.Option(metavar="FILE", help="A textual inversion; its file name is its word in prompts.")
]
ClipSkip = Annotated[
    int | None,
    typer.Option(metavar="N", help="CLIP's N-th layer from the end, on Stable Diffusion 1, 2 and XL; many want 2."),
]
SessionId = Annotated[str, typer.Argument(metavar="SESSION", help="Id of a session; notthat sessions lists them.")]


def request_extras(
    method: str | None, lora: list[str] | None, embedding: list[str] | None, clip_skip: int | None
) -> dict[str, Any]:
    """The request fields for `--method`, `--lora`, `--embedding` and `--clip-skip`. The default weight of a LoRA is 1.

    Raises:
        InvalidInputError: if a weight is not a number.
    """
    files = tuple(str(Path(file).expanduser().absolute()) for file in embedding or ())
    fields = {"method": method, "loras": tuple(map(_parse_lora, lora or ())), "embeddings": files}
    return {name: value for name, value in {**fields, "clip_skip": clip_skip}.items() if value not in (None, (), "")}


def _parse_lora(text: str) -> tuple[str, float]:
    file, colon, weight = text.rpartition(":")
    if not colon or weight.endswith(".safetensors"):
        file, weight = text, "1"
    try:
        return str(Path(file).expanduser().absolute()), float(weight)
    except ValueError:
        raise InvalidInputError(f"--lora: {weight} is not a number: write FILE:0.8") from None


def load_settings(model: str | None = None) -> "Settings":
    """The settings, with `model` in place of the configured one if given."""
    from ...settings import Settings

    return Settings.load(model=model)


@contextmanager
def open_studio(model: str | None = None) -> Iterator["Studio"]:
    """Open the studio that the settings describe and close it at the end."""
    from ...studio import Studio

    with Studio.open(load_settings(model)) as studio:
        yield studio


@contextmanager
def open_store() -> Iterator["Store"]:
    """Open the store that the settings describe and close it at the end."""
    from ....storage import Store

    settings = load_settings()
    with Store.open(settings.database_url, home=settings.home) as store:
        yield store

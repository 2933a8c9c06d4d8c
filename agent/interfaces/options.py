"""What the commands share: their options, the settings in force, and the studio."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..settings import Settings
    from ..studio import Studio

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Model = Annotated[
    str | None, typer.Option(help="mini, a folder in diffusers' layout, a .safetensors file, or a hub id.")
]
Seed = Annotated[int | None, typer.Option(help="Where the noise starts from; drawn where it isn't given.")]
Steps = Annotated[int | None, typer.Option(help="Denoising steps; by default the model's own.")]
Guidance = Annotated[float | None, typer.Option(help="How strongly the words count; exclusions need more than 1.")]
SessionId = Annotated[str, typer.Argument(metavar="SESSION", help="A session's id: see notthat sessions.")]


def load_settings(model: str | None = None) -> "Settings":
    """The settings in force, with the model of an option where there is one."""
    from ..settings import Settings

    return Settings.load(model=model)


@contextmanager
def open_studio(model: str | None = None) -> Iterator["Studio"]:
    """The studio of the settings in force, closed afterwards."""
    from ..studio import Studio

    with Studio.open(load_settings(model)) as studio:
        yield studio

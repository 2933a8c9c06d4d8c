"""Options that several commands have, and the settings, studio and store that commands use."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ....errors import InvalidInputError

if TYPE_CHECKING:
    from ....storage import Store
    from ...settings import Settings
    from ...studio import Studio
    from ...verification import VerifyOptions

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
Model = Annotated[
    str | None,
    typer.Option(
        help="Model: mini, a diffusers folder, a .safetensors or .gguf file, its name in NOTTHAT_MODELS, or a hub id."
    ),
]
TextEncoder = Annotated[
    list[str] | None, typer.Option(metavar="FILE", help="A text encoder that completes --model; several are allowed.")
]
Vae = Annotated[str | None, typer.Option(metavar="FILE", help="The autoencoder that completes --model.")]
Quantize = Annotated[
    str | None,
    typer.Option(metavar="<none|nf4|int8|fp8>", help="Store weights in less memory; by default as the memory demands."),
]
Offload = Annotated[
    str | None,
    typer.Option(
        metavar="<none|model|group>", help="Keep weights off the GPU until used; by default as the memory demands."
    ),
]
Seed = Annotated[int | None, typer.Option(help="Seed of the noise; random by default.")]
Steps = Annotated[int | None, typer.Option(help="Number of denoising steps; by default the model's.")]
Guidance = Annotated[
    float | None, typer.Option(help="Guidance scale; by default the model's. Exclusions need more than 1.")
]
Method = Annotated[
    str | None,
    typer.Option(
        # the help does not wait for `GenerationRequest`, which checks it
        metavar="<cfg|lookahead|apg|perp_neg|nag|ong|vsf>",
        help="Guidance method for exclusions; by default the model's (mini: lookahead) or cfg; nag if guidance is off.",
    ),
]
Lora = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE[:WEIGHT]", help="A LoRA (.safetensors), or its name in the loras folder."),
]
Embedding = Annotated[
    list[str] | None, typer.Option(metavar="FILE", help="A textual inversion; its file name is its word in prompts.")
]
LLMTimeout = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="How long to wait for an answer of the language model.")
]
ClipSkip = Annotated[
    int | None,
    typer.Option(metavar="N", help="CLIP's N-th layer from the end, on Stable Diffusion 1, 2 and XL; many want 2."),
]
From = Annotated[
    Path | None,
    typer.Option("--from", metavar="PICTURE", help="Start from a picture; one that a session drew goes on with it."),
]
Strength = Annotated[
    float | None,
    typer.Option(metavar="X", help="With --from: how much may change, from 0 (nothing) to 1 (everything); 0.6."),
]
Mask = Annotated[
    Path | None, typer.Option(metavar="FILE", help="With --from: a picture that is white where it may change.")
]
Verify = Annotated[
    bool | None,
    typer.Option("--verify/--no-verify", help="Whether judges look for what is excluded in the session's pictures."),
]
Tries = Annotated[
    int | None, typer.Option(metavar="N", help="With --verify: how many more pictures may be drawn for a turn (2).")
]
JudgeName = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="With --verify: mini, llm, a hub id or a folder; several are asked in order."),
]
NewSeeds = Annotated[bool, typer.Option("--new-seeds", help="With --verify: whether a try may use another seed.")]
SessionId = Annotated[str, typer.Argument(metavar="SESSION", help="Id of a session; notthat sessions lists them.")]


def request_extras(
    method: str | None, lora: list[str] | None, embedding: list[str] | None, clip_skip: int | None
) -> dict[str, Any]:
    """The request fields for `--method`, `--lora`, `--embedding` and `--clip-skip`. The default weight of a LoRA is 1.

    Raises:
        InvalidInputError: if a weight is not a number, or a name is that of several files.
    """
    files = tuple(_find_file(file, _find_embedding) for file in embedding or ())
    fields = {"method": method, "loras": tuple(map(_parse_lora, lora or ())), "embeddings": files}
    return {name: value for name, value in {**fields, "clip_skip": clip_skip}.items() if value not in (None, (), "")}


def verify_options(
    verify: bool | None, tries: int | None, judge: list[str] | None, new_seeds: bool
) -> "VerifyOptions | bool | None":
    """The options of `--verify`; False with `--no-verify`, None without both.

    Raises:
        InvalidInputError: if a value is out of range, or is given without `--verify`.
    """
    if not verify:
        if tries is not None or judge or new_seeds:
            raise InvalidInputError("--tries, --judge and --new-seeds say how to verify: give --verify too")
        return verify
    from ...verification import VerifyOptions

    given = {} if tries is None else {"tries": tries}
    return VerifyOptions.create(judges=tuple(map(_name_judge, judge or ())), new_seeds=new_seeds, **given)


def _name_judge(name: str) -> str:
    """A judge's name as sessions store it: a folder's path is absolute."""
    folder = Path(name).expanduser()
    return str(folder.absolute()) if name not in ("", "mini", "llm") and folder.is_dir() else name


def _parse_lora(text: str) -> tuple[str, float]:
    file, colon, weight = text.rpartition(":")
    if not colon or weight.endswith(".safetensors"):
        file, weight = text, "1"
    try:
        number = float(weight)
    except ValueError:
        raise InvalidInputError(f"--lora: {weight} is not a number: write FILE:0.8") from None
    return _find_file(file, _find_lora), number


def _find_lora(name: str) -> str | None:
    return load_settings().networks.find_lora(name)


def _find_embedding(name: str) -> str | None:
    return load_settings().networks.find_embedding(name)


def _find_file(file: str, find: Callable[[str], str | None]) -> str:
    """The absolute path of a file, or of the file in the library that has this name."""
    path = Path(file).expanduser()
    return (None if path.is_file() else find(file)) or str(path.absolute())


def name_model(
    model: str | None,
    text_encoder: list[str] | None,
    vae: str | None,
    quantize: str | None,
    offload: str | None,
) -> str | None:
    """The model's name with the options that complete it; None if none of them is given.

    Raises:
        InvalidInputError: if a value is unknown.
    """
    if not any((text_encoder, vae, quantize, offload)):
        return model
    from ....generation import ModelName

    name = ModelName.parse(model or load_settings().model).with_storage(quantize, offload)
    return str(replace(name, text_encoders=tuple(text_encoder or name.text_encoders), vae=vae or name.vae))


def load_settings(model: str | None = None, llm_timeout: float | None = None) -> "Settings":
    """The settings, with these values in place of the configured ones if given."""
    from ...settings import Settings

    return Settings.load(model=model, llm_timeout=llm_timeout)


@contextmanager
def open_studio(model: str | None = None, llm_timeout: float | None = None) -> Iterator["Studio"]:
    """Open the studio that the settings describe and close it at the end."""
    from ...studio import Studio

    with Studio.open(load_settings(model, llm_timeout)) as studio:
        yield studio


@contextmanager
def open_store() -> Iterator["Store"]:
    """Open the store that the settings describe and close it at the end."""
    from ....storage import Store

    settings = load_settings()
    with Store.open(settings.database_url, home=settings.home, images=settings.images) as store:
        yield store
